//! Difficult charts: where Helm packs them, chartrel writes the same; where Helm refuses them, so does chartrel; and the index is Helm's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests end like tests")]

use chartrel_core::{
    Sha256,
    chart::{Chart, FileMode, SourceFile},
    index::{self, Splice},
    package,
};
use chartrel_peers::{peer, program};
use chrono::DateTime;
use std::{collections::BTreeMap, io::Read as _, path::Path, process::Command};
use tempfile::TempDir;

const EPOCH: i64 = 1_763_600_000;
const PLAIN: &str = "apiVersion: v2\nname: boat\nversion: 1.2.3\ndescription: floats\n";

type Files = Vec<(String, Vec<u8>)>;

fn text(list: &[(&str, &str)]) -> Files {
    list.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

fn chart(files: &Files) -> Vec<SourceFile> {
    files.iter().map(|(path, bytes)| SourceFile { path: path.clone(), mode: FileMode::Regular, bytes: bytes.clone() }).collect()
}

fn lay_out(root: &Path, files: &Files) {
    for (path, bytes) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

fn helm(dir: &TempDir) -> Command {
    let mut helm = program::command(peer("helm"));
    helm.current_dir(dir.path()).env("SOURCE_DATE_EPOCH", EPOCH.to_string()).env("HOME", dir.path());
    helm
}

/// The package Helm makes, or what it says against it.
fn by_helm(files: &Files) -> Result<Vec<u8>, String> {
    let dir = TempDir::new().unwrap();
    lay_out(&dir.path().join("chart"), files);
    let output = helm(&dir).args(["package", "chart", "--destination", "out"]).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let package = std::fs::read_dir(dir.path().join("out")).unwrap().next().unwrap().unwrap().path();
    Ok(std::fs::read(package).unwrap())
}

/// Files and bytes of a package; Helm's order of subcharts is that of a Go map, so each chart has a list of its own.
fn by_chart(package: &[u8]) -> BTreeMap<String, Vec<(String, Vec<u8>)>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(package));
    let mut charts: BTreeMap<String, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut content = entry.header().as_bytes().to_vec();
        entry.read_to_end(&mut content).unwrap();
        let parts: Vec<&str> = path.split('/').collect();
        let depth = parts.windows(3).enumerate().filter(|(n, part)| n % 2 == 1 && part[0] == "charts").count();
        charts.entry(parts[..=2 * depth].join("/")).or_default().push((path.clone(), content));
    }
    charts
}

fn same(name: &str, files: &Files) {
    let theirs = by_chart(&by_helm(files).unwrap_or_else(|error| panic!("{name}: {error}")));
    let loaded = Chart::load(chart(files)).unwrap_or_else(|refused| panic!("{name}: {refused}"));
    let ours = by_chart(&package::package(&loaded, EPOCH).unwrap().bytes);
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{name}");
    for (our, their) in ours.values().flatten().zip(theirs.values().flatten()) {
        assert_eq!(our.0, their.0, "{name}");
        let shown = |content: &[u8]| String::from_utf8_lossy(content).into_owned();
        assert!(our.1 == their.1, "{name}: {}\n--- chartrel\n{}\n--- helm\n{}", our.0, shown(&our.1), shown(&their.1));
    }
}

/// A chart as a `.tgz` below another one, its files in an order of their own.
fn packed() -> Vec<u8> {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()));
    for (path, text) in [
        ("oar/templates/z.yaml", "z"),
        ("oar/Chart.yaml", "apiVersion: v2\nname: oar\nversion: v1\n"),
        ("oar/.helmignore", "README.md\n"),
        ("oar/README.md", "\u{feff}not ignored"),
        ("oar/templates/a.yaml", "a"),
        ("oar/charts/rowlock/Chart.yaml", "name: rowlock\nversion: \"2\"\n"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

#[test]
fn charts_below_charts_are_packed_as_helm_packs_them() {
    let needs = "dependencies:\n- {name: oar, version: '>=1', repository: 'https://example.org', alias: oar_left, condition: 'a.b', tags: [x], enabled: true}\n- \
        {name: sail, version: 1.x.x, import-values: [data, {child: a, parent: b}]}\n- {name: net, version: '*', repository: ''}\n";
    let sub = |name: &str| format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\nappVersion: 1.10\nannotations: {{a: 1_000}}\n");
    let mut files = text(&[
        ("Chart.yaml", &format!("{PLAIN}{needs}")),
        (
            "Chart.lock",
            "dependencies:\n- name: oar\n  repository: https://example.org\n  version: v1\ndigest: sha256:0\ngenerated: \"2021-01-01T00:00:00.123Z\"\n",
        ),
        (".helmignore", "*.bak\ncharts/sail/skip/\n"),
        ("charts/oar-1.tgz.prov", "prov"),
        ("charts/sail/Chart.yaml", &sub("sail")),
        ("charts/sail/.helmignore", "*.txt\n"),
        ("charts/sail/a.txt", "kept"),
        ("charts/sail/b.bak", ""),
        ("charts/sail/skip/c", ""),
        ("charts/other-folder/Chart.yaml", &sub("net")),
        ("charts/other-folder/charts/knot/Chart.yaml", &sub("knot")),
        ("charts/_off/x", ""),
        ("charts/.off/x", ""),
    ]);
    files.push(("charts/oar-1.tgz".to_owned(), packed()));
    same("charts below a chart", &files);
}

#[test]
fn charts_of_the_first_form_are_packed_as_helm_packs_them() {
    let old = [
        ("Chart.yaml", "name: boat\nversion: 1.2.3\ndescription: floats\n"),
        ("requirements.yaml", "dependencies:\n- name: oar\n  version: 0.1.0\n  repository: https://example.org\n"),
        ("requirements.lock", "dependencies: []\ndigest: x\ngenerated: 2021-01-01T00:00:00Z\n"),
        ("charts/oar/Chart.yaml", "name: oar\nversion: 0.1.0\n"),
    ];
    same("v1", &text(&old));
    let mut new = old.to_vec();
    new[0].1 = PLAIN;
    same("v2 with the files of v1", &text(&new));
}

#[test]
fn texts_of_every_kind_are_written_as_helm_writes_them() {
    const PARTS: [&str; 47] = [
        " ", "  ", "\n", "\n\n", "\t", "a", "word", "- ", "-", ": ", ":", "#", " #", "\"", "'", "{", "}", "[", "]", ",", "&", "*", "!",
        "|", ">", "%", "@", "`", "1", "0", ".", "_", "e", "+", "true", "no", "null", "~", "é", "日本", "🚤", "\\", "? ", "---", "<<", "\r",
        "\u{a0}",
    ];
    // A fixed sequence: the constants are those of Knuth's MMIX.
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for round in 0..12 {
        let mut phrase = |longest: usize| (0..next(longest)).map(|_| PARTS[next(PARTS.len())]).collect::<String>();
        let annotations: BTreeMap<String, String> =
            (0..60).map(|n| (format!("example.org/k{n}"), phrase(if n % 3 == 0 { 50 } else { 6 }))).collect();
        let keywords: Vec<String> = (0..8).map(|_| phrase(30)).collect();
        let json = serde_json::json!({
            "apiVersion": "v2", "name": "boat", "version": "1.2.3", "description": format!("d{}", phrase(60)),
            "annotations": annotations, "keywords": keywords, "maintainers": [{"name": phrase(30)}, {}],
        });
        same(&format!("round {round}"), &text(&[("Chart.yaml", &json.to_string())]));
    }
}

#[test]
fn what_helm_cannot_pack_is_refused() {
    let with = |more: &str| format!("{PLAIN}{more}\n");
    for (path, content) in [
        ("Chart.yaml", with("keywords: sea")),
        ("Chart.yaml", with("deprecated: \"true\"")),
        ("Chart.yaml", with("annotations: {a: {b: c}}")),
        ("Chart.yaml", with("maintainers: [ada]")),
        ("Chart.yaml", with("maintainers: [null]")),
        ("Chart.yaml", with("dependencies: [{name: a}, {name: a}]")),
        ("Chart.yaml", with("dependencies: [{name: a, alias: \"a b\"}]")),
        ("Chart.yaml", with("dependencies: [{name: gone, version: 1.x.x}]")),
        ("Chart.yaml", with("type: thing")),
        ("Chart.yaml", with("a: [")),
        ("Chart.yaml", PLAIN.replace("v2", "v3")),
        ("Chart.yaml", PLAIN.replace("boat", "a/b")),
        ("Chart.yaml", PLAIN.replace("1.2.3", "1.2.3-01")),
        ("values.yaml", "- a\n".to_owned()),
        ("values.yaml", "a:\n\tb: 1\n".to_owned()),
        ("values.schema.json", "{".to_owned()),
        (".helmignore", "a[\n".to_owned()),
        (".helmignore", "**/a\n".to_owned()),
        (".helmignore", "!kept\n".to_owned()),
        ("charts/README.md", "x".to_owned()),
        ("charts/oar/values.yaml", String::new()),
        ("charts/oar/Chart.yaml", "name: oar\n".to_owned()),
        ("charts/oar/Chart.yaml", "name: ..\nversion: 1.0.0\n".to_owned()),
        ("charts/oar/Chart.yaml", "name: oar\nversion: 99999999999999999999.0.0\n".to_owned()),
        ("charts/oar.tgz", "no package".to_owned()),
    ] {
        let mut files = text(&[("Chart.yaml", PLAIN)]);
        files.retain(|(known, _)| known != path);
        files.push((path.to_owned(), content.clone().into_bytes()));
        let theirs = by_helm(&files).expect_err(&content);
        let ours = Chart::load(chart(&files)).and_then(|chart| package::tar(&chart, EPOCH));
        assert!(ours.is_err(), "{path}: {content}\nHelm says {theirs}");
    }
}

#[test]
fn an_index_with_one_package_is_the_one_helm_writes() {
    let full = format!(
        "{PLAIN}appVersion: \"1.10\"\nkeywords: [a, \"on\"]\nhome: https://example.org\ndeprecated: true\nannotations:\n  b: |\n    - x\n    - y\n  a: \"{}\"\n\
         maintainers: [{{name: Ada, email: a@example.org}}]\ndependencies: [{{name: oar, version: '>=1'}}]\n",
        "long words ".repeat(20)
    );
    let loaded = Chart::load(chart(&text(&[("Chart.yaml", &full), ("charts/oar/Chart.yaml", "name: oar\nversion: 1.0.0\n")]))).unwrap();
    let package = package::package(&loaded, EPOCH).unwrap();
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join(&package.name), &package.bytes).unwrap();
    program::run(helm(&dir).args(["repo", "index", ".", "--url", "https://example.org/charts"]));
    let theirs = std::fs::read_to_string(dir.path().join("index.yaml")).unwrap();
    let metadata = package::read(&package.bytes).unwrap().metadata;
    let url = format!("https://example.org/charts/{}", package.name);
    let entry = index::entry(&metadata.document, Sha256::of(&package.bytes), &url, DateTime::from_timestamp(EPOCH, 0).unwrap()).unwrap();
    let Splice::Added(ours) = index::splice(None, &entry).unwrap() else { panic!("nothing was added") };
    let timeless = |index: &str| {
        let is_time = |line: &&str| !line.trim_start().starts_with("created: ") && !line.starts_with("generated: ");
        index.lines().filter(is_time).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(timeless(&ours), timeless(&theirs));
    std::fs::write(dir.path().join("index.yaml"), ours).unwrap();
    let merged = helm(&dir).args(["repo", "index", ".", "--merge", "index.yaml"]).output().unwrap();
    assert!(merged.status.success(), "{}", String::from_utf8_lossy(&merged.stderr));
}
