//! `chartrel package` as a program: what it reads, what it writes, how it ends.

#![allow(clippy::unwrap_used)]

use chartrel_core::{Sha256, package};
use std::{
    path::Path,
    process::{Command, Output},
};
use tempfile::TempDir;

const CHART: &str = "apiVersion: v2\nname: boat\nversion: 1.2.3\ndescription: floats\n";

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// A folder with a chart in `boat`.
fn place(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("boat"), &[("Chart.yaml", CHART)]);
    write(&dir.path().join("boat"), files);
    dir
}

fn chartrel(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chartrel"));
    command.current_dir(dir);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["GITHUB_", "RUNNER_", "ACTIONS_", "CHARTREL_", "SOURCE_DATE_EPOCH", "GIT_"].iter().any(|start| text.starts_with(start)) {
            command.env_remove(&name);
        }
    }
    command
}

fn packaged(dir: &Path, args: &[&str]) -> Output {
    chartrel(dir).env("SOURCE_DATE_EPOCH", "1700000000").arg("package").args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_chart_is_packaged_and_its_digest_printed_as_sha256sum_reads_it() {
    let dir = place(&[("values.yaml", "a: 1\n"), ("templates/a.yaml", "")]);
    let output = packaged(dir.path(), &["boat", "-d", "out/new"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let bytes = std::fs::read(dir.path().join("out/new/boat-1.2.3.tgz")).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{}  out/new/boat-1.2.3.tgz\n", Sha256::of(&bytes).hex()));
    let contents = package::read(&bytes).unwrap();
    assert_eq!(contents.time, 1_700_000_000);
    assert_eq!(contents.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["Chart.yaml", "values.yaml", "templates/a.yaml"]);
}

#[test]
fn the_digest_is_a_constant_of_files_and_time() {
    let dir = place(&[("values.yaml", "a: 1\n")]);
    let output = packaged(dir.path(), &["boat", "--json"]);
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows[0]["path"], "./boat-1.2.3.tgz");
    assert_eq!(rows[0]["name"], "boat-1.2.3.tgz");
    // A change of this digest breaks what has been signed: tar, deflate and gzip are part of the contract.
    assert_eq!(rows[0]["digest"], "sha256:2dbfbe64e73b41cebc2414cb4e54ea886466611d64a90024e18705887c92ec67");
}

#[test]
fn version_and_application_version_are_set_from_outside() {
    let dir = place(&[]);
    let output = packaged(dir.path(), &["boat", "--version", "2.0.0-rc.1+b", "--app-version", "1.10"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let contents = package::read(&std::fs::read(dir.path().join("boat-2.0.0-rc.1+b.tgz")).unwrap()).unwrap();
    assert_eq!(contents.metadata.version.to_string(), "2.0.0-rc.1+b");
    assert_eq!(contents.metadata.app_version.as_deref(), Some("1.10"));
    assert_eq!(packaged(dir.path(), &["boat", "--version", "1.2"]).status.code(), Some(2));
}

#[test]
fn without_an_epoch_the_time_is_the_commits_and_else_that_of_the_newest_file() {
    let time = |dir: &Path, epoch: Option<&str>| {
        let mut command = chartrel(dir);
        command.args(["package", "boat"]);
        if let Some(epoch) = epoch {
            command.env("SOURCE_DATE_EPOCH", epoch);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        package::read(&std::fs::read(dir.join("boat-1.2.3.tgz")).unwrap()).unwrap().time
    };
    let dir = place(&[]);
    let file = std::fs::File::options().append(true).open(dir.path().join("boat/Chart.yaml")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000)).unwrap();
    assert_eq!(time(dir.path(), None), 1_600_000_000);
    assert_eq!(time(dir.path(), Some("")), 1_600_000_000);
    for args in [vec!["init", "-q"], vec!["add", "boat"], vec!["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "a"]] {
        let mut git = Command::new("git");
        git.args(&args).current_dir(dir.path()).env("GIT_COMMITTER_DATE", "1650000000 +0100");
        assert!(git.status().unwrap().success(), "{args:?}");
    }
    assert_eq!(time(dir.path(), None), 1_650_000_000);
    assert_eq!(time(dir.path(), Some("5")), 5);
}

#[test]
fn an_epoch_that_is_no_number_is_bad_input() {
    let dir = place(&[]);
    for epoch in ["today", "-1", "1.5", "99999999999999"] {
        let output = chartrel(dir.path()).env("SOURCE_DATE_EPOCH", epoch).args(["package", "boat"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{epoch}: {}", said(&output));
        assert!(said(&output).contains(epoch), "{}", said(&output));
    }
}

#[test]
fn what_helmignore_names_is_not_even_opened() {
    let dir = place(&[(".helmignore", "secret/\n*.bak\nlink\n"), ("secret/key", "x"), ("a.bak", "x"), ("kept", "x")]);
    std::os::unix::fs::symlink("/etc/hostname", dir.path().join("boat/link")).unwrap();
    std::fs::File::create(dir.path().join("boat/big.bak")).unwrap().set_len(1 << 40).unwrap();
    let output = packaged(dir.path(), &["boat"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let contents = package::read(&std::fs::read(dir.path().join("boat-1.2.3.tgz")).unwrap()).unwrap();
    assert_eq!(contents.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["Chart.yaml", ".helmignore", "kept"]);
}

#[test]
fn nothing_is_packaged_from_outside_of_the_chart() {
    let links = place(&[]);
    std::os::unix::fs::symlink("/etc/hostname", links.path().join("boat/link")).unwrap();
    let folders = place(&[]);
    std::os::unix::fs::symlink("/etc", folders.path().join("boat/templates")).unwrap();
    let modules = place(&[("sub/.git", "gitdir: ../.git/modules/sub\n"), ("sub/a", "a")]);
    let large = place(&[]);
    std::fs::File::create(large.path().join("boat/big")).unwrap().set_len(1 << 40).unwrap();
    for (dir, code) in
        [(links, "chart/not-a-file"), (folders, "chart/not-a-file"), (modules, "chart/not-a-file"), (large, "chart/too-large")]
    {
        let output = packaged(dir.path(), &["boat"]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(code), "{}", said(&output));
        assert!(!dir.path().join("boat-1.2.3.tgz").exists());
    }
}

#[test]
fn gits_own_folder_is_never_packaged() {
    let dir = place(&[(".git/config", "secret"), (".gitignore", "x")]);
    assert_eq!(packaged(dir.path(), &["boat"]).status.code(), Some(0));
    let contents = package::read(&std::fs::read(dir.path().join("boat-1.2.3.tgz")).unwrap()).unwrap();
    assert_eq!(contents.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["Chart.yaml", ".gitignore"]);
}

#[test]
fn one_bad_chart_stops_all_and_everything_wrong_is_named_with_its_chart() {
    let dir = place(&[]);
    write(dir.path(), &[("oar/Chart.yaml", "apiVersion: v2\nname: oar\nversion: 1.10\nappVersion: 0777\n"), ("net/values.yaml", "")]);
    let output = packaged(dir.path(), &["boat", "oar", "net", "gone", "-d", "out"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    for expected in [
        "in `oar`: line 3 of Chart.yaml says `version: 1.10`",
        "`appVersion: 0777`",
        "no description",
        "in `net`: the chart has no Chart.yaml",
        "in `gone`",
    ] {
        assert!(said(&output).contains(expected), "{expected}: {}", said(&output));
    }
    assert!(!dir.path().join("out").exists());
}
