//! Finds a program, installing or building it first, and runs it.

use super::root;
use serde_json::Value;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

/// Where the peer of this name is, installed at its pinned version if it wasn't yet.
///
/// # Panics
/// If `tests/peers/install` fails; the message holds what it said, which ends in the remedy.
pub fn peer(name: &str) -> PathBuf {
    static FOUND: OnceLock<Mutex<HashMap<String, PathBuf>>> = OnceLock::new();
    let mut found = FOUND.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(path) = found.get(name) {
        return path.clone();
    }
    let output = Command::new(root().join("tests/peers/install")).arg(name).output().expect("tests/peers/install starts; it needs bash");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    found.insert(name.to_owned(), path.clone());
    path
}

/// The shipped binary, built from this work tree.
///
/// # Panics
/// If it doesn't build.
pub fn chartrel() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--workspace", "--bin", "chartrel", "--message-format", "json"]).current_dir(root());
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.output().expect("cargo starts");
    assert!(output.status.success(), "chartrel doesn't build\n{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| message.get("executable").and_then(Value::as_str).map(PathBuf::from))
        .expect("cargo names the executable it built")
}

/// A command that sees nothing of the runner, the user's configuration or the network's proxies.
///
/// `PATH`, `HOME` and `TMPDIR` stay; what a program needs beside them, its caller says.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs a command to its end.
///
/// # Panics
/// If it can't be started or fails; the message holds the command and everything it wrote.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} doesn't start: {error}"));
    assert!(output.status.success(), "{}", account(command, &output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command that has to refuse, and gives what it wrote to standard error.
///
/// # Panics
/// If it can't be started or succeeds.
pub fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} doesn't start: {error}"));
    assert!(!output.status.success(), "should have been refused: {}", account(command, &output));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn account(command: &Command, output: &Output) -> String {
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{command:?}\n{}\n--- stdout\n{said}\n--- stderr\n{complained}", output.status)
}
