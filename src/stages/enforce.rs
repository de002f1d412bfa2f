//! Enforce merges into a chart branch what `integration` holds and closes everything else; it never merges what it did not verify.

use crate::{chain, content, handover, history, inputs, report::Report, runner::Runner, session::Session, signing, trees};
use chartrel_clients::github::{Merge, Merged, NewCheck, Pull, PullChange};
use chartrel_core::{
    Code, Refusal, Refused, body,
    enforce::{Decision, Facts, decide},
    lineage::{self, Anchors, Lineage, Verified},
    map,
    name::{ChartFolder, ObjectId},
    stage::Stage,
    statement::{Link, Reference, Subject},
};
use std::collections::BTreeMap;

/// The name of the check on the pull request.
const CHECK: &str = "enforce-atomic-chart";

/// The outputs of its own: name and what it is.
pub const OUTPUTS: &[(&str, &str)] = &[];

/// The inputs of `enforce`.
#[derive(Debug, Clone, clap::Args)]
pub struct Inputs {
    /// Token for GitHub: an App's (recommended), or the job's own. It needs `contents`, `pull-requests`, `checks` and `actions`, all `write`
    #[arg(long)]
    pub token: Option<String>,
    /// Number of the pull request to a chart branch
    #[arg(long)]
    pub pr: Option<String>,
}

/// Judges one pull request to a chart branch.
///
/// # Errors
/// Refuses, and closes, a pull request from anywhere but filter; refuses one whose lineage does not verify.
pub async fn run(inputs: Inputs, runner: Runner) -> anyhow::Result<Report> {
    let number = inputs::number("pr", inputs.pr.as_deref())?;
    let session = Session::open(runner, inputs.token).await?;
    session.demand_branch(&session.policy.branches.main)?;
    session.signer()?;
    let pull = session.github.pull(number).await?;
    let Some(folder) = session.policy.branches.folder_of_chart_branch(&pull.base_ref) else {
        return Ok(Report::nothing(format!("#{number} goes to `{}`, which is no chart branch", pull.base_ref)));
    };
    let facts = facts(&session, &pull, &folder).await?;
    match decide(&facts) {
        Decision::Nothing(why) => Ok(Report::nothing(why)),
        Decision::Merged => merged_before(&session, &pull).await,
        Decision::Merge => merge(&session, &pull, &folder).await,
        Decision::Close(refusal) => close(&session, &pull, &folder, refusal).await,
        Decision::Refuse(refusal) => {
            report_check(&session, &pull, Err(&refusal)).await?;
            Err(refusal.into())
        }
    }
}

async fn facts(session: &Session, pull: &Pull, folder: &ChartFolder) -> anyhow::Result<Facts> {
    let branches = &session.policy.branches;
    let is_same_repository = pull.head_repository.as_deref() == Some(session.identity.repository.to_string().as_str());
    let mut facts = Facts {
        folder: Some(folder.clone()),
        is_merged: pull.is_merged,
        is_open: pull.state == "open",
        head_branch: pull.head_ref.clone(),
        sync_branch: branches.sync(folder),
        is_same_repository,
        author: pull.author.clone(),
        bots: session.policy.bots(),
        outside: Vec::new(),
        chart_tree: None,
        integration_tree: None,
        was_integration: false,
        descends: true,
    };
    if !facts.is_open || !is_same_repository {
        return Ok(facts);
    }
    let tip = session.branch(&branches.integration).await?;
    facts.outside = trees::outside(session, &pull.base_sha, &pull.head_sha, folder).await?;
    facts.chart_tree = trees::chart(session, &pull.head_sha, folder).await?;
    facts.integration_tree = trees::chart(session, &tip, folder).await?;
    if let Some(source) = source_commit(session, &pull.head_sha).await? {
        let stood = trees::chart(session, &source, folder).await?;
        facts.was_integration = stood.is_some() && stood == facts.chart_tree && session.descends(&tip, &source).await?;
        facts.descends = match last_source(session, &pull.head_sha, folder).await? {
            Some(released) => session.descends(&source, &released).await?,
            None => true,
        };
    }
    Ok(facts)
}

/// The commit of `integration` that filter's signed link names for this head.
async fn source_commit(session: &Session, head: &ObjectId) -> anyhow::Result<Option<ObjectId>> {
    let digest = content::commit_digest(session, head).await?;
    let newest = chain::newest_link(session, Stage::Filter, ("commit", digest)).await?;
    Ok(newest.and_then(|evidence| serde_json::from_value::<Link>(evidence.statement.predicate).ok()?.source_commit))
}

/// The commit of `integration` that the chart's last release came from.
async fn last_source(session: &Session, head: &ObjectId, folder: &ChartFolder) -> anyhow::Result<Option<ObjectId>> {
    let chart = session.chart_name(head, folder).await?;
    Ok(history::last_release(session, &chart).await?.and_then(|release| release.source))
}

async fn merged_before(session: &Session, pull: &Pull) -> anyhow::Result<Report> {
    let opened = session.github.pulls(Some(&pull.base_ref), Some(&session.policy.branches.main), "all").await?;
    if opened.is_empty() {
        handover::dispatch(session, Stage::Format, &[("pr", pull.number.to_string())]).await?;
        return Ok(Report::nothing(format!("#{} is merged already; format was started again", pull.number)));
    }
    Ok(Report::nothing(format!("#{} is merged already", pull.number)))
}

async fn merge(session: &Session, pull: &Pull, folder: &ChartFolder) -> anyhow::Result<Report> {
    let reference = match judge(session, pull, folder).await {
        Ok(reference) => reference,
        Err(error) => {
            let refusal = error.downcast_ref::<Refused>().and_then(|refused| refused.violations().first().cloned());
            if let Some(refusal) = refusal.or_else(|| error.downcast_ref::<Refusal>().cloned()) {
                report_check(session, pull, Err(&refusal)).await?;
            }
            return Err(error);
        }
    };
    let mut report = Report::default();
    let body = map::write(&pull.body, &BTreeMap::from([(Stage::Enforce.overall(), reference)]))?;
    session.github.update_pull(pull.number, &PullChange { body: Some(body), ..PullChange::default() }).await?;
    report_check(session, pull, Ok("it carries what `integration` holds, and its lineage verifies")).await?;
    let title = format!("chore({folder}): sync from integration (#{})", pull.number);
    let merge = Merge { sha: pull.head_sha.clone(), method: "merge".into(), title, message: String::new() };
    match session.github.merge_pull(pull.number, &merge).await? {
        Merged::Merged(commit) => report.write(format!("merged #{} into `{}` as {}", pull.number, pull.base_ref, &commit.as_str()[..12])),
        Merged::HeadMoved => return Err(head_moved(pull).into()),
        Merged::Refused(why) => anyhow::bail!("GitHub did not merge #{}: {why}", pull.number),
    }
    report.decide(format!("{folder}: #{} carries what `integration` holds, and that alone", pull.number));
    handover::dispatch(session, Stage::Format, &[("pr", pull.number.to_string())]).await?;
    Ok(report)
}

/// Verifies the lineage of the head and signs that it was judged.
async fn judge(session: &Session, pull: &Pull, folder: &ChartFolder) -> anyhow::Result<Reference> {
    let digest = content::at(session, &pull.head_sha, folder).await?.digest;
    let commit = content::commit_digest(session, &pull.head_sha).await?;
    let anchors = Anchors { chart: Some(digest), commit: Some((pull.head_sha.clone(), commit)), ..Anchors::default() };
    let demand = session.demand(folder, Stage::Filter, anchors);
    let blocks = map::read(&pull.body)?;
    let lineage: Verified<Lineage> = chain::verify(session, ("commit", commit), &demand, chain::located(&blocks, Stage::Filter)).await?;
    Refused::unless_empty(lineage::map_agrees(&lineage, &blocks))?;
    let mut link = session.link(Stage::Enforce, Some(lineage.newest()));
    link.git_commit = Some(pull.head_sha.clone());
    let subjects = vec![Subject::new(folder.path(), digest), Subject::new("commit", commit)];
    Ok(signing::link(session, subjects, link, &BTreeMap::new()).await?.0)
}

async fn close(session: &Session, pull: &Pull, folder: &ChartFolder, refusal: Refusal) -> anyhow::Result<Report> {
    let branches = &session.policy.branches;
    let comment = body::closing(&body::Closing {
        head: &pull.head_ref,
        integration: &branches.integration,
        chart_branches: &branches.chart_pattern(),
        expected: &branches.sync(folder),
        violations: std::slice::from_ref(&refusal),
    });
    session.github.create_comment(pull.number, &comment).await?;
    report_check(session, pull, Err(&refusal)).await?;
    session.github.update_pull(pull.number, &PullChange { state: Some("closed".into()), ..PullChange::default() }).await?;
    Err(refusal.into())
}

async fn report_check(session: &Session, pull: &Pull, verdict: Result<&str, &Refusal>) -> anyhow::Result<()> {
    let check = match verdict {
        Ok(summary) => NewCheck::success(CHECK, &pull.head_sha, summary),
        Err(refusal) => NewCheck::failure(CHECK, &pull.head_sha, refusal.code.as_str(), &refusal.to_string()),
    };
    session.github.check(&check).await
}

fn head_moved(pull: &Pull) -> Refusal {
    let what = format!("the head of #{} moved while it was judged", pull.number);
    Refusal::new(Code::PullRequestSuperseded, what, "run enforce again; it judges the new head")
}
