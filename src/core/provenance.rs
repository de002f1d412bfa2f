//! The statements that stages sign: checks and builds as SLSA provenance, verification results, lineage links.
//!
//! What a predicate says is the word of the workflow that signed it; `core::lineage` decides whether to believe it.

use crate::{
    check::{self, CheckResult, Dependency},
    digest::Sha256,
    lineage::{Lineage, Verified},
    name::{ObjectId, Repository},
    refusal::{Code, Refusal},
    stage::Key,
    statement::{LINEAGE, Link, PROVENANCE, Parent, Statement, Subject, VERIFICATION},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Build type of every provenance: the workflow's run says the rest.
pub const BUILD_TYPE: &str = "https://actions.github.io/buildtypes/workflow/v1";

/// The run that signs, as its OIDC token and the runner's variables name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFacts {
    /// The server, such as `https://github.com`.
    pub server_url: String,
    /// The repository whose run this is.
    pub repository: Repository,
    /// The workflow that signs (`job_workflow_ref`), `<owner>/<repo>/.github/workflows/<file>@<ref>`.
    pub signer_workflow: String,
    /// The workflow that was started (`GITHUB_WORKFLOW_REF`), in the same form.
    pub caller_workflow: String,
    /// The ref of the run, such as `refs/heads/main`.
    pub git_ref: String,
    /// The commit of the run.
    pub sha: ObjectId,
    /// The run and its attempt, `<server>/<owner>/<repo>/actions/runs/<id>/attempts/<n>`.
    pub invocation: String,
}

impl RunFacts {
    /// The workflow that signs, as a URL: the subject alternative name of its certificates.
    pub fn signer(&self) -> String {
        format!("{}/{}", self.server_url, self.signer_workflow)
    }

    /// The invocation, as every predicate has it and the certificate claims it.
    pub fn invocation(&self) -> &str {
        &self.invocation
    }

    fn repository_url(&self) -> String {
        format!("{}/{}", self.server_url, self.repository)
    }

    fn caller_path(&self) -> &str {
        let path = self.caller_workflow.split('@').next().unwrap_or_default();
        path.strip_prefix(&format!("{}/", self.repository)).unwrap_or(path)
    }
}

/// Something that a run took in (SLSA provenance v1, `resolvedDependencies`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedDependency {
    /// A name, where the thing has no address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Algorithm to hex digest.
    pub digest: BTreeMap<String, String>,
}

impl ResolvedDependency {
    /// A commit of the run's repository.
    pub fn commit(run: &RunFacts, commit: &ObjectId) -> Self {
        Self::git(format!("git+{}", run.repository_url()), commit)
    }

    /// A chart as it is at a commit: its path and chart digest.
    pub fn chart(path: &str, digest: Sha256) -> Self {
        Self::named(path.to_owned(), digest)
    }

    /// A dependency of the chart.
    pub fn package(dependency: &Dependency) -> Self {
        Self::named(format!("{}-{}.tgz", dependency.name, dependency.version), dependency.digest)
    }

    /// A chart package.
    pub fn package_subject(name: &str, digest: Sha256) -> Self {
        Self::named(name.to_owned(), digest)
    }

    /// The sha256, if it has a well-formed one.
    pub fn sha256(&self) -> Option<Sha256> {
        self.digest.get("sha256")?.parse().ok()
    }

    /// The commit, if it is one.
    pub fn git_commit(&self) -> Option<ObjectId> {
        self.digest.get("gitCommit")?.parse().ok()
    }

    fn source(run: &RunFacts) -> Self {
        Self::git(format!("git+{}@{}", run.repository_url(), run.git_ref), &run.sha)
    }

    fn git(uri: String, commit: &ObjectId) -> Self {
        Self { name: None, uri: Some(uri), digest: BTreeMap::from([("gitCommit".to_owned(), commit.to_string())]) }
    }

    fn named(name: String, digest: Sha256) -> Self {
        Self { name: Some(name), uri: None, digest: BTreeMap::from([("sha256".to_owned(), digest.hex())]) }
    }
}

/// The attestation of a check: its subjects are the result document and what it is bound to, its by-product the document.
///
/// Shape: SLSA provenance v1 (MISSION A.4).
pub fn check(run: &RunFacts, key: &Key, result: &CheckResult) -> Statement {
    debug_assert_eq!(*key, result.check, "a result is attested under its own key");
    let predicate = predicate(run, &[], &[by_product("result", result)]);
    Statement::new(result.subjects(), PROVENANCE, predicate)
}

/// The provenance of what a stage made, with the results of checks that it ran on it.
///
/// The first dependency is always the run's commit; `dependencies` follow.
pub fn provenance(run: &RunFacts, subjects: Vec<Subject>, dependencies: &[ResolvedDependency], by_products: &[&CheckResult]) -> Statement {
    let by_products: Vec<_> = by_products.iter().map(|result| by_product(result.check.as_str(), result)).collect();
    Statement::new(subjects, PROVENANCE, predicate(run, dependencies, &by_products))
}

/// What a stage verified, before it went on: `workflow-5-verify` and `workflow-7-verify`.
pub fn verification(run: &RunFacts, subjects: Vec<Subject>, lineage: &Verified<Lineage>) -> Statement {
    let newest = lineage.newest();
    let result = VerificationResult {
        verified: lineage.statements().into_iter().map(|(key, statement)| VerifiedKey { key, statement }).collect(),
        policy: lineage.policy(),
        parent: Parent::from(newest),
        invocation: run.invocation.clone(),
        conclusion: check::Conclusion::Success,
    };
    Statement::new(subjects, VERIFICATION, serde_json::to_value(result).unwrap_or_default())
}

/// A lineage link.
pub fn link(subjects: Vec<Subject>, link: &Link) -> Statement {
    Statement::new(subjects, LINEAGE, serde_json::to_value(link).unwrap_or_default())
}

/// Predicate of a verification result, [`VERIFICATION`].
///
/// Shape: `{"verified":[{"key","statement"}…],"policy":"sha256:…","parent":{…},"invocation":"…","conclusion":"success"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationResult {
    /// Every attestation that was verified, sorted by key.
    pub verified: Vec<VerifiedKey>,
    /// The policy under which it was.
    pub policy: Sha256,
    /// The newest link that was verified.
    pub parent: Parent,
    /// The run.
    pub invocation: String,
    /// Always `success`: what fails is refused, and not signed.
    pub conclusion: check::Conclusion,
}

/// One attestation that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedKey {
    /// Its key.
    pub key: Key,
    /// SHA-256 of its statement.
    pub statement: Sha256,
}

/// The part of a provenance predicate that chartrel reads back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// What was built from what.
    pub build_definition: BuildDefinition,
    /// By whom, in which run.
    pub run_details: RunDetails,
}

/// What was built from what.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// The workflow that was started.
    pub external_parameters: ExternalParameters,
    /// What the run took in; the first is its commit.
    pub resolved_dependencies: Vec<ResolvedDependency>,
}

/// The parameters that the run's caller chose.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExternalParameters {
    /// The workflow that was started.
    pub workflow: Workflow,
}

/// The workflow that was started.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Workflow {
    /// The ref of the run.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// The repository, as a URL.
    pub repository: String,
}

/// By whom and in which run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunDetails {
    /// The workflow that signed.
    pub builder: Builder,
    /// The run.
    pub metadata: Metadata,
    /// Result documents.
    #[serde(default)]
    pub byproducts: Vec<ByProduct>,
}

/// The workflow that signed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Builder {
    /// Its URL with ref.
    pub id: String,
}

/// The run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The run and its attempt, as a URL.
    pub invocation_id: String,
}

/// A result document inside a predicate (in-toto v1, `ResourceDescriptor`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ByProduct {
    /// `result` in the attestation of a check, else the check's key.
    pub name: String,
    /// Algorithm to hex digest of the document.
    pub digest: BTreeMap<String, String>,
    /// [`check::MEDIA_TYPE`].
    pub media_type: String,
    /// The document, in base64.
    pub content: String,
}

impl Provenance {
    /// Reads the predicate of a provenance statement.
    ///
    /// # Errors
    /// `lineage/malformed` when the statement has another predicate type or shape.
    pub fn of(statement: &Statement) -> Result<Self, Refusal> {
        if statement.predicate_type != PROVENANCE {
            return Err(malformed(format!(
                "a statement has the predicate type `{}`, not `{PROVENANCE}`",
                statement.predicate_type.escape_debug()
            )));
        }
        Self::deserialize(&statement.predicate).map_err(|error| malformed(format!("a provenance predicate can't be read: {error}")))
    }

    /// The result documents inside, each held against its digest.
    ///
    /// # Errors
    /// `check/malformed` when one can't be decoded or read, `lineage/result-mismatch` when its bytes are not those of its digest.
    pub fn results(&self) -> Result<Vec<CheckResult>, Refusal> {
        self.run_details.byproducts.iter().map(ByProduct::result).collect()
    }
}

impl ByProduct {
    fn result(&self) -> Result<CheckResult, Refusal> {
        let bytes = STANDARD.decode(&self.content).map_err(|error| {
            let what = format!("the result document `{}` is not base64: {error}", self.name.escape_debug());
            Refusal::new(Code::CheckMalformed, what, "run the check again with a released chartrel")
        })?;
        let claimed = self.digest.get("sha256").and_then(|hex| hex.parse::<Sha256>().ok());
        if claimed != Some(Sha256::of(&bytes)) {
            return Err(mismatch(format!("the result document `{}` is not the one of its digest", self.name.escape_debug())));
        }
        CheckResult::from_bytes(&bytes)
    }
}

/// The result document of a check's attestation, held against its digest and the subject that bears the check's name.
///
/// # Errors
/// `lineage/malformed` and `check/malformed` when the statement has not exactly one readable document,
/// `lineage/result-mismatch` when its digest is not that of the by-product or of the subject.
pub fn result_of(statement: &Statement) -> Result<CheckResult, Refusal> {
    let mut results = Provenance::of(statement)?.results()?.into_iter();
    let (Some(result), None) = (results.next(), results.next()) else {
        return Err(malformed("the attestation of a check has not exactly one result document".to_owned()));
    };
    if statement.subject(result.check.as_str()) == Some(result.digest()) {
        Ok(result)
    } else {
        Err(mismatch(format!("the result document of `{}` is not the one that is the statement's subject", result.check)))
    }
}

/// The statement inside a bundle, unverified: for reading what chartrel itself has just signed or verified.
///
/// # Errors
/// `bundle/invalid` when the JSON holds no DSSE envelope with an in-toto statement.
pub fn statement_in_unsafe(bundle: &str) -> Result<Statement, Refusal> {
    let invalid = || Refusal::new(Code::BundleInvalid, "a bundle holds no in-toto statement", "run the stage that makes it again");
    let value: Value = serde_json::from_str(bundle).map_err(|_| invalid())?;
    let payload = value.pointer("/dsseEnvelope/payload").and_then(Value::as_str).ok_or_else(invalid)?;
    Statement::from_bytes(&STANDARD.decode(payload).map_err(|_| invalid())?)
}

fn predicate(run: &RunFacts, dependencies: &[ResolvedDependency], by_products: &[ByProduct]) -> Value {
    let mut resolved = vec![ResolvedDependency::source(run)];
    resolved.extend_from_slice(dependencies);
    let workflow = json!({ "ref": run.git_ref, "repository": run.repository_url(), "path": run.caller_path() });
    let mut details = json!({ "builder": { "id": run.signer() }, "metadata": { "invocationId": run.invocation } });
    if let (false, Some(details)) = (by_products.is_empty(), details.as_object_mut()) {
        details.insert("byproducts".to_owned(), json!(by_products));
    }
    json!({
        "buildDefinition": { "buildType": BUILD_TYPE, "externalParameters": { "workflow": workflow }, "resolvedDependencies": resolved },
        "runDetails": details,
    })
}

fn by_product(name: &str, result: &CheckResult) -> ByProduct {
    let bytes = result.to_bytes();
    ByProduct {
        name: name.to_owned(),
        digest: BTreeMap::from([("sha256".to_owned(), Sha256::of(&bytes).hex())]),
        media_type: check::MEDIA_TYPE.to_owned(),
        content: STANDARD.encode(bytes),
    }
}

fn malformed(what: String) -> Refusal {
    Refusal::new(Code::LineageMalformed, what, "run the stage that signs it again with a released chartrel")
}

fn mismatch(what: String) -> Refusal {
    Refusal::new(Code::LineageResultMismatch, what, "run the check again; if it stays, find out who can sign as its workflow")
}

#[cfg(test)]
mod tests;
