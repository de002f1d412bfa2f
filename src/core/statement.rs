//! in-toto statements: what chartrel signs, and how the statement of one stage refers to that of another.
//!
//! Shapes: in-toto Statement v1, SLSA provenance v1, and chartrel's lineage/v1 (MISSION A.4, DESIGN §6).

use crate::{
    digest::Sha256,
    name::ObjectId,
    refusal::{Code, Refusal},
    stage::{Key, Stage},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// DSSE payload type of a statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Predicate type of checks, of `workflow-5-semver`, `workflow-7-build` and `workflow-8-publish`.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
/// Predicate type of every lineage link.
pub const LINEAGE: &str = "https://chartrel.dev/attestation-lineage/v1";
/// Predicate type of `workflow-5-verify` and `workflow-7-verify`.
pub const VERIFICATION: &str = "https://chartrel.dev/verification-result/v1";
/// Predicate type of the signature that `cosign verify` looks for.
pub const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// One subject: a name and its sha256.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// The name: a check's key, `commit`, `pr-description`, `charts/<folder>`, a tag, a package, `index-entry`, an OCI name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Algorithm to hex digest; chartrel writes `sha256` alone.
    pub digest: BTreeMap<String, String>,
}

impl Subject {
    /// A subject with a sha256.
    pub fn new(name: impl Into<String>, digest: Sha256) -> Self {
        Self { name: name.into(), digest: BTreeMap::from([("sha256".to_owned(), digest.hex())]) }
    }

    /// The sha256, if the subject has a well-formed one.
    pub fn sha256(&self) -> Option<Sha256> {
        self.digest.get("sha256")?.parse().ok()
    }
}

/// An in-toto Statement v1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Always [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// What the statement is about.
    pub subject: Vec<Subject>,
    /// The predicate's type, a URI.
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// The predicate.
    pub predicate: Value,
}

impl Statement {
    /// A statement about some subjects.
    pub fn new(subject: Vec<Subject>, predicate_type: &str, predicate: Value) -> Self {
        Self { kind: STATEMENT_TYPE.to_owned(), subject, predicate_type: predicate_type.to_owned(), predicate }
    }

    /// The bytes that are signed: compact JSON with sorted keys inside the predicate.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the payload of a bundle.
    ///
    /// # Errors
    /// `bundle/invalid` when the bytes are no in-toto Statement v1.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        let malformed = |why: String| {
            Refusal::new(Code::BundleInvalid, why, "the attestation was not made by chartrel; run the stage that makes it again")
        };
        let statement: Self =
            serde_json::from_slice(bytes).map_err(|error| malformed(format!("the signed payload is no in-toto statement: {error}")))?;
        if statement.kind == STATEMENT_TYPE {
            Ok(statement)
        } else {
            Err(malformed(format!("the statement's type is `{}`, not `{STATEMENT_TYPE}`", statement.kind.escape_debug())))
        }
    }

    /// The sha256 of the subject of that name, if exactly one subject has it.
    pub fn subject(&self, name: &str) -> Option<Sha256> {
        let mut found = self.subject.iter().filter(|subject| subject.name == name);
        match (found.next(), found.next()) {
            (Some(one), None) => one.sha256(),
            _ => None,
        }
    }
}

/// How one statement, or a pull request, refers to another: enough to fetch it, and to be sure that it is the one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// GitHub's attestation id: for people, binds nothing.
    pub id: String,
    /// Digest of a subject, by which GitHub finds the attestation.
    pub subject: Sha256,
    /// Predicate type.
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// SHA-256 of the signed statement: this binds.
    pub statement: Sha256,
}

/// The parent of a lineage link: id and digest of the previous stage's link (MISSION A.4), and how to find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// GitHub's attestation id.
    pub id: String,
    /// SHA-256 of the parent's signed statement.
    pub digest: Sha256,
    /// Digest of a subject of the parent.
    pub subject: Sha256,
}

impl From<&Reference> for Parent {
    fn from(link: &Reference) -> Self {
        Self { id: link.id.clone(), digest: link.statement, subject: link.subject }
    }
}

impl From<&Parent> for Reference {
    fn from(parent: &Parent) -> Self {
        Self { id: parent.id.clone(), subject: parent.subject, predicate_type: LINEAGE.to_owned(), statement: parent.digest }
    }
}

/// The commit range of a push: `from` excluded, `to` included, along first parents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The last commit that an earlier link 1 covers.
    pub from: ObjectId,
    /// The commit that this link covers up to.
    pub to: ObjectId,
}

/// Predicate of a lineage link, [`LINEAGE`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The stage that signed.
    pub stage: Stage,
    /// The commit made or judged (SHA-1), where the link has a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<ObjectId>,
    /// Key to attestation id, in the Goal's form.
    pub attestations: BTreeMap<Key, String>,
    /// Key to reference: the same attestations, bound by digest.
    pub references: BTreeMap<Key, Reference>,
    /// The previous stage's link; `None` in validate's alone.
    pub parent: Option<Parent>,
    /// The digest of the policy under which the stage ran.
    pub policy: Sha256,
    /// The run, `<server>/<owner>/<repo>/actions/runs/<id>/attempts/<n>`; equals the certificate's run invocation.
    pub invocation: String,
    /// Validate's: the commit range of the push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// Validate's: the pull requests of the range, in the order of the `pr-description` subjects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pulls: Vec<u64>,
    /// Filter's: the commit of `integration` whose chart was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_commit: Option<ObjectId>,
    /// Build's and publish's: the stages as M-186 lists them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lineage: Vec<StageEntry>,
    /// The stated reason of a break-glass release; shown wherever the release is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<String>,
}

/// One entry of `lineage` in the release's link (M-186).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageEntry {
    /// `validation`, `semver` or `build`.
    pub stage: String,
    /// The attestation id.
    pub attestation: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_statement_reads_back_and_names_its_subjects() {
        let statement = Statement::new(vec![Subject::new("commit", Sha256::of("x"))], LINEAGE, json!({"a": 1}));
        let read = Statement::from_bytes(&statement.to_bytes()).unwrap();
        assert_eq!(read, statement);
        assert_eq!(read.subject("commit"), Some(Sha256::of("x")));
        assert_eq!(read.subject("other"), None);
    }

    #[test]
    fn two_subjects_of_one_name_are_none() {
        let subjects = vec![Subject::new("commit", Sha256::of("x")), Subject::new("commit", Sha256::of("y"))];
        assert_eq!(Statement::new(subjects, LINEAGE, json!({})).subject("commit"), None);
    }

    #[test]
    fn another_type_of_statement_is_refused() {
        let mut statement = Statement::new(vec![], LINEAGE, json!({}));
        statement.kind = "https://in-toto.io/Statement/v0.1".to_owned();
        assert_eq!(Statement::from_bytes(&statement.to_bytes()).unwrap_err().code, Code::BundleInvalid);
    }
}
