//! `chartrel rehearse` on the built-in example, and what a reader can prove afterwards from what it left.

#![allow(clippy::unwrap_used, clippy::panic)]

mod story;

use chartrel_core::Sha256;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};
use story::{binary, git};
use tempfile::TempDir;

/// The rehearsal that all of these tests read; it is played once.
static PLAYED: LazyLock<Played> = LazyLock::new(Played::new);

struct Played {
    out: PathBuf,
    output: Output,
    _place: TempDir,
}

impl Played {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("out");
        let output = Command::new(binary()).args(["rehearse", "--json", "--out"]).arg(&out).output().unwrap();
        Self { out, output, _place: place }
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.out.join("github.git"), arguments)
    }

    fn report(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.out.join("report.json")).unwrap()).unwrap()
    }

    fn releases(&self) -> Vec<Value> {
        self.report()["releases"].as_array().unwrap().clone()
    }

    fn table(&self, name: &str) -> Vec<Value> {
        serde_json::from_slice(&std::fs::read(self.out.join("github").join(format!("{name}.json"))).unwrap()).unwrap()
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {value}"))
}

fn digest(path: &Path) -> String {
    Sha256::of(std::fs::read(path).unwrap()).to_string()
}

#[test]
fn the_example_is_played_to_two_releases() {
    let log = String::from_utf8_lossy(&PLAYED.output.stderr);
    assert_eq!(PLAYED.output.status.code(), Some(0), "{log}");
    let tags: BTreeSet<_> = PLAYED.git(&["tag", "--list"]).lines().map(str::to_owned).collect();
    let released: BTreeSet<_> = PLAYED.releases().iter().map(|release| text(release, "tag").to_owned()).collect();
    assert_eq!(tags, released);
    assert_eq!(released.len(), 2);
    for tag in &tags {
        assert_eq!(PLAYED.git(&["cat-file", "-t", &format!("refs/tags/{tag}")]), "tag", "{tag} is annotated");
    }
}

#[test]
fn stdout_is_the_report_alone() {
    let printed: Value = serde_json::from_slice(&PLAYED.output.stdout).unwrap();
    assert_eq!(printed, PLAYED.report());
}

#[test]
fn what_is_promised_lies_in_the_folder() {
    for name in ["report.md", "report.json", "github.git", "github/traffic.jsonl", "helm-repo/index.yaml", "trust/trusted_root.json"] {
        assert!(PLAYED.out.join(name).exists(), "{name}");
    }
    for release in PLAYED.releases() {
        let (tag, chart, version) = (text(&release, "tag"), text(&release, "chart"), text(&release, "version"));
        let package = format!("{chart}-{version}.tgz");
        for name in [package.clone(), format!("{package}.sigstore.json"), format!("{package}.sig"), "attestation-lineage.json".into()] {
            assert!(PLAYED.out.join("releases").join(tag).join(&name).exists(), "{tag} {name}");
        }
        assert!(PLAYED.out.join("lineage").join(format!("{chart}-{version}.json")).exists(), "{tag}");
    }
    // The report is to be passed on: nothing of this machine is in it.
    let markdown = std::fs::read_to_string(PLAYED.out.join("report.md")).unwrap();
    assert!(!markdown.contains(&PLAYED.out.display().to_string()), "{markdown}");
}

/// The paths below `charts/` that a commit changes against its first parent.
fn changed(commit: &str) -> BTreeSet<String> {
    PLAYED.git(&["diff", "--name-only", &format!("{commit}^1"), commit]).lines().map(str::to_owned).collect()
}

#[test]
fn no_commit_or_pull_request_on_the_way_of_one_chart_has_a_file_of_the_other() {
    for release in PLAYED.releases() {
        let chart = text(&release, "chart").to_owned();
        let own = |path: &String| path.starts_with(&format!("charts/{chart}/"));
        let tagged = text(&release, "commit");
        assert!(changed(tagged).iter().all(own), "{chart}: {:?}", changed(tagged));
        // The second parent is the chart branch: bump on the merge of the sync commit, up to where it left `main`.
        let branch = PLAYED.git(&["rev-list", &format!("{tagged}^2"), &format!("^{tagged}^1")]);
        assert_eq!(branch.lines().count(), 3, "{chart}: sync, merge, bump");
        for commit in branch.lines() {
            assert!(!changed(commit).is_empty() && changed(commit).iter().all(own), "{chart} {commit}: {:?}", changed(commit));
        }
    }
    let pulls = PLAYED.table("pulls");
    let mut seen = 0;
    let base = |pull: &&Value| pull["base"]["ref"].as_str().is_some_and(|base| base == "main" || base.starts_with("charts/"));
    for pull in pulls.iter().filter(base) {
        seen += 1;
        let (own, other) = if text(&pull["head"], "ref").contains("beacon") { ("beacon", "tide") } else { ("tide", "beacon") };
        assert!(text(pull, "body").contains(own), "#{} {pull}", pull["number"]);
        assert!(!text(pull, "title").contains(other), "#{}", pull["number"]);
    }
    assert_eq!(seen, 4, "{pulls:#?}");
}

#[test]
fn a_tag_carries_the_lineage_and_the_changes_of_its_own_chart() {
    for release in PLAYED.releases() {
        let (tag, chart) = (text(&release, "tag"), text(&release, "chart"));
        let message = PLAYED.git(&["cat-file", "tag", tag]);
        let other = if chart == "beacon" { "quote the message" } else { "labels of one's own" };
        assert!(message.contains("lint-test-v1.34.3"), "{message}");
        assert!(!message.contains(other), "{message}");
    }
}

#[test]
fn every_channel_has_the_same_bytes() {
    let index = std::fs::read_to_string(PLAYED.out.join("helm-repo/index.yaml")).unwrap();
    assert_eq!(index.matches("digest: ").count(), 2, "{index}");
    for release in PLAYED.releases() {
        let (tag, chart, version) = (text(&release, "tag"), text(&release, "chart"), text(&release, "version"));
        let package = format!("{chart}-{version}.tgz");
        let signed = text(&release, "packageDigest");
        let layer = signed.trim_start_matches("sha256:");
        let layout = PLAYED.out.join("registry/acme/charts").join(chart);
        assert_eq!(digest(&PLAYED.out.join("releases").join(tag).join(&package)), signed);
        assert_eq!(digest(&PLAYED.out.join("helm-repo").join(&package)), signed);
        assert_eq!(digest(&layout.join("blobs/sha256").join(layer)), signed);
        assert!(index.contains(layer), "{index}");
        let manifest = layout.join("blobs/sha256").join(text(&release, "ociDigest").trim_start_matches("sha256:"));
        let manifest: Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
        assert_eq!(manifest["layers"][0]["digest"], signed);
    }
}

/// Verifies one release's package under a lineage document: exit code and verdict.
fn verify(package: &Path, lineage: &Path) -> (Option<i32>, Value) {
    let report = PLAYED.report();
    let output = Command::new(binary())
        .arg("verify")
        .arg(package)
        .args(["--repo", "acme/charts", "--json", "--issuer", text(&report["addresses"], "issuer"), "--lineage"])
        .arg(lineage)
        .arg("--trusted-root")
        .arg(PLAYED.out.join("trust/trusted_root.json"))
        .output()
        .unwrap();
    let verdict = serde_json::from_slice(&output.stdout).unwrap_or(json!(String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), verdict)
}

/// The first release: its package and its lineage document.
fn first() -> (PathBuf, PathBuf) {
    let release = PLAYED.releases().remove(0);
    let stem = format!("{}-{}", text(&release, "chart"), text(&release, "version"));
    (PLAYED.out.join("releases").join(text(&release, "tag")).join(format!("{stem}.tgz")), PLAYED.out.join(format!("lineage/{stem}.json")))
}

fn codes(verdict: &Value) -> BTreeSet<String> {
    let rows = verdict["violations"].as_array().unwrap_or_else(|| panic!("{verdict}"));
    rows.iter().map(|row| text(row, "code").to_owned()).collect()
}

#[test]
fn a_reader_proves_each_release_offline() {
    for release in PLAYED.releases() {
        let stem = format!("{}-{}", text(&release, "chart"), text(&release, "version"));
        let package = PLAYED.out.join("releases").join(text(&release, "tag")).join(format!("{stem}.tgz"));
        let (code, verdict) = verify(&package, &PLAYED.out.join(format!("lineage/{stem}.json")));
        assert_eq!((code, &verdict["verified"]), (Some(0), &json!(true)), "{verdict}");
        for stage in 1..=8 {
            assert!(verdict["attestations"].get(format!("workflow-{stage}-overall")).is_some(), "{stage} {verdict}");
        }
    }
}

#[test]
fn a_package_with_one_other_byte_proves_nothing() {
    let (package, lineage) = first();
    let place = tempfile::tempdir().unwrap();
    let altered = place.path().join(package.file_name().unwrap());
    let mut bytes = std::fs::read(&package).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&altered, bytes).unwrap();
    let (code, verdict) = verify(&altered, &lineage);
    assert_eq!(code, Some(1), "{verdict}");
    assert!(codes(&verdict).contains("lineage/missing-link"), "{verdict}");
}

#[test]
fn the_package_of_one_chart_is_not_proven_by_the_lineage_of_the_other() {
    let (package, _) = first();
    let release = PLAYED.releases().remove(1);
    let other = PLAYED.out.join(format!("lineage/{}-{}.json", text(&release, "chart"), text(&release, "version")));
    let (code, verdict) = verify(&package, &other);
    assert_eq!(code, Some(1), "{verdict}");
    assert!(codes(&verdict).contains("lineage/missing-link"), "{verdict}");
}

/// Verifies the first release under its document with one bundle after another removed or altered by `change`.
fn with_each_bundle(change: impl Fn(&mut Vec<Value>, usize)) -> Vec<(Option<i32>, Value)> {
    let (package, lineage) = first();
    let document: Value = serde_json::from_slice(&std::fs::read(lineage).unwrap()).unwrap();
    let place = tempfile::tempdir().unwrap();
    let count = document["bundles"].as_array().unwrap().len();
    assert!(count > 15, "{count} bundles");
    let altered = (0..count).map(|at| {
        let mut document = document.clone();
        change(document["bundles"].as_array_mut().unwrap(), at);
        let path = place.path().join(format!("{at}.json"));
        std::fs::write(&path, document.to_string()).unwrap();
        verify(&package, &path)
    });
    altered.collect()
}

#[test]
fn a_lineage_without_any_one_of_its_bundles_proves_nothing() {
    let ends = with_each_bundle(|bundles, at| drop(bundles.remove(at)));
    for (at, (code, verdict)) in ends.iter().enumerate() {
        assert_eq!(*code, Some(1), "without bundle {at}: {verdict}");
        let missing = ["lineage/missing-attestation", "lineage/missing-link", "lineage/missing-check"];
        assert!(codes(verdict).iter().any(|code| missing.contains(&code.as_str())), "without bundle {at}: {verdict}");
    }
}

#[test]
fn a_lineage_with_any_one_bundle_altered_proves_nothing() {
    let ends = with_each_bundle(|bundles, at| {
        // Another statement under the old signature: the first character of base64 `eyJ…` is that of `{"`.
        let payload = bundles[at]["dsseEnvelope"]["payload"].as_str().unwrap().to_owned();
        let middle = payload.len() / 2;
        let other = if &payload[middle..=middle] == "A" { "B" } else { "A" };
        bundles[at]["dsseEnvelope"]["payload"] = json!(format!("{}{other}{}", &payload[..middle], &payload[middle + 1..]));
    });
    for (at, (code, verdict)) in ends.iter().enumerate() {
        assert_eq!(*code, Some(1), "bundle {at}: {verdict}");
        assert!(codes(verdict).contains("bundle/invalid"), "bundle {at}: {verdict}");
    }
}
