//! The tar of a package is byte for byte what `helm package` writes for the same files and the same time.
//!
//! `CHARTREL_REAL_CHARTS` names a folder of further charts to hold against Helm.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests end like tests")]

use chartrel_core::{
    chart::{Chart, FileMode, SourceFile},
    package,
};
use chartrel_peers::{peer, program};
use std::{
    io::Read as _,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

const EPOCH: i64 = 1_763_600_000;

const PLAIN: &str = "apiVersion: v2\nname: boat\nversion: 1.2.3\ndescription: floats\n";
const FULL: &str = "# A comment that Helm drops\nname: boat\nversion: 1.2.3-rc.1+build.5\nappVersion: \"1.10\"\napiVersion: v2\ntype: application\n\
    kubeVersion: '>=1.25.0-0'\ndescription: |\n  Floats.\n  And \"sinks\": é, 日本, 🚤\nkeywords: [sea, 'no', \"1.0\", ~x]\nhome: https://example.org\n\
    sources:\n- https://example.org/a\nmaintainers:\n- name: Ada\n  email: ada@example.org\n- url: https://example.org/b\n  name: Bo\n\
    icon: https://example.org/i.svg\ndeprecated: true\nannotations:\n  z: last\n  artifacthub.io/changes: |\n    - kind: added\n      \
    description: \"one: two\"\n  a: 'true'\n  number: \"01\"\n  empty: ''\n  trailing: \"space \"\n  long: aaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbb \
    cccccccccccccccccccccc dddddddddddddddddddddd eeeeeeeeeeeeeeeeee\n";

fn files(list: &[(&str, &str)]) -> Vec<SourceFile> {
    list.iter().map(|(path, text)| SourceFile { path: (*path).into(), mode: FileMode::Regular, bytes: (*text).into() }).collect()
}

/// The tar that Helm writes.
fn by_helm(chart: &[SourceFile]) -> Vec<u8> {
    let (source, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let folder = source.path().join("boat");
    for file in chart {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.bytes).unwrap();
    }
    let mut helm = program::command(peer("helm"));
    helm.args(["package", "--destination"])
        .arg(out.path())
        .arg(&folder)
        .env("SOURCE_DATE_EPOCH", EPOCH.to_string())
        .env("HOME", source.path());
    program::run(&mut helm);
    let package = std::fs::read_dir(out.path()).unwrap().next().unwrap().unwrap().path();
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(package).unwrap()).read_to_end(&mut tar).unwrap();
    tar
}

/// Holds a chart against Helm; the first block that differs is shown with the one before it.
fn same(name: &str, chart: Vec<SourceFile>) {
    let expected = by_helm(&chart);
    let actual = package::tar(&Chart::load(chart).unwrap_or_else(|refused| panic!("{name}: {refused:?}")), EPOCH).unwrap();
    let blocks = expected.chunks(512).zip(actual.chunks(512)).position(|(one, other)| one != other);
    let Some(block) = blocks.or_else(|| (expected.len() != actual.len()).then_some(expected.len().min(actual.len()) / 512)) else { return };
    let around = |tar: &[u8]| {
        String::from_utf8_lossy(tar.chunks(512).skip(block.saturating_sub(1)).take(2).flatten().copied().collect::<Vec<_>>().as_slice())
            .into_owned()
    };
    panic!(
        "{name}: block {block} differs ({} and {} bytes)\n--- helm\n{}\n--- chartrel\n{}",
        expected.len(),
        actual.len(),
        around(&expected),
        around(&actual)
    );
}

#[test]
fn hand_made_charts_are_packed_as_helm_packs_them() {
    let long = format!("files/{}/{}.txt", "d".repeat(90), "f".repeat(90));
    let other = format!("files/é{}.txt", "x".repeat(120));
    for (name, list) in plain().into_iter().chain(odd(&long, &other)) {
        same(name, files(&list));
    }
}

type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>);

/// Charts whose parts and order are what Helm's own code decides.
fn plain() -> Vec<Case<'static>> {
    vec![
        ("nothing but Chart.yaml", vec![("Chart.yaml", PLAIN)]),
        ("every field", vec![("Chart.yaml", FULL), ("values.yaml", "# kept\na: 1\n")]),
        (
            "every kind of file",
            vec![
                ("Chart.yaml", PLAIN),
                ("values.yaml", ""),
                ("values.schema.json", "{\"type\":  \"object\"}\n"),
                ("README.md", "# Boat\r\n"),
                ("LICENSE", "none"),
                ("crds/a.yaml", "kind: A\n"),
                ("templates/NOTES.txt", "hello\n"),
                ("templates/_helpers.tpl", "{{/* a */}}"),
                ("templates/sub/b.yaml", "b: 1\n"),
                ("ci/test-values.yaml", "a: 2\n"),
                (".hidden", "kept\n"),
            ],
        ),
        (
            "names that sort oddly",
            vec![("Chart.yaml", PLAIN), ("a.txt", "1"), ("a/b.txt", "2"), ("a-b.txt", "3"), ("B.txt", "4"), ("a/b/c.txt", "5")],
        ),
    ]
}

/// Charts whose names, ignored files or nested charts are the difficulty.
fn odd<'a>(long: &'a str, other: &'a str) -> Vec<Case<'a>> {
    let oar = "apiVersion: v2\nname: oar\nversion: 0.1.0\ndescription: rows\n";
    vec![
        ("long names and other alphabets", vec![("Chart.yaml", PLAIN), (long, "long\n"), (other, "odd\n"), ("files/ü.txt", "u")]),
        (
            "ignored files",
            vec![
                ("Chart.yaml", PLAIN),
                (".helmignore", "# comment\n*.tmp\n/top.txt\nbuild/\n"),
                ("x.tmp", "x"),
                ("top.txt", "t"),
                ("files/top.txt", "t"),
                ("build/a", "a"),
                ("templates/_x.yaml", "a"),
            ],
        ),
        (
            "a subchart as a folder",
            vec![
                (
                    "Chart.yaml",
                    "apiVersion: v2\nname: boat\nversion: 1.2.3\ndescription: floats\ndependencies:\n- name: oar\n  version: 0.1.0\n  repository: file://charts/oar\n",
                ),
                ("charts/oar/Chart.yaml", oar),
                ("charts/oar/values.yaml", "length: 2\n"),
                ("charts/oar/templates/a.yaml", "a: 1\n"),
            ],
        ),
        (
            "byte order marks",
            vec![
                ("Chart.yaml", "\u{feff}apiVersion: v2\nname: boat\nversion: 1.2.3\ndescription: floats\n"),
                ("values.yaml", "\u{feff}a: 1\n"),
            ],
        ),
    ]
}

#[test]
fn further_charts_are_packed_as_helm_packs_them() {
    let folders = std::env::var_os("CHARTREL_REAL_CHARTS").map(PathBuf::from);
    if let Some(folder) = folders {
        let charts = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for chart in charts.map(|entry| entry.unwrap().path()).filter(|path| path.join("Chart.yaml").exists()) {
            let mut found = Vec::new();
            read(&chart, Path::new(""), &mut found);
            same(&chart.display().to_string(), found);
        }
    }
}

fn read(root: &Path, below: &Path, found: &mut Vec<SourceFile>) {
    for entry in std::fs::read_dir(root.join(below)).unwrap() {
        let path = below.join(entry.unwrap().file_name());
        let absolute = root.join(&path);
        if absolute.is_dir() {
            read(root, &path, found);
        } else {
            let path = path.to_str().unwrap().to_owned();
            found.push(SourceFile { path, mode: FileMode::Regular, bytes: std::fs::read(absolute).unwrap() });
        }
    }
}
