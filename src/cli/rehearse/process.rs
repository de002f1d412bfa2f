//! One run of a stage: its own process of this very binary, with the environment that a runner gives it.

use super::{play::Rehearsal, universe::Universe};
use anyhow::Context as _;
use chartrel_core::stage::Stage;
use chartrel_world::github::{Actor, Run};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::process::Command;

/// The end of a stage's process.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The stage.
    pub stage: Stage,
    /// The run it belonged to.
    pub run_id: u64,
    /// The event that started it.
    pub event: String,
    /// The exit code; `None` when it was killed.
    pub code: Option<i32>,
    /// What was decided.
    pub decisions: Vec<String>,
    /// What was written.
    pub wrote: Vec<String>,
    /// What it said, for a stage that failed.
    pub log: String,
    /// How long it took.
    pub took: Duration,
}

/// Runs a stage as a runner would: checkout, event file, variables, and nothing of this process's own environment but PATH.
pub(super) async fn run(rehearsal: &Rehearsal, stage: Stage, run: &Run) -> anyhow::Result<Ended> {
    let Rehearsal { universe, out, .. } = rehearsal;
    let started = Instant::now();
    let place = tempfile::tempdir().context("no temporary folder for a run")?;
    let files = Files::lay(place.path(), run)?;
    if matches!(stage, Stage::Validate | Stage::Bump | Stage::Build) {
        checkout(universe, run, &files.workspace).await?;
    }
    let mut command = Command::new(rehearsal.binary());
    command
        .arg(stage.verb())
        .env_clear()
        .envs(variables(universe, run, stage, &files))
        .current_dir(place.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command.output().await.with_context(|| format!("`chartrel {stage}` could not be started"))?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let path = out.path(&format!("logs/{:03}-{stage}.log", run.id));
    std::fs::create_dir_all(path.parent().unwrap_or(out.root()))?;
    std::fs::write(&path, &log)?;
    let outputs = std::fs::read_to_string(&files.outputs).unwrap_or_default();
    let list = |name| output_of(&outputs, name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    Ok(Ended {
        stage,
        run_id: run.id,
        event: run.event.clone(),
        code: output.status.code(),
        decisions: list("decisions"),
        wrote: list("wrote"),
        log,
        took: started.elapsed(),
    })
}

/// The files a runner lays out for a job.
struct Files {
    event: PathBuf,
    outputs: PathBuf,
    summary: PathBuf,
    workspace: PathBuf,
    temp: PathBuf,
}

impl Files {
    fn lay(place: &Path, run: &Run) -> anyhow::Result<Self> {
        let files = Self {
            event: place.join("event.json"),
            outputs: place.join("outputs"),
            summary: place.join("summary.md"),
            workspace: place.join("workspace"),
            temp: place.join("temp"),
        };
        std::fs::write(&files.event, serde_json::to_vec(&run.payload)?)?;
        std::fs::create_dir_all(&files.temp)?;
        std::fs::create_dir_all(&files.workspace)?;
        Ok(files)
    }
}

/// The checkout with its whole history, as `actions/checkout` with `fetch-depth: 0` leaves it; no file of it is needed on disk.
async fn checkout(universe: &Universe, run: &Run, workspace: &Path) -> anyhow::Result<()> {
    let git = |arguments: Vec<String>| {
        let mut command = Command::new("git");
        command.args(arguments).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
        command
    };
    let source = universe.github.git_dir().display().to_string();
    let target = workspace.display().to_string();
    let all = ["clone", "--quiet", "--no-checkout", "--", &source, &target].map(str::to_owned).to_vec();
    let pulls = ["-C", &target, "fetch", "--quiet", "origin", &format!("+{}:refs/chartrel/event", run.git_ref), "+refs/tags/*:refs/tags/*"];
    for arguments in [all, pulls.map(str::to_owned).to_vec()] {
        let output = git(arguments).output().await.context("git could not be started")?;
        anyhow::ensure!(output.status.success(), "the checkout failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn variables(universe: &Universe, run: &Run, stage: Stage, files: &Files) -> Vec<(String, String)> {
    let path = |path: &Path| path.display().to_string();
    let mut rows: Vec<(String, String)> = [
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("HOME", path(&files.temp)),
        ("GITHUB_ACTIONS", "true".into()),
        // The world is on loopback; a proxy of this machine has no part in it.
        ("NO_PROXY", "127.0.0.1".into()),
        ("GITHUB_SERVER_URL", "https://github.com".into()),
        ("GITHUB_API_URL", universe.github.api_url()),
        ("GITHUB_REPOSITORY", universe.repository.to_string()),
        ("GITHUB_REF", run.git_ref.clone()),
        ("GITHUB_SHA", run.sha.clone()),
        ("GITHUB_EVENT_NAME", run.event.clone()),
        ("GITHUB_EVENT_PATH", path(&files.event)),
        ("GITHUB_RUN_ID", run.id.to_string()),
        ("GITHUB_RUN_ATTEMPT", run.attempt.to_string()),
        ("GITHUB_WORKFLOW_REF", format!("{}/{}@{}", universe.repository, run.workflow, run.git_ref)),
        ("GITHUB_WORKSPACE", path(&files.workspace)),
        ("GITHUB_OUTPUT", path(&files.outputs)),
        ("GITHUB_STEP_SUMMARY", path(&files.summary)),
        ("RUNNER_TEMP", path(&files.temp)),
        ("RUNNER_TOOL_CACHE", path(&crate::environment::cache())),
        ("CHARTREL_TOKEN", universe.github.token(&Actor::App)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let locators = run.inputs.iter().filter(|(name, _)| name.as_str() != "stage");
    rows.extend(locators.map(|(name, value)| (format!("CHARTREL_{}", name.to_uppercase()), value.clone())));
    rows.extend(universe.id_token(run, stage));
    rows
}

/// A value of the runner's output file, written as a heredoc.
fn output_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = text.split(&format!("{name}<<")).nth(1)?;
    let (delimiter, rest) = rest.split_once('\n')?;
    rest.split(&format!("\n{delimiter}")).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_read_back_from_its_heredoc() {
        let text = "a<<d1\nx\nd1\nwrote<<d2\n[\"y\"]\nd2\n";
        assert_eq!(output_of(text, "wrote"), Some("[\"y\"]"));
        assert_eq!(output_of(text, "b"), None);
    }
}
