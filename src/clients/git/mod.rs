//! A checkout, read through the `git` program: objects by id, history, never the work tree.

mod fetch;
mod history;
mod objects;

#[cfg(test)]
mod tests;

pub use fetch::{fetch, fetch_commit};
pub use history::LogEntry;
pub use objects::{Entry, GitFile};

use crate::program::{self, Bounds, Ran};
use anyhow::bail;
use chartrel_core::{Code, Refusal, name::ObjectId};
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::process::Command;

/// A program that reads a repository is given two minutes and a GiB.
const BOUNDS: Bounds = Bounds { time: Duration::from_mins(2), output: 1024 * 1024 * 1024 };

/// A git repository on this machine.
#[derive(Debug, Clone)]
pub struct Checkout {
    folder: PathBuf,
    /// Keeps a folder that was made for it.
    _kept: Option<std::sync::Arc<tempfile::TempDir>>,
}

impl Checkout {
    /// The repository that `path` lies in.
    ///
    /// # Errors
    /// `git/no-repository` when it lies in none, or there is no `git` program.
    pub async fn open(path: &Path) -> anyhow::Result<Self> {
        let at = Self { folder: path.to_owned(), _kept: None };
        let refuse = |why: String| {
            let what = format!("`{}` is in no git repository: {why}", path.display());
            Refusal::new(
                Code::GitNoRepository,
                what,
                "add a step with actions/checkout (`fetch-depth: 0`), or name the repository's folder",
            )
        };
        if !path.is_dir() {
            return Err(refuse("there is no such folder".to_owned()).into());
        }
        let ran = at.run(&["rev-parse", "--absolute-git-dir"], vec![]).await.map_err(|error| refuse(format!("{error:#}")))?;
        if !ran.is_ok() {
            return Err(refuse(ran.reason()).into());
        }
        Ok(at)
    }

    /// The folder it was opened at.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The commit a revision names (`HEAD`, `refs/heads/main`, an id, a tag); `None` when there is none.
    ///
    /// # Errors
    /// When git fails otherwise.
    pub async fn resolve(&self, revision: &str) -> anyhow::Result<Option<ObjectId>> {
        self.named(&format!("{revision}^{{commit}}")).await
    }

    /// The object of an expression that git's `rev-parse` understands; `None` when there is none.
    async fn named(&self, expression: &str) -> anyhow::Result<Option<ObjectId>> {
        let ran = self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", expression], vec![]).await?;
        if !ran.is_ok() {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&ran.stdout).trim().parse()?))
    }

    /// Git's answer as bytes.
    async fn ask(&self, arguments: &[&str], input: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let ran = self.run(arguments, input).await?;
        if !ran.is_ok() {
            bail!("git {} failed: {}", arguments.first().unwrap_or(&""), ran.reason());
        }
        Ok(ran.stdout)
    }

    async fn run(&self, arguments: &[&str], input: Vec<u8>) -> anyhow::Result<Ran> {
        let mut command = git_in(&self.folder);
        command.args(arguments);
        program::run(command, input, BOUNDS).await
    }
}

/// `git` in a folder, deaf to the configuration of the machine, the user and the environment, and to most of the repository's own.
///
/// Hooks, file-system monitors, replace objects, grafts and pathspec magic are off; nothing prompts. Objects are read as they are.
fn git_in(folder: &Path) -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_gits(name)) {
        command.env_remove(name);
    }
    command
        .current_dir(folder)
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_GRAFT_FILE", "/dev/null")
        .env("GIT_LITERAL_PATHSPECS", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0");
    // A container's checkout belongs to another user than the job's (actions/checkout#766).
    for setting in ["core.hooksPath=/dev/null", "core.fsmonitor=false", "core.quotePath=false", "safe.directory=*", "gc.auto=0"] {
        command.args(["-c", setting]);
    }
    command
}

fn is_gits(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with("GIT_")
}
