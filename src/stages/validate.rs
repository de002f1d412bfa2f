//! Validate runs the checks of a contribution and signs what they found; it never runs what was contributed.

pub(crate) mod artifacthub_lint;
pub(crate) mod changelog_generation;
pub(crate) mod commit_validation;
pub(crate) mod lint_test;
pub(crate) mod security;

use crate::{
    chain, checks,
    checks::{Finished, Scope},
    content,
    prepare::{self, Prepared},
    report::Report,
    runner::Runner,
    session::Session,
    signing, trees,
};
use anyhow::Context as _;
use chartrel_clients::{
    git::Checkout,
    github::{NewCheck, Pull, PullChange},
    helm::Helm,
};
use chartrel_core::{
    Code, Refusal, Refused, body, map,
    name::{ChartFolder, ObjectId},
    provenance,
    stage::{Key, Stage},
    statement::{Range, Reference, Subject},
    validate::{Decision, Facts, Trees, decide},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::BTreeMap;

/// How many commits back the newest link of validate is looked for: a day of a very busy repository.
const ANCESTORS: usize = 500;
/// Signatures made at once: a token serves for minutes, the services ask for few connections.
const SIGNED_AT_ONCE: usize = 4;

/// The outputs of its own: name and what it is.
pub const OUTPUTS: &[(&str, &str)] = &[
    ("charts", "The charts of the contribution, a JSON list of folders"),
    ("non-chart-files", "Files that belong to no chart, a JSON list of paths"),
];

/// The inputs of `validate`.
#[derive(Debug, Clone, clap::Args)]
pub struct Inputs {
    /// Token for GitHub: the job's own suffices. It needs `contents: read`, `pull-requests: write`, `checks: write` and `attestations: write`
    #[arg(long)]
    pub token: Option<String>,
    /// Helm to use; without it the one on PATH, else a pinned version is installed
    #[arg(long)]
    pub helm: Option<String>,
}

/// Runs the checks on a pull request or a push to `integration`.
///
/// # Errors
/// Refuses when a check fails, naming each; when a commit that touches a chart came without a pull request.
pub async fn run(inputs: Inputs, runner: Runner) -> anyhow::Result<Report> {
    let session = Session::open(runner, inputs.token).await?;
    let integration = session.policy.branches.integration.clone();
    let v = &session.runner.variables;
    match v.event_name.as_str() {
        "pull_request" if base_branch(&session) != Some(integration.as_str()) => {
            return Ok(Report::nothing(format!("the pull request does not go to `{integration}`")));
        }
        "push" if v.git_ref != format!("refs/heads/{integration}") => {
            return Ok(Report::nothing(format!("the push is not to `{integration}`")));
        }
        "pull_request" | "push" => {}
        other => return Ok(Report::nothing(format!("validate runs on pull requests and pushes, not on `{other}`"))),
    }
    let checkout = Checkout::open(&v.workspace).await?;
    let helm = Helm::find(inputs.helm.as_deref().map(std::path::Path::new), &session.runner.tool_cache).await?;
    let bench = Bench { session, checkout, helm };
    if bench.session.runner.variables.event_name == "push" { bench.push().await } else { bench.pull_request().await }
}

fn base_branch(session: &Session) -> Option<&str> {
    session.runner.event.pointer("/pull_request/base/ref")?.as_str()
}

/// What the commit checks and link 1 are about.
struct Contribution<'a> {
    pulls: &'a [Pull],
    commits: &'a [commit_validation::Message],
    charts: &'a [Prepared],
    range: &'a Range,
}

/// What a pull request is told.
struct Found<'a> {
    references: &'a BTreeMap<Key, Reference>,
    finished: &'a [Finished],
    previews: &'a [body::Preview],
}

/// What the checks run with.
struct Bench {
    session: Session,
    checkout: Checkout,
    helm: Helm,
}

impl Bench {
    /// A pull request: content checks, signed where this job may and the policy trusts it; the others as feedback.
    async fn pull_request(self) -> anyhow::Result<Report> {
        let number = self
            .session
            .runner
            .event
            .pointer("/pull_request/number")
            .and_then(serde_json::Value::as_u64)
            .context("the event has no pull request")?;
        let pull = self.session.github.pull(number).await?;
        if pull.state != "open" {
            // Its map is by now that of the push, which later stages verify; a check run again must not write over it.
            return Ok(Report::nothing(format!("#{number} is no longer open")));
        }
        let tip = self.session.runner.variables.sha.clone();
        let from = self.checkout.merge_base(&pull.base_sha, &tip).await?;
        let decision = self.contributed(&from, &tip).await?;
        let charts = self.prepare(&tip, &decision.charts).await?;
        let mut finished = self.content_checks(&charts).await?;
        let signs = self.session.can_sign() && self.session.policy.signs_on_pull_requests();
        let mut references = BTreeMap::new();
        if signs && !charts.is_empty() {
            references = self.sign_all(&finished, &charts).await?;
        }
        let commits =
            self.session.github.pull_commits(number).await?.into_iter().map(|(id, text)| (id.to_string(), text)).collect::<Vec<_>>();
        let range = Range { from, to: tip.clone() };
        let contribution = Contribution { pulls: std::slice::from_ref(&pull), commits: &commits, charts: &charts, range: &range };
        let (previews, commit_checks) = self.commit_checks(&contribution).await?;
        finished.extend(commit_checks);
        let mut report = Self::tell(&decision, &finished);
        let is_ours = pull.head_repository.as_deref() == Some(self.session.identity.repository.to_string().as_str());
        // It may have been merged while the checks ran.
        if is_ours && self.session.github.pull(number).await?.state == "open" {
            let found = Found { references: &references, finished: &finished, previews: &previews };
            self.write_pull(&pull, &found, &mut report).await?;
        }
        fail(&finished)?;
        Ok(report)
    }

    /// A push to `integration`: everything, and link 1.
    async fn push(self) -> anyhow::Result<Report> {
        self.session.signer()?;
        let tip = self.session.runner.variables.sha.clone();
        let digest = content::commit_digest(&self.session, &tip).await?;
        if let Some(link) = chain::newest_link(&self.session, Stage::Validate, ("commit", digest)).await? {
            return Ok(Report::nothing(format!(
                "`{}` was validated by {}",
                &tip.as_str()[..12],
                link.claims.run_invocation_uri.unwrap_or_default()
            )));
        }
        let from = self.range_start(&tip).await?;
        let decision = self.contributed(&from, &tip).await?;
        let pulls = self.pulls(&from, &tip, &decision.charts).await?;
        let charts = self.prepare(&tip, &decision.charts).await?;
        let range = Range { from: from.clone(), to: tip.clone() };
        let mut finished = Vec::new();
        let mut references = BTreeMap::new();
        for key in checks::own_content_keys(&self.session).filter(|_| !charts.is_empty()) {
            match checks::reusable(&self.session, key, &charts).await? {
                Some(evidence) => drop(references.insert(key.clone(), chain::reference_of(&self.session, &evidence, None).await?)),
                None => finished.push(checks::content(&self.session, &self.helm, key, &charts).await?),
            }
        }
        let commits: Vec<_> =
            self.checkout.log(Some(&from), &tip, None).await?.into_iter().map(|entry| (entry.id.to_string(), entry.message)).collect();
        let contribution = Contribution { pulls: &pulls, commits: &commits, charts: &charts, range: &range };
        finished.extend(self.commit_checks(&contribution).await?.1);
        references.extend(self.sign_all(&finished, &charts).await?);
        let mut report = Self::tell(&decision, &finished);
        fail(&finished)?;
        references.extend(self.given_away(&charts).await?);
        let link = self.link(&contribution, &references).await?;
        references.insert(Stage::Validate.overall(), link);
        for pull in &pulls {
            let found = Found { references: &references, finished: &[], previews: &[] };
            self.write_pull(pull, &found, &mut report).await?;
        }
        report.write(format!("link 1 of `{}` over {} chart(s)", &tip.as_str()[..12], charts.len()));
        Ok(report)
    }

    /// Where the range of this push begins: the newest ancestor that has a link 1; at first use, what the event says was there before.
    async fn range_start(&self, tip: &ObjectId) -> anyhow::Result<ObjectId> {
        let ancestors = self.checkout.first_parents(tip, ANCESTORS).await?;
        let mut digests = Vec::new();
        for id in ancestors.iter().filter(|id| *id != tip) {
            digests.push((id, self.checkout.raw_commit(id).await?.digest_as(id)?));
        }
        let wanted: Vec<_> = digests.iter().map(|(_, digest)| *digest).collect();
        let found = self.session.github.attestations_of(&wanted).await?;
        for (id, digest) in digests.iter().filter(|(_, digest)| found.get(digest).is_some_and(|bundles| !bundles.is_empty())) {
            if chain::newest_link(&self.session, Stage::Validate, ("commit", *digest)).await?.is_some() {
                return Ok((*id).clone());
            }
        }
        let before = self.session.runner.event.get("before").and_then(serde_json::Value::as_str).unwrap_or_default();
        // A branch that was just created has no `before`: its range is its first commit's own.
        before.parse().or_else(|_| ancestors.get(1).cloned().context("`integration` has a single commit, so nothing was contributed"))
    }

    async fn contributed(&self, from: &ObjectId, tip: &ObjectId) -> anyhow::Result<Decision> {
        let changed = self.checkout.changed_paths(from, tip).await?;
        let facts = Facts {
            before: self.trees(from).await?,
            after: self.trees(tip).await?,
            main: trees::charts(&self.session, &self.session.main_tip).await?,
            elsewhere: changed.into_iter().filter(|path| !path.starts_with("charts/")).collect(),
        };
        Ok(decide(facts))
    }

    async fn trees(&self, commit: &ObjectId) -> anyhow::Result<Trees> {
        let entries = self.checkout.entries(commit, trees::CHARTS).await?;
        Ok(entries
            .into_iter()
            .filter(|entry| entry.mode == 0o040_000)
            .filter_map(|entry| Some((entry.path.rsplit('/').next()?.parse().ok()?, entry.id)))
            .collect())
    }

    /// The merged pull requests of the range; a commit that touches a chart and came by none is refused (M-060).
    async fn pulls(&self, from: &ObjectId, tip: &ObjectId, charts: &[ChartFolder]) -> anyhow::Result<Vec<Pull>> {
        let (mut pulls, mut refusals) = (Vec::new(), Vec::new());
        for id in self.checkout.first_parents(tip, ANCESTORS).await?.into_iter().take_while(|id| id != from) {
            let integration = &self.session.policy.branches.integration;
            let found = self.session.github.pulls_of_commit(&id).await?;
            let merged =
                found.into_iter().find(|pull| pull.is_merged && pull.base_ref == *integration && pull.merge_commit.as_ref() == Some(&id));
            match merged {
                Some(pull) => pulls.push(pull),
                None => refusals.extend(self.without_pull(&id, charts).await?),
            }
        }
        Refused::unless_empty(refusals)?;
        pulls.reverse();
        Ok(pulls)
    }

    async fn without_pull(&self, id: &ObjectId, charts: &[ChartFolder]) -> anyhow::Result<Option<Refusal>> {
        let parent = self.checkout.first_parents(id, 2).await?.into_iter().nth(1);
        let Some(parent) = parent else { return Ok(None) };
        let paths = self.checkout.changed_paths(&parent, id).await?;
        let touched = charts.iter().find(|folder| paths.iter().any(|path| path.starts_with(&format!("{}/", folder.path()))));
        Ok(touched.map(|folder| {
            let what = format!("commit `{id}` changes `{}` and came without a pull request", folder.path());
            Refusal::new(Code::PullRequestMissing, what, "revert it by a pull request, then contribute the change by another")
        }))
    }

    async fn prepare(&self, tip: &ObjectId, charts: &[ChartFolder]) -> anyhow::Result<Vec<Prepared>> {
        let (mut prepared, mut refusals) = (Vec::new(), Vec::new());
        for folder in charts {
            match self.prepare_one(tip, folder).await {
                Ok(chart) => prepared.push(chart),
                Err(error) => refusals.extend(crate::refusals(error)?),
            }
        }
        Refused::unless_empty(refusals)?;
        Ok(prepared)
    }

    async fn prepare_one(&self, tip: &ObjectId, folder: &ChartFolder) -> anyhow::Result<Prepared> {
        let content = content::read(&self.checkout, tip, folder).await?;
        prepare::prepare(folder, content, &self.helm).await
    }

    async fn content_checks(&self, charts: &[Prepared]) -> anyhow::Result<Vec<Finished>> {
        let mut finished = Vec::new();
        for key in checks::own_content_keys(&self.session) {
            finished.push(checks::content(&self.session, &self.helm, key, charts).await?);
        }
        Ok(finished)
    }

    async fn commit_checks(&self, contribution: &Contribution<'_>) -> anyhow::Result<(Vec<body::Preview>, Vec<Finished>)> {
        let Contribution { pulls, commits, charts, range } = contribution;
        let (sections, problems) = changelog_generation::run(&self.session, &self.checkout, &range.to, charts).await?;
        let done = |key: &str, problems| {
            let key: Key = key.parse()?;
            anyhow::Ok(checks::finish((&self.session, &self.helm), &key, Scope::Commits((*range).clone()), problems))
        };
        let own: Vec<_> = commits.iter().filter(|(_, text)| !chartrel_core::commit::is_own(text)).cloned().collect();
        let finished = vec![done("commit-validation", commit_validation::run(pulls, &own))?, done("changelog-generation", problems)?];
        Ok((sections, finished.into_iter().filter(|one| self.session.policy.required.contains(&one.key)).collect()))
    }

    /// Signs the results, whatever they say: a signature says that a check ran, its result says whether it passed.
    async fn sign_all(&self, finished: &[Finished], charts: &[Prepared]) -> anyhow::Result<BTreeMap<Key, Reference>> {
        let facts = self.session.run_facts().await?;
        let due = finished.iter().filter(|one| one.result.range.is_some() || !charts.is_empty());
        stream::iter(due)
            .map(|one| {
                let statement = provenance::check(&facts, &one.key, &one.result);
                async move { anyhow::Ok((one.key.clone(), signing::sign(&self.session, &statement).await?.0)) }
            })
            .buffered(SIGNED_AT_ONCE)
            .try_collect()
            .await
    }

    /// The attestations of keys that the policy gives to other jobs: they must be there before link 1 is signed.
    async fn given_away(&self, charts: &[Prepared]) -> anyhow::Result<BTreeMap<Key, Reference>> {
        let mut references = BTreeMap::new();
        let mut refusals = Vec::new();
        for key in self.session.policy.required.iter().filter(|key| self.session.policy.is_given_away(key) && !charts.is_empty()) {
            match checks::reusable(&self.session, key, charts).await? {
                Some(evidence) => drop(references.insert(key.clone(), chain::reference_of(&self.session, &evidence, None).await?)),
                None => refusals.push(Refusal::new(
                    Code::LineageMissingAttestation,
                    format!("no attestation for `{key}` covers the charts of this push"),
                    format!("run the job that fulfils `{key}`, then this one again"),
                )),
            }
        }
        Refused::unless_empty(refusals)?;
        Ok(references)
    }

    async fn link(&self, contribution: &Contribution<'_>, references: &BTreeMap<Key, Reference>) -> anyhow::Result<Reference> {
        let Contribution { pulls, charts, range, .. } = contribution;
        let digest = content::commit_digest(&self.session, &range.to).await?;
        let mut subjects = vec![Subject::new("commit", digest)];
        subjects.extend(pulls.iter().map(|pull| Subject::new("pr-description", map::description_digest(&pull.body))));
        subjects.extend(charts.iter().map(|chart| Subject::new(chart.folder.path(), chart.digest)));
        let mut link = self.session.link(Stage::Validate, None);
        link.git_commit = Some(range.to.clone());
        link.range = Some((*range).clone());
        link.pulls = pulls.iter().map(|pull| pull.number).collect();
        link.attestations = references.iter().map(|(key, reference)| (key.clone(), reference.id.clone())).collect();
        link.references = references.clone();
        Ok(signing::link(&self.session, subjects, link, &BTreeMap::new()).await?.0)
    }

    /// Records keys in the description, reports the checks on the head, and keeps the changelog comment up to date.
    async fn write_pull(&self, pull: &Pull, found: &Found<'_>, report: &mut Report) -> anyhow::Result<()> {
        let Found { references, finished, previews } = found;
        for one in *finished {
            let name = one.key.check_name();
            let check = match one.refusal() {
                None => NewCheck::success(&name, &pull.head_sha, "passed"),
                Some(refusal) => NewCheck::failure(&name, &pull.head_sha, "failed", &refusal.to_string()),
            };
            self.session.github.check(&check).await?;
        }
        if !previews.is_empty() {
            changelog_generation::comment(&self.session, pull, previews).await?;
        }
        if !references.is_empty() {
            // Read again: the description may have been edited since, and only our keys are ours to write.
            let body = self.session.github.pull(pull.number).await?.body;
            let written = map::write(&body, references)?;
            if written != body {
                self.session.github.update_pull(pull.number, &PullChange { body: Some(written), ..PullChange::default() }).await?;
            }
            report.write(format!("attestation map of #{}: {} keys", pull.number, references.len()));
        }
        Ok(())
    }

    fn tell(decision: &Decision, finished: &[Finished]) -> Report {
        let mut report = Report::default();
        let names: Vec<&str> = decision.charts.iter().map(ChartFolder::as_str).collect();
        report.decide(if names.is_empty() { "no chart is contributed".to_owned() } else { format!("contributed: {}", names.join(", ")) });
        report.warnings.extend(
            decision
                .removed
                .iter()
                .map(|folder| format!("`{}` is removed: nothing is released for it, its versions stay published", folder.path())),
        );
        report.outputs.insert("charts", serde_json::to_string(&names).unwrap_or_default());
        report.outputs.insert("non-chart-files", serde_json::to_string(&decision.elsewhere).unwrap_or_default());
        for one in finished {
            report.decide(format!("{}: {}", one.key.check_name(), if one.is_success() { "passed" } else { "failed" }));
        }
        report
    }
}

fn fail(finished: &[Finished]) -> chartrel_core::Result<()> {
    Refused::unless_empty(finished.iter().filter_map(Finished::refusal).collect())
}
