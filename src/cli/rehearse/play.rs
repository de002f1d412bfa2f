//! The story itself: runs are started by the world's event rules alone; when none is left, a person acts.

use super::{
    folder::Out,
    people::People,
    process::{self, Ended},
    seed::Story,
    tell::Teller,
    universe::Universe,
};
use chartrel_core::{Code, Refusal, stage::Stage};
use chartrel_world::github::Run;

/// More runs than this in one rehearsal is a loop.
const RUNS: usize = 200;

/// Plays until nobody has anything left to do.
///
/// # Errors
/// `rehearse/stage-failed` with what the stage said.
pub(crate) async fn play(universe: &Universe, story: &Story, out: &Out, teller: &Teller) -> anyhow::Result<Vec<Ended>> {
    let people = People::of(universe)?;
    let pull = people.contribute(universe, story).await?;
    teller.person(&format!("Alice opens #{} `{}` to `integration`", pull.number, pull.title));
    let mut ended = Vec::new();
    while ended.len() < RUNS {
        let runs = universe.github.take_runs();
        if runs.is_empty() {
            match people.review().await? {
                Some(deed) => teller.person(&deed),
                None => return Ok(ended),
            }
            continue;
        }
        for run in runs {
            for stage in stages(&run) {
                teller.begins(stage);
                let end = process::run(universe, out, stage, &run).await?;
                teller.ended(&end);
                let failed = end.code != Some(0);
                ended.push(end);
                if failed {
                    return Err(failure(ended.last()).into());
                }
            }
        }
    }
    Err(Refusal::new(Code::RehearseStageFailed, format!("{RUNS} runs and no end"), "this is a fault of chartrel; please report it").into())
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

fn failure(ended: Option<&Ended>) -> Refusal {
    let (stage, log) = ended.map_or(("a stage".to_owned(), ""), |end| (format!("`{}`", end.stage), end.log.trim()));
    Refusal::new(
        Code::RehearseStageFailed,
        format!("{stage} did not pass:\n    {}", log.replace('\n', "\n    ")),
        "mend what it names, then rehearse again; `logs/` in the folder holds every log",
    )
}
