//! Bump verifies every attestation of a chart's contribution and sets version and changelog; it never merges.

use crate::{
    chain, checks,
    checks::Finished,
    content::{self, Content},
    history, inputs,
    prepare::{self, Prepared},
    report::Report,
    runner::Runner,
    session::Session,
    signing, trees,
};
use anyhow::Context as _;
use chartrel_clients::{
    git::Checkout,
    github::{NewCheck, NewEntry, Pull, PullChange},
    helm::Helm,
};
use chartrel_core::{
    Code, Refusal, Refused, Sha256, bump,
    chart::{FileMode, SourceFile},
    lineage::{self, Anchors, Lineage, Verified},
    map, message,
    name::{ChartFolder, ObjectId},
    provenance::{self, ResolvedDependency},
    stage::{Key, Stage},
    statement::{Link, Reference, Subject},
};
use std::collections::BTreeMap;

/// The required checks on a pull request to `main` (MISSION A.10).
const VERIFY: &str = "verify-attestations";
const SEMVER: &str = "semver-bump";

/// The outputs of its own: name and what it is.
pub const OUTPUTS: &[(&str, &str)] = &[("chart", "The folder of the chart"), ("version", "The new version")];

/// The inputs of `bump`.
#[derive(Debug, Clone, clap::Args)]
pub struct Inputs {
    /// Token for GitHub: an App's (recommended), or the job's own. It needs `contents`, `pull-requests` and `checks`, all `write`
    #[arg(long)]
    pub token: Option<String>,
    /// Number of the pull request from a chart branch to `main`
    #[arg(long)]
    pub pr: Option<String>,
    /// Helm to use; without it the one on PATH, else a pinned version is installed
    #[arg(long)]
    pub helm: Option<String>,
}

/// Verifies and bumps one pull request to `main`.
///
/// # Errors
/// Refuses a chart from anywhere but its chart branch, an incomplete or altered lineage, a change without a version.
pub async fn run(given: Inputs, runner: Runner) -> anyhow::Result<Report> {
    let number = inputs::number("pr", given.pr.as_deref())?;
    let session = Session::open(runner, given.token).await?;
    session.demand_branch(&session.policy.branches.main)?;
    session.signer()?;
    let pull = session.github.pull(number).await?;
    if pull.state != "open" || pull.base_ref != session.policy.branches.main {
        return Ok(Report::nothing(format!("#{number} is not an open pull request to `{}`", session.policy.branches.main)));
    }
    match judge(&session, &pull, given.helm.as_deref()).await {
        Ok(report) => Ok(report),
        Err(error) => {
            // The check says why, so that the reviewer sees it on the pull request itself.
            let refusals = crate::refusals(error)?;
            let text: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            session.github.check(&NewCheck::failure(VERIFY, &pull.head_sha, "refused", &text.join("\n\n"))).await?;
            Err(Refused::unless_empty(refusals).err().context("a refusal names a rule")?.into())
        }
    }
}

async fn judge(session: &Session, pull: &Pull, helm: Option<&str>) -> anyhow::Result<Report> {
    let Some(folder) = source(session, pull).await? else {
        for name in [VERIFY, SEMVER] {
            session.github.check(&NewCheck::success(name, &pull.head_sha, "nothing to do: no chart is changed")).await?;
        }
        return Ok(Report::nothing(format!("#{} changes no chart", pull.number)));
    };
    let head = session.github.commit(&pull.head_sha).await?;
    let bumped_from = crate::format::is_bump(&head.message).then(|| head.parents.first().cloned()).flatten();
    let chart = Chart { session, folder, pull: pull.clone(), contributed: bumped_from.clone().unwrap_or_else(|| pull.head_sha.clone()) };
    let lineage = chart.verify().await?;
    if bumped_from.is_some()
        && let Some(report) = chart.is_signed(&lineage).await?
    {
        return Ok(report);
    }
    let checkout = Checkout::open(&session.runner.variables.workspace).await?;
    let helm = Helm::find(helm.map(std::path::Path::new), &session.runner.tool_cache).await?;
    chart.ranges(&lineage).await?;
    chart.bump(Tools { checkout, helm }, &lineage).await
}

/// The chart that the pull request carries; refused when a chart comes from another branch than its own (E2E-17).
async fn source(session: &Session, pull: &Pull) -> anyhow::Result<Option<ChartFolder>> {
    let base = session.github.compare(pull.base_sha.as_str(), pull.head_sha.as_str()).await?.merge_base;
    let is_ours = pull.head_repository.as_deref() == Some(session.identity.repository.to_string().as_str());
    let folder = is_ours.then(|| session.policy.branches.folder_of_chart_branch(&pull.head_ref)).flatten();
    let (before, after) = (trees::charts(session, &base).await?, trees::charts(session, &pull.head_sha).await?);
    let changed: Vec<_> =
        after.iter().filter(|(folder, tree)| before.get(*folder) != Some(*tree)).map(|(folder, _)| folder.clone()).collect();
    let Some(folder) = folder else {
        if changed.is_empty() {
            return Ok(None);
        }
        let what = format!(
            "#{} changes `{}` from `{}`, which does not match expected pattern `{}`",
            pull.number,
            changed[0].path(),
            pull.head_ref.escape_debug(),
            session.policy.branches.chart_pattern()
        );
        return Err(Refusal::new(Code::PullRequestForeignSource, what, "contribute chart changes to `integration`").into());
    };
    let outside = trees::outside(session, &base, &pull.head_sha, &folder).await?;
    if !outside.is_empty() {
        let what = format!("#{} changes `{}` beside its chart", pull.number, outside.join("`, `").escape_debug());
        return Err(Refusal::new(
            Code::PullRequestOutsideChart,
            what,
            "delete the chart branch and run filter again; it makes the branch anew",
        )
        .into());
    }
    Ok(Some(folder))
}

/// A chart branch's pull request.
struct Chart<'a> {
    session: &'a Session,
    folder: ChartFolder,
    pull: Pull,
    /// The head as contributed, below a bump that may be on it already.
    contributed: ObjectId,
}

/// What bump works with beside the API.
struct Tools {
    checkout: Checkout,
    helm: Helm,
}

/// The tree after the bump, before any branch shows it.
struct Bumped {
    decision: bump::Decision,
    chart: Prepared,
    commit: ObjectId,
    checks: Vec<Finished>,
}

impl Chart<'_> {
    /// Every attestation up to format, anchored in the content of the head, and the map held against it.
    async fn verify(&self) -> anyhow::Result<Verified<Lineage>> {
        let session = self.session;
        let blocks = map::read(&self.pull.body)?;
        let digest = content::at(session, &self.contributed, &self.folder).await?.digest;
        let commit = content::commit_digest(session, &self.contributed).await?;
        let anchors = Anchors { chart: Some(digest), commit: Some((self.contributed.clone(), commit)), ..Anchors::default() };
        let demand = session.demand(&self.folder, Stage::Format, anchors);
        let lineage = chain::verify(session, ("commit", commit), &demand, chain::located(&blocks, Stage::Format)).await?;
        Refused::unless_empty(lineage::map_agrees(&lineage, &blocks))?;
        Ok(lineage)
    }

    /// The report when the head is a bump whose link is signed for this very description; `None` when something is missing.
    async fn is_signed(&self, lineage: &Lineage) -> anyhow::Result<Option<Report>> {
        let session = self.session;
        let digest = content::commit_digest(session, &self.pull.head_sha).await?;
        let Some(evidence) = chain::newest_link(session, Stage::Bump, ("commit", digest)).await? else { return Ok(None) };
        let description = map::description_digest(&self.pull.body);
        let link: Link = serde_json::from_value(evidence.statement.predicate.clone())?;
        let is_child = link.parent.as_ref().is_some_and(|parent| parent.digest == lineage.newest().statement);
        if !is_child
            || evidence.statement.subject("pr-description") != Some(description)
            || !session.is_trusted(&evidence, &Stage::Bump.overall())
        {
            return Ok(None);
        }
        let mut report = Report::nothing(format!("#{} is bumped and signed", self.pull.number));
        let recorded = map::read(&self.pull.body)?;
        if recorded.references.get(&Stage::Bump.overall()).map(|reference| reference.statement) != Some(evidence.statement_digest) {
            let mut references = link.references;
            references.insert(Stage::Bump.overall(), chain::reference_of(session, &evidence, None).await?);
            self.record(&self.pull.head_sha, &references, &mut report).await?;
        }
        Ok(Some(report))
    }

    /// The ranges of the links of validate since the last release, without a gap: no commit slipped between two checks.
    async fn ranges(&self, lineage: &Lineage) -> anyhow::Result<()> {
        let session = self.session;
        let last = history::last_release(session, &session.chart_name(&self.contributed, &self.folder).await?).await?;
        let Some(released) = last.and_then(|release| release.source) else { return Ok(()) };
        let mut from = lineage.range().context("a link of validate names its range")?.from.clone();
        while !session.descends(&released, &from).await? {
            let digest = content::commit_digest(session, &from).await?;
            let link = chain::newest_link(session, Stage::Validate, ("commit", digest)).await?;
            let link = link.filter(|evidence| session.is_trusted(evidence, &Stage::Validate.overall()));
            let range = link.and_then(|evidence| serde_json::from_value::<Link>(evidence.statement.predicate).ok()?.range);
            from = range.map(|range| range.from).ok_or_else(|| {
                let what = format!("no link of validate ends at `{from}`, so the commits before it were not checked");
                Refusal::new(Code::LineageRangeGap, what, "run validate again for the push that ended there")
            })?;
        }
        Ok(())
    }

    async fn bump(&self, tools: Tools, lineage: &Verified<Lineage>) -> anyhow::Result<Report> {
        let session = self.session;
        let bumped = self.make(&tools, lineage).await?;
        let references = self.sign(lineage, &bumped).await?;
        let mut report = Report::default();
        if bumped.commit != self.pull.head_sha {
            session.github.update_reference(&format!("heads/{}", self.pull.head_ref), &bumped.commit, false).await?;
            report.write(format!(
                "commit {} on `{}`: version {}",
                &bumped.commit.as_str()[..12],
                self.pull.head_ref,
                bumped.decision.version
            ));
        }
        self.record(&bumped.commit, &references, &mut report).await?;
        report.decide(format!("{}: version {}", self.folder, bumped.decision.version));
        report.outputs.insert("chart", self.folder.to_string());
        report.outputs.insert("version", bumped.decision.version.to_string());
        report.summary = bumped.decision.section;
        Ok(report)
    }

    /// The new tree and its commit, checked but not yet shown by any branch.
    async fn make(&self, tools: &Tools, lineage: &Lineage) -> anyhow::Result<Bumped> {
        let session = self.session;
        let contributed = content::at(session, &self.contributed, &self.folder).await?;
        let before = prepare::prepare(&self.folder, contributed, &tools.helm).await?;
        let tip = lineage.source_commit().context("filter's link names its source commit")?;
        let decision = history::next_release(session, &tools.checkout, tip, &before).await??;
        let mut files = before.files.clone();
        put(&mut files, "Chart.yaml", decision.chart_file.clone());
        put(&mut files, "CHANGELOG.md", decision.changelog.clone());
        let digest = chartrel_core::chart::digest(&self.folder, &files)?;
        let chart = prepare::prepare(&self.folder, Content { files, digest }, &tools.helm).await?;
        same_dependencies(&before, &chart)?;
        let mut finished = Vec::new();
        for key in checks::own_content_keys(session) {
            finished.push(checks::content(session, &tools.helm, key, std::slice::from_ref(&chart)).await?);
        }
        Refused::unless_empty(finished.iter().filter_map(Finished::refusal).collect())?;
        let commit = self.commit(&decision, lineage).await?;
        Ok(Bumped { decision, chart, commit, checks: finished })
    }

    /// The commit on the chart branch; the head itself when it holds this very bump already.
    async fn commit(&self, decision: &bump::Decision, lineage: &Lineage) -> anyhow::Result<ObjectId> {
        let session = self.session;
        let base = session.github.commit(&self.contributed).await?.tree;
        let mut entries = Vec::new();
        for (name, text) in [("Chart.yaml", &decision.chart_file), ("CHANGELOG.md", &decision.changelog)] {
            let sha = session.github.create_blob(text.as_bytes()).await?;
            entries.push(NewEntry {
                path: format!("{}/{name}", self.folder.path()),
                mode: "100644".into(),
                kind: "blob".into(),
                sha: Some(sha),
            });
        }
        let tree = session.github.create_tree(Some(&base), &entries).await?;
        let head = session.github.commit(&self.pull.head_sha).await?;
        if head.tree == tree && head.parents.first() == Some(&self.contributed) {
            return Ok(head.sha);
        }
        let text = message::bump(&self.folder, &decision.version, &lineage.newest().id);
        Ok(session.github.create_commit(&text, &tree, std::slice::from_ref(&self.contributed)).await?.sha)
    }

    async fn sign(&self, lineage: &Verified<Lineage>, bumped: &Bumped) -> anyhow::Result<BTreeMap<Key, Reference>> {
        let session = self.session;
        let facts = session.run_facts().await?;
        let (before, after) = (lineage.chart_digest(), bumped.chart.digest);
        let path = self.folder.path();
        let verify = provenance::verification(&facts, vec![Subject::new(path.clone(), before)], lineage);
        let dependencies = [ResolvedDependency::chart(&path, before)];
        let results: Vec<_> = bumped.checks.iter().map(|one| &one.result).collect();
        let semver = provenance::provenance(&facts, vec![Subject::new(path.clone(), after)], &dependencies, &results);
        let mut references = lineage.references();
        references.insert(Key::WORKFLOW_5_VERIFY.parse()?, signing::sign(session, &verify).await?.0);
        references.insert(Key::WORKFLOW_5_SEMVER.parse()?, signing::sign(session, &semver).await?.0);
        let mut link = session.link(Stage::Bump, Some(lineage.newest()));
        link.git_commit = Some(bumped.commit.clone());
        link.attestations = references.iter().map(|(key, reference)| (key.clone(), reference.id.clone())).collect();
        link.references = references.clone();
        let subjects = vec![
            Subject::new("commit", content::commit_digest(session, &bumped.commit).await?),
            Subject::new("pr-description", map::description_digest(&self.pull.body)),
            Subject::new(path, after),
        ];
        references.insert(Stage::Bump.overall(), signing::link(session, subjects, link, &BTreeMap::new()).await?.0);
        Ok(references)
    }

    /// Writes the map and reports both checks on the final head.
    async fn record(&self, head: &ObjectId, references: &BTreeMap<Key, Reference>, report: &mut Report) -> anyhow::Result<()> {
        let session = self.session;
        let body = session.github.pull(self.pull.number).await?.body;
        let written = map::write(&body, references)?;
        session.github.update_pull(self.pull.number, &PullChange { body: Some(written), ..PullChange::default() }).await?;
        report.write(format!("attestation map of #{}: {} keys", self.pull.number, references.len()));
        session
            .github
            .check(&NewCheck::success(VERIFY, head, "every attestation verifies, from the contribution to this pull request"))
            .await?;
        session.github.check(&NewCheck::success(SEMVER, head, "version and changelog are set")).await?;
        report.write(format!("checks `{VERIFY}` and `{SEMVER}` on {}", &head.as_str()[..12]));
        Ok(())
    }
}

fn put(files: &mut Vec<SourceFile>, path: &str, text: String) {
    let bytes = text.into_bytes();
    match files.iter_mut().find(|file| file.path == path) {
        Some(file) => file.bytes = bytes,
        None => files.push(SourceFile { path: path.into(), mode: FileMode::Regular, bytes }),
    }
}

/// A dependency that was swapped between two looks at it is refused.
fn same_dependencies(before: &Prepared, after: &Prepared) -> Result<(), Refusal> {
    let digests = |chart: &Prepared| chart.dependencies.iter().map(|one| one.digest).collect::<Vec<Sha256>>();
    if digests(before) == digests(after) {
        return Ok(());
    }
    let what = format!("the dependencies of `{}` changed while it was bumped", after.folder.path());
    Err(Refusal::new(Code::ChartOtherDependency, what, "pin them in Chart.lock, and find out who replaced a published package"))
}
