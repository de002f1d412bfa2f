//! Filter gives each contributed chart a branch and a pull request that carry it alone; it never moves a chart branch.

use crate::{chain, content, handover, report::Report, session::Session, signing, trees};
use anyhow::Context as _;
use chartrel_clients::github::{NewPull, Pull, PullChange};
use chartrel_core::{
    Code, Refusal, Refused, Sha256, body,
    evidence::Evidence,
    filter::{Decision, Facts, decide},
    lineage::{Anchors, Lineage, Verified},
    map, message,
    name::{ChartFolder, ObjectId},
    stage::Stage,
    statement::{Link, Reference, Subject},
};
use std::collections::BTreeMap;

/// The outputs of its own: name and what it is.
pub const OUTPUTS: &[(&str, &str)] = &[];

/// The inputs of `filter`.
#[derive(Debug, Clone, clap::Args)]
pub struct Inputs {
    /// Token for GitHub: an App's (recommended), or the job's own. It needs `contents`, `pull-requests` and `actions`, all `write`
    #[arg(long)]
    pub token: Option<String>,
}

/// Runs filter for every chart that `integration` holds and `main` does not.
///
/// # Errors
/// Refuses a chart whose contribution was not validated; the other charts go on, and the stage fails at its end.
pub async fn run(inputs: Inputs, runner: crate::runner::Runner) -> anyhow::Result<Report> {
    let session = Session::open(runner, inputs.token).await?;
    session.demand_branch(&session.policy.branches.integration)?;
    session.signer()?;
    let tip = session.branch(&session.policy.branches.integration).await?;
    let (here, main) = (trees::charts(&session, &tip).await?, trees::charts(&session, &session.main_tip).await?);
    let mut report = Report::default();
    let mut refusals = Vec::new();
    for (folder, tree) in here {
        let at_main = main.get(&folder).cloned();
        if at_main.as_ref() == Some(&tree) {
            continue;
        }
        match one(&session, &tip, Chart { folder, tree, at_main }, &mut report).await {
            Ok(()) => {}
            Err(error) => refusals.extend(crate::refusals(error)?),
        }
    }
    Refused::unless_empty(refusals)?;
    if report.decisions.is_empty() {
        return Ok(Report::nothing("`main` holds every chart as `integration` does"));
    }
    Ok(report)
}

/// A chart that `integration` holds differently than `main`.
struct Chart {
    folder: ChartFolder,
    tree: ObjectId,
    at_main: Option<ObjectId>,
}

async fn one(session: &Session, tip: &ObjectId, chart: Chart, report: &mut Report) -> anyhow::Result<()> {
    let folder = chart.folder.clone();
    let branches = &session.policy.branches;
    let (chart_branch, sync_branch) = (branches.chart(&folder), branches.sync(&folder));
    let chart_head = session.github.reference(&format!("heads/{chart_branch}")).await?;
    let sync_head = session.github.reference(&format!("heads/{sync_branch}")).await?;
    let open = session.github.pulls(Some(&sync_branch), Some(&chart_branch), "open").await?.into_iter().next();
    let facts = Facts {
        folder: folder.clone(),
        at_integration: chart.tree.clone(),
        at_main: chart.at_main.clone(),
        at_chart_branch: tree_at(session, chart_head.as_ref(), &folder).await?,
        at_sync_branch: tree_at(session, signed(session, sync_head.as_ref()).await?, &folder).await?,
        is_open: open.is_some(),
        is_taken: is_taken(session, tip, chart_head.as_ref(), &folder).await?,
    };
    match (decide(&facts), open) {
        (Decision::Released, _) => report.decide(format!("{folder}: `main` holds it already")),
        (Decision::Merged, _) => report.decide(format!("{folder}: the chart branch holds it already")),
        (Decision::Waiting, Some(pull)) => {
            handover::dispatch(session, Stage::Enforce, &[("pr", pull.number.to_string())]).await?;
            report.decide(format!("{folder}: pull request #{} is open with this content", pull.number));
        }
        (Decision::Waiting | Decision::Move, open) => {
            let base = chart_head.clone().unwrap_or_else(|| session.main_tip.clone());
            let moved = make(session, tip, &chart, &base).await?;
            let place = Place { chart_head, sync_head, base, open };
            publish(session, &folder, (moved, place), report).await?;
        }
    }
    Ok(())
}

async fn tree_at(session: &Session, commit: Option<&ObjectId>, folder: &ChartFolder) -> anyhow::Result<Option<ObjectId>> {
    match commit {
        Some(commit) => trees::chart(session, commit, folder).await,
        None => Ok(None),
    }
}

/// The head, if filter signed a link for it: a commit that others pushed there counts as none.
async fn signed<'a>(session: &Session, head: Option<&'a ObjectId>) -> anyhow::Result<Option<&'a ObjectId>> {
    let Some(head) = head else { return Ok(None) };
    let digest = content::commit_digest(session, head).await?;
    Ok(chain::newest_link(session, Stage::Filter, ("commit", digest)).await?.map(|_| head))
}

/// Whether enforce merged the newest commit of `integration` that touches the chart: the chart branch may have been bumped since.
async fn is_taken(session: &Session, tip: &ObjectId, chart_head: Option<&ObjectId>, folder: &ChartFolder) -> anyhow::Result<bool> {
    let Some(head) = chart_head else { return Ok(false) };
    let Some(touched) = session.github.last_commit_touching(tip.as_str(), &folder.path()).await? else { return Ok(false) };
    let Some(source) = message::source_commit(&merged_message(session, head).await?) else { return Ok(false) };
    session.descends(&source, &touched).await
}

/// The message of the newest sync commit below a chart branch's head: the head is its merge, or a bump on that.
async fn merged_message(session: &Session, head: &ObjectId) -> anyhow::Result<String> {
    let mut commit = session.github.commit(head).await?;
    for _ in 0..3 {
        if message::source_commit(&commit.message).is_some() {
            break;
        }
        let Some(next) = commit.parents.last() else { break };
        commit = session.github.commit(next).await?;
    }
    Ok(commit.message)
}

/// The sync commit and its signed link, before any branch shows it.
struct Moved {
    commit: ObjectId,
    references: BTreeMap<chartrel_core::stage::Key, Reference>,
    sources: Vec<u64>,
}

async fn make(session: &Session, tip: &ObjectId, chart: &Chart, base: &ObjectId) -> anyhow::Result<Moved> {
    let Chart { folder, tree, .. } = chart;
    let content = content::at(session, tip, folder).await?;
    let lineage = validated(session, tip, folder, content.digest).await?;
    let source = lineage.link(Stage::Validate).and_then(|link| link.git_commit.clone()).context("a link of validate names its commit")?;
    let pulls = session.github.pulls_of_commit(&source).await?;
    let pulls: Vec<&Pull> = pulls.iter().filter(|pull| pull.is_merged && pull.base_ref == session.policy.branches.integration).collect();
    let refusals: Vec<Refusal> = pulls.iter().flat_map(|pull| map_faults(&lineage, pull)).collect();
    Refused::unless_empty(refusals)?;
    let root = trees::graft(session, &session.github.commit(base).await?.tree, folder, tree).await?;
    let subjects: Vec<String> = pulls.iter().map(|pull| pull.title.clone()).collect();
    let sources: Vec<u64> = pulls.iter().map(|pull| pull.number).collect();
    let text = message::sync(folder, &sources, &source, &subjects);
    let commit = session.github.create_commit(&text, &root, std::slice::from_ref(base)).await?.sha;
    let reference = sign(session, folder, &lineage, &commit).await?;
    let mut references = lineage.references();
    references.insert(Stage::Filter.overall(), reference);
    Ok(Moved { commit, references, sources })
}

/// A map that leaves out a check or names another attestation than the signed one is refused where it is first read (M-092).
fn map_faults(lineage: &Lineage, pull: &Pull) -> Vec<Refusal> {
    match map::read(&pull.body) {
        Ok(blocks) => chartrel_core::lineage::map_agrees(lineage, &blocks),
        Err(refused) => refused.into_violations(),
    }
}

/// The verified lineage of the newest validated push that holds this very content.
async fn validated(session: &Session, tip: &ObjectId, folder: &ChartFolder, digest: Sha256) -> anyhow::Result<Verified<Lineage>> {
    let name = folder.path();
    let found = chain::find(session, digest, chartrel_core::statement::LINEAGE).await?;
    for candidate in chartrel_core::lineage::newest(&found, Stage::Validate, &name, digest) {
        let Some(commit) = commit_of(candidate).filter(|_| session.is_trusted(candidate, &Stage::Validate.overall())) else { continue };
        if session.descends(tip, &commit).await? {
            let demand = session.demand(folder, Stage::Validate, Anchors { chart: Some(digest), ..Anchors::default() });
            let id = session.recorded_id(candidate, Stage::Validate).await?;
            let (reference, evidence) = chain::crawl(session, candidate.clone(), &id).await?;
            return Ok(chartrel_core::lineage::verify(&demand, &reference, &evidence)?);
        }
    }
    let what = format!("`{name}` ({digest}) at the tip of `integration` has no link of validate that verifies");
    Err(Refusal::new(Code::LineageMissingLink, what, "run validate again for the push to `integration`; filter needs what it signs").into())
}

fn commit_of(evidence: &Evidence) -> Option<ObjectId> {
    serde_json::from_value::<Link>(evidence.statement.predicate.clone()).ok()?.git_commit
}

async fn sign(session: &Session, folder: &ChartFolder, lineage: &Lineage, commit: &ObjectId) -> anyhow::Result<Reference> {
    let digest = lineage.chart_digest();
    let subjects = vec![Subject::new(folder.path(), digest), Subject::new("commit", content::commit_digest(session, commit).await?)];
    let mut link = session.link(Stage::Filter, Some(lineage.newest()));
    link.git_commit = Some(commit.clone());
    link.source_commit = lineage.link(Stage::Validate).and_then(|link| link.git_commit.clone());
    Ok(signing::link(session, subjects, link, &BTreeMap::new()).await?.0)
}

/// What the branches and the pull request were before.
struct Place {
    chart_head: Option<ObjectId>,
    sync_head: Option<ObjectId>,
    base: ObjectId,
    open: Option<Pull>,
}

async fn publish(session: &Session, folder: &ChartFolder, (moved, place): (Moved, Place), report: &mut Report) -> anyhow::Result<()> {
    let branches = &session.policy.branches;
    let (chart_branch, sync_branch) = (branches.chart(folder), branches.sync(folder));
    if place.chart_head.is_none() {
        session.github.create_reference(&format!("heads/{chart_branch}"), &place.base).await?;
        report.write(format!("branch `{chart_branch}` at the tip of `{}`", branches.main));
    }
    session.put_branch(&sync_branch, &moved.commit, place.sync_head.is_some()).await?;
    report.write(format!("branch `{sync_branch}` at {}", &moved.commit.as_str()[..12]));
    let proposed = body::filter(folder, &moved.sources, &moved.references);
    let number = if let Some(pull) = place.open {
        session.github.update_pull(pull.number, &PullChange { body: Some(proposed.body), ..PullChange::default() }).await?;
        pull.number
    } else {
        let new = NewPull { title: proposed.title.clone(), head: sync_branch, base: chart_branch, body: proposed.body };
        session.github.create_pull(&new).await?.number
    };
    report.write(format!("pull request #{number}: `{}`", proposed.title));
    report.decide(format!("{folder}: goes to its own branch alone"));
    handover::dispatch(session, Stage::Enforce, &[("pr", number.to_string())]).await
}
