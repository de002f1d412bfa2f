//! The linters of GitHub's workflows find nothing in ours, nor in the actions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests end like tests")]

use chartrel_peers::{peer, program, root};
use std::{ffi::OsStr, path::PathBuf};

/// The files of a folder with this extension, folders below it included.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(folder)];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension() == Some(OsStr::new("yml")) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn actionlint_finds_nothing() {
    let workflows = files(".github/workflows");
    assert!(workflows.iter().any(|path| path.ends_with("ci.yml")), "{workflows:?}");
    // What its shell scripts hold depends on whether shellcheck is installed; .ci/run asks it where it is.
    // `$/` names this repository at this commit (GitHub, since 2026-07-30); actionlint 1.7.12 is older than that.
    let dollar = r#"specifying action "\$/actions/[a-z]+" in invalid format"#;
    program::run(
        program::command(peer("actionlint"))
            .args(["-shellcheck=", "-pyflakes=", "-no-color", "-ignore", dollar])
            .args(workflows)
            .current_dir(root()),
    );
}

#[test]
fn zizmor_finds_nothing() {
    let files: Vec<PathBuf> = files(".github/workflows").into_iter().chain(files("actions")).collect();
    program::run(program::command(peer("zizmor")).args(["--offline", "--no-progress", "--no-config", "--color=never"]).args(files));
}
