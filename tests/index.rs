//! `chartrel index` as a program: entries are added, every other byte is kept, and a second run has nothing to do.

#![allow(clippy::unwrap_used)]

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};
use tempfile::TempDir;

fn chartrel(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chartrel"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["GITHUB_", "RUNNER_", "ACTIONS_", "CHARTREL_"].iter().any(|start| text.starts_with(start)) {
            command.env_remove(&name);
        }
    }
    command.current_dir(dir).env("SOURCE_DATE_EPOCH", "1700000000").args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A folder with the packages `boat-<version>.tgz`.
fn place(versions: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("boat")).unwrap();
    std::fs::write(dir.path().join("boat/Chart.yaml"), "apiVersion: v2\nname: boat\nversion: 0.0.0\ndescription: floats\n").unwrap();
    for version in versions {
        let output = chartrel(dir.path(), &["package", "boat", "--version", version]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
    dir
}

const URL: &str = "https://acme.github.io/charts/";

#[test]
fn an_index_is_begun_grows_and_then_has_nothing_to_do() {
    let dir = place(&["1.0.0", "1.1.0", "2.0.0-rc.1"]);
    let index = dir.path().join("index.yaml");
    let first = chartrel(dir.path(), &["index", "index.yaml", "--add", "boat-1.0.0.tgz", "--url", URL]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    std::fs::set_permissions(&index, PermissionsExt::from_mode(0o640)).unwrap();
    let all = ["index", "index.yaml", "--url", URL, "--add", "boat-1.1.0.tgz", "boat-2.0.0-rc.1.tgz", "--add", "boat-1.0.0.tgz"];
    let second = chartrel(dir.path(), &all);
    assert_eq!(
        String::from_utf8_lossy(&second.stdout),
        format!("{}: added boat 1.1.0, boat 2.0.0-rc.1\n", index.canonicalize().unwrap().display())
    );
    let text = std::fs::read_to_string(&index).unwrap();
    let versions: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("    version: ")).collect();
    assert_eq!(versions, ["2.0.0-rc.1", "1.1.0", "1.0.0"]);
    assert!(text.contains("    - https://acme.github.io/charts/boat-1.1.0.tgz\n"), "{text}");
    assert!(text.contains("  - apiVersion: v2\n    created: \"2023-11-14T22:13:20Z\"\n    description: floats\n    digest: "), "{text}");
    assert_eq!(std::fs::metadata(&index).unwrap().permissions().mode() & 0o777, 0o640);
    let third = chartrel(dir.path(), &all);
    assert!(said(&third).contains("nothing to do"), "{}", said(&third));
    assert_eq!(std::fs::read_to_string(&index).unwrap(), text);
}

#[test]
fn every_other_byte_of_a_foreign_index_is_kept() {
    let dir = place(&["1.0.0"]);
    let index = dir.path().join("index.yaml");
    let before = "# ours\napiVersion: v1\nentries:\n  anchor: # heavy\n  - name: anchor\n    version: 1.0.0\n    urls: [a.tgz]\n  zebra:\n  - version: \"1\"\n    name: zebra\ngenerated: \"2020-01-01T00:00:00Z\"\n";
    std::fs::write(&index, before).unwrap();
    let output = chartrel(dir.path(), &["index", "index.yaml", "--add", "boat-1.0.0.tgz"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let after = std::fs::read_to_string(&index).unwrap();
    let kept: String = after
        .split_inclusive('\n')
        .scan(false, |is_new, line| {
            *is_new = if line.starts_with("  boat:") { true } else { *is_new && (line.starts_with("   ") || line.starts_with("  -")) };
            Some(if *is_new { "" } else { line })
        })
        .collect();
    assert_eq!(kept, before.replace("2020-01-01T00:00:00Z", "2023-11-14T22:13:20Z"));
    assert!(after.contains("    urls:\n    - boat-1.0.0.tgz\n"), "{after}");
}

#[test]
fn a_published_version_never_changes_and_nothing_is_written() {
    let dir = place(&["1.0.0", "1.1.0"]);
    let index = dir.path().join("index.yaml");
    chartrel(dir.path(), &["index", "index.yaml", "--add", "boat-1.0.0.tgz"]);
    let before = std::fs::read(&index).unwrap();
    std::fs::write(dir.path().join("boat/new"), "x").unwrap();
    chartrel(dir.path(), &["package", "boat", "--version", "1.0.0"]);
    let output = chartrel(dir.path(), &["index", "index.yaml", "--add", "boat-1.1.0.tgz", "boat-1.0.0.tgz"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("index/other-digest"), "{}", said(&output));
    assert_eq!(std::fs::read(&index).unwrap(), before);
}

#[test]
fn what_cannot_be_an_entry_or_an_index_is_refused() {
    let dir = place(&["1.0.0"]);
    let path = |name: &str| dir.path().join(name);
    std::fs::copy(path("boat-1.0.0.tgz"), path("boat-9.9.9.tgz")).unwrap();
    std::fs::write(path("junk.tgz"), "junk").unwrap();
    std::fs::write(path("empty.yaml"), "").unwrap();
    std::fs::write(path("latin.yaml"), b"apiVersion: v1\nentries: {}\n# \xe9\n").unwrap();
    for (file, package, status, expected) in [
        ("new.yaml", "boat-9.9.9.tgz", 2, "boat-1.0.0.tgz"),
        ("new.yaml", "junk.tgz", 1, "package/unreadable"),
        ("new.yaml", "gone.tgz", 3, "gone.tgz"),
        ("empty.yaml", "boat-1.0.0.tgz", 1, "index/foreign-style"),
        ("latin.yaml", "boat-1.0.0.tgz", 1, "UTF-8"),
        ("boat", "boat-1.0.0.tgz", 3, "cannot be read"),
    ] {
        let output = chartrel(dir.path(), &["index", file, "--add", package]);
        assert_eq!(output.status.code(), Some(status), "{file} {package}: {}", said(&output));
        assert!(said(&output).contains(expected), "{file} {package}: {}", said(&output));
    }
    assert!(!path("new.yaml").exists());
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let versions: Vec<String> = (0..8).map(|n| format!("1.{n}.0")).collect();
    let dir = place(&versions.iter().map(String::as_str).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for version in &versions {
            let place = dir.path();
            scope.spawn(move || chartrel(place, &["index", "index.yaml", "--add", &format!("boat-{version}.tgz")]));
        }
    });
    let text = std::fs::read_to_string(dir.path().join("index.yaml")).unwrap();
    assert_eq!(text.matches("  - apiVersion").count(), versions.len());
}

#[test]
fn a_link_to_an_index_stays_a_link() {
    let dir = place(&["1.0.0"]);
    std::fs::create_dir(dir.path().join("site")).unwrap();
    std::fs::write(dir.path().join("site/index.yaml"), "apiVersion: v1\nentries: {}\n").unwrap();
    std::os::unix::fs::symlink("site/index.yaml", dir.path().join("index.yaml")).unwrap();
    let output = chartrel(dir.path(), &["index", "index.yaml", "--add", "boat-1.0.0.tgz"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(dir.path().join("index.yaml").is_symlink());
    assert!(std::fs::read_to_string(dir.path().join("site/index.yaml")).unwrap().contains("boat"));
}
