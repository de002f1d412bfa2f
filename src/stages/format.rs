//! Format opens the pull request from a chart branch to `main`, with the map and the lineage so far; it never moves a branch.

use crate::{chain, content, handover, inputs, report::Report, runner::Runner, session::Session, signing};
use anyhow::Context as _;
use chartrel_clients::github::{NewPull, Pull, PullChange};
use chartrel_core::{
    body,
    format::{Decision, Facts, decide},
    lineage::{Anchors, Lineage, Verified},
    map, message,
    name::{ChartFolder, ObjectId},
    stage::Stage,
    statement::Subject,
};
use std::collections::BTreeMap;

/// The outputs of its own: name and what it is.
pub const OUTPUTS: &[(&str, &str)] = &[];

/// The inputs of `format`.
#[derive(Debug, Clone, clap::Args)]
pub struct Inputs {
    /// Token for GitHub: an App's (recommended), or the job's own. It needs `contents`, `pull-requests` and `actions`, all `write`
    #[arg(long)]
    pub token: Option<String>,
    /// Number of the pull request that was merged to a chart branch
    #[arg(long)]
    pub pr: Option<String>,
}

/// Opens, or brings up to date, the pull request to `main`.
///
/// # Errors
/// Refuses a chart branch whose head has no verified lineage.
pub async fn run(inputs: Inputs, runner: Runner) -> anyhow::Result<Report> {
    let number = inputs::number("pr", inputs.pr.as_deref())?;
    let session = Session::open(runner, inputs.token).await?;
    session.demand_branch(&session.policy.branches.main)?;
    session.signer()?;
    let merged = session.github.pull(number).await?;
    let Some(folder) = session.policy.branches.folder_of_chart_branch(&merged.base_ref) else {
        return Ok(Report::nothing(format!("#{number} goes to `{}`, which is no chart branch", merged.base_ref)));
    };
    let open = session.github.pulls(Some(&merged.base_ref), Some(&session.policy.branches.main), "open").await?.into_iter().next();
    let facts = facts(&session, &merged, &folder, open.as_ref()).await?;
    match (decide(&facts), facts.chart_head) {
        (Decision::Nothing(why), _) => Ok(Report::nothing(why)),
        (Decision::Opened(number), _) => {
            handover::dispatch(&session, Stage::Bump, &[("pr", number.to_string())]).await?;
            Ok(Report::nothing(format!("#{number} is open already; bump was started again")))
        }
        (Decision::Open, head) => {
            let head = head.context("the chart branch is gone")?;
            Chart { folder, merged, head, open }.open(&session).await
        }
    }
}

async fn facts(session: &Session, merged: &Pull, folder: &ChartFolder, open: Option<&Pull>) -> anyhow::Result<Facts> {
    let chart_head = session.github.reference(&format!("heads/{}", merged.base_ref)).await?;
    let is_bumped = match (&chart_head, &merged.merge_commit) {
        (Some(head), Some(merge)) => {
            let commit = session.github.commit(head).await?;
            is_bump(&commit.message) && commit.parents.contains(merge)
        }
        _ => false,
    };
    let recorded = open.map(|pull| map::find(&pull.body)).transpose()?.flatten();
    let linked = recorded.and_then(|blocks| blocks.references.get(&Stage::Format.overall()).cloned());
    let is_recorded = match (&chart_head, linked) {
        (Some(head), Some(reference)) => {
            let digest = content::commit_digest(session, head).await?;
            chain::newest_link(session, Stage::Format, ("commit", digest))
                .await?
                .is_some_and(|link| link.statement_digest == reference.statement)
        }
        _ => false,
    };
    Ok(Facts {
        folder: Some(folder.clone()),
        merge_commit: merged.is_merged.then(|| merged.merge_commit.clone()).flatten(),
        chart_head,
        is_bumped,
        open: open.map(|pull| pull.number),
        is_recorded,
    })
}

/// Whether a commit is bump's, by its loop-guard trailer (C-13).
pub(crate) fn is_bump(message: &str) -> bool {
    message::trailer(message, message::STAGE) == Some(Stage::Bump.verb())
}

/// The pull requests that brought the contribution to `integration`.
pub(crate) fn source_pulls(lineage: &Lineage) -> Vec<u64> {
    lineage.link(Stage::Validate).map(|link| link.pulls.clone()).unwrap_or_default()
}

/// A chart branch and its pull requests.
struct Chart {
    folder: ChartFolder,
    merged: Pull,
    head: ObjectId,
    open: Option<Pull>,
}

impl Chart {
    async fn open(self, session: &Session) -> anyhow::Result<Report> {
        let lineage = self.verify(session).await?;
        let (digest, commit) = (lineage.chart_digest(), content::commit_digest(session, &self.head).await?);
        let mut link = session.link(Stage::Format, Some(lineage.newest()));
        link.git_commit = Some(self.head.clone());
        let subjects = vec![Subject::new(self.folder.path(), digest), Subject::new("commit", commit)];
        let mut references = lineage.references();
        references.insert(Stage::Format.overall(), signing::link(session, subjects, link, &BTreeMap::new()).await?.0);
        let sources = source_pulls(&lineage);
        let branches = &session.policy.branches;
        let preparation = body::Preparation {
            folder: &self.folder,
            source_prs: &sources,
            sync_pr: self.merged.number,
            branches: [&branches.integration, &self.merged.base_ref, &branches.main],
            attestations_url: &session.attestations_url(),
        };
        let proposed = body::format(&preparation, &references);
        let mut report = Report::default();
        let title = proposed.title.clone();
        let number = self.write(session, proposed).await?;
        report.write(format!("pull request #{number}: `{title}`"));
        report.decide(format!("{}: goes to `{}`, with its lineage", self.folder, session.policy.branches.main));
        handover::dispatch(session, Stage::Bump, &[("pr", number.to_string())]).await?;
        Ok(report)
    }

    /// The lineage up to enforce, anchored in what the chart branch holds now.
    async fn verify(&self, session: &Session) -> anyhow::Result<Verified<Lineage>> {
        let digest = content::at(session, &self.head, &self.folder).await?.digest;
        let judged = content::commit_digest(session, &self.merged.head_sha).await?;
        let anchors = Anchors { chart: Some(digest), commit: Some((self.merged.head_sha.clone(), judged)), ..Anchors::default() };
        let demand = session.demand(&self.folder, Stage::Enforce, anchors);
        let blocks = map::read(&self.merged.body)?;
        let lineage = chain::verify(session, ("commit", judged), &demand, chain::located(&blocks, Stage::Enforce)).await?;
        let faults = chartrel_core::lineage::map_agrees(&lineage, &blocks);
        chartrel_core::Refused::unless_empty(faults)?;
        Ok(lineage)
    }

    async fn write(&self, session: &Session, proposed: body::PullRequest) -> anyhow::Result<u64> {
        if let Some(pull) = &self.open {
            session.github.update_pull(pull.number, &PullChange { body: Some(proposed.body), ..PullChange::default() }).await?;
            return Ok(pull.number);
        }
        let new = NewPull {
            title: proposed.title,
            head: self.merged.base_ref.clone(),
            base: session.policy.branches.main.clone(),
            body: proposed.body,
        };
        Ok(session.github.create_pull(&new).await?.number)
    }
}
