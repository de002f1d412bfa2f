//! The eight stages and the keys under which their attestations stand in the map.

use crate::refusal::{Code, Refusal};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A stage of the pipeline; its verb names the action, the subcommand, the module and the reusable workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Runs the checks, signs each, records the attestation map.
    Validate,
    /// For each changed chart, a branch and a PR that carry that chart alone.
    Filter,
    /// Proves that the PR carries only what integration holds; merges or closes it.
    Enforce,
    /// Opens the PR to `main` with the map and the lineage so far.
    Format,
    /// Verifies every attestation, sets version and changelog.
    Bump,
    /// Makes the immutable tag, the PR to `release`, the back-merge.
    Tag,
    /// Verifies at the tag, packages, signs, merges.
    Build,
    /// Publishes to the OCI registry, GitHub Releases and the Helm repository.
    Publish,
}

impl Stage {
    /// The eight, in order.
    pub const ALL: [Self; 8] =
        [Self::Validate, Self::Filter, Self::Enforce, Self::Format, Self::Bump, Self::Tag, Self::Build, Self::Publish];

    /// The verb.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Filter => "filter",
            Self::Enforce => "enforce",
            Self::Format => "format",
            Self::Bump => "bump",
            Self::Tag => "tag",
            Self::Build => "build",
            Self::Publish => "publish",
        }
    }

    /// The number, 1 to 8.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The stage before; `None` for validate.
    pub fn previous(self) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|stage| *stage < self)
    }

    /// The key of the stage's lineage link, `workflow-<n>-overall`.
    pub fn overall(self) -> Key {
        Key(format!("workflow-{}-overall", self.number()))
    }

    /// Whether the stage signs on `integration`; the others sign on `main`.
    pub const fn signs_on_integration(self) -> bool {
        matches!(self, Self::Validate | Self::Filter)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb())
    }
}

/// What a check is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// The chart digest and the digests of its resolved dependencies.
    Content,
    /// The commit range of the push.
    Commits,
}

/// A key of the attestation map: a check (`lint-test-v1.32.11`, `security`) or an attestation of a stage (`workflow-5-semver`).
///
/// Shape: lower-case letters, digits, `-` and `.`, at most 100 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

impl Key {
    /// Bump's verification result.
    pub const WORKFLOW_5_VERIFY: &'static str = "workflow-5-verify";
    /// Bump's provenance of the new tree.
    pub const WORKFLOW_5_SEMVER: &'static str = "workflow-5-semver";
    /// Build's verification result.
    pub const WORKFLOW_7_VERIFY: &'static str = "workflow-7-verify";
    /// Build's provenance of the package.
    pub const WORKFLOW_7_BUILD: &'static str = "workflow-7-build";
    /// Publish's provenance of the OCI manifest.
    pub const WORKFLOW_8_PUBLISH: &'static str = "workflow-8-publish";

    /// The key as it stands in the map.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The stage whose lineage link this is, if it is one.
    pub fn overall_of(&self) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.overall() == *self)
    }

    /// The stage that signs under this key; checks are validate's (a policy may give them to another job).
    pub fn stage(&self) -> Stage {
        let number = self.0.strip_prefix("workflow-").and_then(|rest| rest.split('-').next()).and_then(|digit| digit.parse::<u8>().ok());
        number.and_then(|n| Stage::ALL.into_iter().find(|stage| stage.number() == n)).unwrap_or(Stage::Validate)
    }

    /// Whether this is a check rather than an attestation of a stage.
    pub fn is_check(&self) -> bool {
        !self.0.starts_with("workflow-")
    }

    /// What a check of this key is bound to.
    pub fn binding(&self) -> Binding {
        if matches!(self.0.as_str(), "commit-validation" | "changelog-generation") { Binding::Commits } else { Binding::Content }
    }

    /// The Kubernetes version of a `lint-test-v…` key, such as `v1.32.11`.
    pub fn kubernetes_version(&self) -> Option<&str> {
        self.0.strip_prefix("lint-test-")
    }

    /// The name of the check on GitHub: `lint-test (v1.32.11)` for `lint-test-v1.32.11`, else the key (MISSION A.10).
    pub fn check_name(&self) -> String {
        self.kubernetes_version().map_or_else(|| self.0.clone(), |version| format!("lint-test ({version})"))
    }
}

impl FromStr for Key {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let is_good = !text.is_empty()
            && text.len() <= 100
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'));
        if is_good {
            return Ok(Self(text.to_owned()));
        }
        let what = format!("`{}` is not a key of the attestation map", text.escape_debug());
        Err(Refusal::new(Code::InputInvalid, what, "use lower-case letters, digits, `-` and `.`, at most 100 of them"))
    }
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|refusal: Refusal| refusal.what)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_know_their_stage_and_check_name() {
        for (text, stage, is_check, name) in [
            ("lint-test-v1.32.11", Stage::Validate, true, "lint-test (v1.32.11)"),
            ("security", Stage::Validate, true, "security"),
            ("workflow-1-overall", Stage::Validate, false, "workflow-1-overall"),
            ("workflow-5-semver", Stage::Bump, false, "workflow-5-semver"),
            ("workflow-7-build", Stage::Build, false, "workflow-7-build"),
        ] {
            let key: Key = text.parse().unwrap();
            assert_eq!((key.stage(), key.is_check(), key.check_name().as_str()), (stage, is_check, name), "{text}");
        }
    }

    #[test]
    fn every_stage_but_the_first_has_one_before() {
        assert_eq!(Stage::Validate.previous(), None);
        for pair in Stage::ALL.windows(2) {
            assert_eq!(pair[1].previous(), Some(pair[0]));
            assert_eq!(pair[1].overall().overall_of(), Some(pair[1]));
        }
    }
}
