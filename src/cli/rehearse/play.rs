//! The story itself: runs are started by the world's event rules alone; when none is left, a person acts.

use super::{
    folder::Out,
    people::People,
    process::{self, Ended},
    seed::{self, Story},
    tell::Teller,
    universe::Universe,
};
use chartrel_clients::github::Pull;
use chartrel_core::{Code, Refusal, stage::Stage};
use chartrel_world::github::Run;
use std::path::{Path, PathBuf};

/// More runs than this in one rehearsal is a loop.
const RUNS: usize = 200;

/// A world with a repository in it, and the people and runs that act there.
pub struct Rehearsal {
    /// The world.
    pub universe: Universe,
    pub(super) story: Story,
    pub(super) out: Out,
    people: People,
    binary: PathBuf,
}

impl Rehearsal {
    /// Starts a world and fills its repository: the built-in example, or a copy of the one given.
    ///
    /// # Errors
    /// Refuses a folder that no rehearsal wrote, and a repository without charts.
    pub async fn start(out: &Path, repository: Option<&Path>, binary: PathBuf) -> anyhow::Result<Self> {
        let out = Out::prepare(out)?;
        let universe = Universe::start(&out).await?;
        let story = seed::seed(&universe, repository)?;
        let people = People::of(&universe)?;
        Ok(Self { universe, story, out, people, binary })
    }

    /// Alice opens her pull request.
    ///
    /// # Errors
    /// When the world refuses it.
    pub async fn contribute(&self) -> anyhow::Result<Pull> {
        self.people.contribute(&self.universe, &self.story).await
    }

    /// Bob merges what waits at the next gate; what he did, in words.
    ///
    /// # Errors
    /// When the world refuses a merge.
    pub async fn review(&self) -> anyhow::Result<Vec<String>> {
        self.people.review().await
    }

    /// The runs that events have started since last asked, with the stages that the caller workflow runs for each.
    pub fn started(&self) -> Vec<(Run, Vec<Stage>)> {
        self.universe.github.take_runs().into_iter().map(|run| (run.clone(), stages(&run))).collect()
    }

    /// Runs one stage as its own process.
    ///
    /// # Errors
    /// When the process can't be started.
    pub async fn run(&self, stage: Stage, run: &Run) -> anyhow::Result<Ended> {
        process::run(self, stage, run).await
    }

    pub(super) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Plays until nobody has anything left to do.
    pub(super) async fn play(&self, teller: &Teller) -> anyhow::Result<Vec<Ended>> {
        let pull = self.contribute().await?;
        teller.person(&format!("Alice opens #{} `{}` to `integration`", pull.number, pull.title));
        let mut ended = Vec::new();
        while ended.len() < RUNS {
            let started = self.started();
            if started.is_empty() {
                let deeds = self.review().await?;
                for deed in &deeds {
                    teller.person(deed);
                }
                if deeds.is_empty() {
                    return Ok(ended);
                }
            }
            for (run, stage) in started.iter().flat_map(|(run, stages)| stages.iter().map(move |stage| (run, *stage))) {
                teller.begins(stage);
                let end = self.run(stage, run).await?;
                teller.ended(&end);
                if end.code != Some(0) {
                    return Err(failure(&end).into());
                }
                ended.push(end);
            }
        }
        Err(Refusal::new(Code::RehearseStageFailed, format!("{RUNS} runs and no end"), "this is a fault of chartrel; please report it")
            .into())
    }
}

/// The jobs of the caller workflow that a run starts: the same conditions stand in its file.
fn stages(run: &Run) -> Vec<Stage> {
    match (run.event.as_str(), run.git_ref.as_str()) {
        ("pull_request", _) if run.base_ref == "integration" && run.head_ref != "main" => vec![Stage::Validate],
        ("push", "refs/heads/integration") => vec![Stage::Validate, Stage::Filter],
        ("push", "refs/heads/main") => vec![Stage::Tag],
        ("workflow_dispatch", _) => {
            Stage::ALL.into_iter().filter(|stage| run.inputs.get("stage").map(String::as_str) == Some(stage.verb())).collect()
        }
        _ => Vec::new(),
    }
}

fn failure(end: &Ended) -> Refusal {
    let what = format!("`{}` did not pass:\n    {}", end.stage, end.log.trim().replace('\n', "\n    "));
    Refusal::new(Code::RehearseStageFailed, what, "mend what it names, then rehearse again; `logs/` in the folder holds every log")
}
