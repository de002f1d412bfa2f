//! Running the checks of a contribution: each ends in a result document that can be signed.

use crate::{
    prepare::Prepared,
    session::Session,
    validate::{artifacthub_lint, lint_test, security},
};
use chartrel_clients::helm::Helm;
use chartrel_core::{
    Code, Refusal, Sha256,
    check::{ChartResult, CheckResult, Conclusion},
    evidence::Evidence,
    provenance,
    stage::{Binding, Key},
    statement::{PROVENANCE, Range},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::BTreeMap;

/// Charts are checked this many at once: Helm is a process of one core.
const AT_ONCE: usize = 2;

/// What a check found in one chart, or in the commits: nothing, or one line a problem.
pub(crate) type Problems = Vec<String>;

/// The end of a check.
pub(crate) struct Finished {
    /// The check.
    pub(crate) key: Key,
    /// The document that is signed.
    pub(crate) result: CheckResult,
    /// What was found, for people.
    pub(crate) problems: Problems,
}

impl Finished {
    /// Whether the check passed.
    pub(crate) fn is_success(&self) -> bool {
        self.result.conclusion == Conclusion::Success
    }

    /// The refusal of a check that failed.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let what = || format!("`{}` failed: {}", self.key.check_name(), self.problems.join("; "));
        (!self.is_success())
            .then(|| Refusal::new(Code::CheckFailed, what(), "mend it in the pull request; the check runs again with the next push"))
    }
}

/// The content checks that chartrel runs itself; a key that the policy gives to another job is that job's.
pub(crate) fn own_content_keys(session: &Session) -> impl Iterator<Item = &Key> {
    session.policy.required.iter().filter(|key| key.binding() == Binding::Content && !session.policy.is_given_away(key))
}

/// Runs one content check on every chart.
pub(crate) async fn content(session: &Session, helm: &Helm, key: &Key, charts: &[Prepared]) -> anyhow::Result<Finished> {
    let found: Vec<Problems> = stream::iter(charts).map(|chart| one(helm, key, chart)).buffered(AT_ONCE).try_collect().await?;
    let rows = charts.iter().zip(&found).map(|(chart, problems)| ChartResult {
        folder: chart.folder.clone(),
        digest: chart.digest,
        dependencies: chart.dependencies.clone(),
        conclusion: conclude(problems),
    });
    let rows = rows.collect();
    let problems = charts
        .iter()
        .zip(&found)
        .flat_map(|(chart, problems)| problems.iter().map(|problem| format!("{}: {problem}", chart.folder)))
        .collect();
    Ok(finish((session, helm), key, Scope::Charts(rows), problems))
}

async fn one(helm: &Helm, key: &Key, chart: &Prepared) -> anyhow::Result<Problems> {
    match (key.kubernetes_version(), key.as_str()) {
        (Some(version), _) => lint_test::run(helm, chart, version).await,
        (None, "artifacthub-lint") => Ok(artifacthub_lint::run(chart)),
        (None, "security") => Ok(security::run(chart)),
        (None, other) => {
            let what = format!("the policy requires the check `{other}`, which chartrel does not have");
            Err(Refusal::new(
                Code::PolicyInvalid,
                what,
                "name the job that fulfils it under `signers.keys`, or take it off `checks.required`",
            )
            .into())
        }
    }
}

/// What a result is about.
pub(crate) enum Scope {
    /// Charts, each with its conclusion.
    Charts(Vec<ChartResult>),
    /// The commits of a push.
    Commits(Range),
}

/// The result document of a check that ran.
pub(crate) fn finish((session, helm): (&Session, &Helm), key: &Key, scope: Scope, problems: Problems) -> Finished {
    let (charts, range) = match scope {
        Scope::Charts(charts) => (charts, None),
        Scope::Commits(range) => (Vec::new(), Some(range)),
    };
    let tools =
        BTreeMap::from([("chartrel".to_owned(), env!("CARGO_PKG_VERSION").to_owned()), ("helm".to_owned(), helm.version().to_owned())]);
    let result = CheckResult {
        check: key.clone(),
        tools,
        policy: session.policy.digest,
        charts,
        range,
        conclusion: conclude(&problems),
        log: Sha256::of(problems.join("\n")),
    };
    Finished { key: key.clone(), result, problems }
}

fn conclude(problems: &Problems) -> Conclusion {
    if problems.is_empty() { Conclusion::Success } else { Conclusion::Failure }
}

/// The attestation of a content check that covers exactly these charts, under this policy, and says success.
///
/// A tree that was validated once under the same policy is not validated twice (DESIGN §5).
pub(crate) async fn reusable(session: &Session, key: &Key, charts: &[Prepared]) -> anyhow::Result<Option<Evidence>> {
    let Some(first) = charts.first() else { return Ok(None) };
    let found = crate::chain::find(session, first.digest, PROVENANCE).await?;
    let is_good = |evidence: &Evidence| {
        let Ok(result) = provenance::result_of(&evidence.statement) else { return false };
        let rows: Vec<_> = charts.iter().map(|chart| (&chart.folder, chart.digest, &chart.dependencies)).collect();
        let covers = result.charts.iter().map(|row| (&row.folder, row.digest, &row.dependencies)).eq(rows);
        result.check == *key
            && result.policy == session.policy.digest
            && result.conclusion == Conclusion::Success
            && covers
            && session.is_trusted(evidence, key)
    };
    Ok(found.into_iter().find(is_good))
}
