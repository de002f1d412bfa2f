//! Refusals: every way the rules can say no, each with a stable code, what is wrong, and what to do now.

use std::fmt;

/// How a run ends when a code is reported; only `cli` turns this into a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A rule was not met (exit 1).
    Refused,
    /// The caller gave something unusable: an input, a configuration, an environment (exit 2).
    BadInput,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal, $ending:ident;)+) => {
        /// A stable name of a refusal, `subject/fact`; part of the interface, never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The text of the code, such as `map/missing`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// How a run ends that reports this code.
            pub const fn ending(self) -> Ending {
                match self { $(Self::$variant => Ending::$ending,)+ }
            }

            /// One line on when the code is reported, for the table in the README.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

// One line a code, grouped by subject, subjects in alphabetical order. A doc comment here is the README's table.
codes! {
    /// A tag's annotation is not one that chartrel wrote.
    AnnotationMalformed = "annotation/malformed", Refused;
    /// An attestation's bundle does not verify: signature, certificate, log or time.
    BundleInvalid = "bundle/invalid", Refused;
    /// A changelog has a code block that never ends.
    ChangelogOpenBlock = "changelog/open-block", Refused;
    /// A changelog has two sections for one version.
    ChangelogRepeated = "changelog/repeated", Refused;
    /// A chart's apiVersion is neither v1 nor v2.
    ChartBadApiVersion = "chart/bad-api-version", Refused;
    /// A field of Chart.yaml, or of a file beside it, is not what Helm can read there.
    ChartBadField = "chart/bad-field", Refused;
    /// A line of .helmignore is one that Helm fails at.
    ChartBadIgnore = "chart/bad-ignore", Refused;
    /// A name in Chart.yaml or of a folder is not a chart name.
    ChartBadName = "chart/bad-name", Refused;
    /// A path in a chart cannot be in a package.
    ChartBadPath = "chart/bad-path", Refused;
    /// Something below `charts/` is no chart.
    ChartBadSubchart = "chart/bad-subchart", Refused;
    /// A chart's type is neither application nor library.
    ChartBadType = "chart/bad-type", Refused;
    /// A chart's values or their schema cannot be read.
    ChartBadValues = "chart/bad-values", Refused;
    /// A chart's version is no SemVer version.
    ChartBadVersion = "chart/bad-version", Refused;
    /// Chart.yaml has a key twice.
    ChartDuplicateKey = "chart/duplicate-key", Refused;
    /// A dependency that Chart.yaml names is not there.
    ChartMissingDependency = "chart/missing-dependency", Refused;
    /// A folder holds no chart.
    ChartNoFile = "chart/no-chart", Refused;
    /// A chart has no description.
    ChartNoDescription = "chart/no-description", Refused;
    /// A chart has no name.
    ChartNoName = "chart/no-name", Refused;
    /// A chart has no version.
    ChartNoVersion = "chart/no-version", Refused;
    /// A path in a chart is a symlink, a submodule or an LFS pointer.
    ChartNotAFile = "chart/not-a-file", Refused;
    /// Chart.yaml is written in a style that cannot be edited without changing more.
    ChartNotEditable = "chart/not-editable", Refused;
    /// Helm would read an unquoted number as another text than stands there.
    ChartNumberTrap = "chart/number-trap", Refused;
    /// A dependency is not the one that the checks saw.
    ChartOtherDependency = "chart/other-dependency", Refused;
    /// A chart is larger than Helm can load again.
    ChartTooLarge = "chart/too-large", Refused;
    /// Two charts below `charts/` have one name.
    ChartTwoSubcharts = "chart/two-subcharts", Refused;
    /// A dependency cannot be fetched.
    ChartUnreachableDependency = "chart/unreachable-dependency", Refused;
    /// A check of the contribution failed.
    CheckFailed = "check/failed", Refused;
    /// The result document of a check cannot be read, or is bound to nothing.
    CheckMalformed = "check/malformed", Refused;
    /// A title or commit message is not a conventional commit.
    CommitNotConventional = "commit/not-conventional", Refused;
    /// The environment is not that of a runner.
    EnvironmentIncomplete = "environment/incomplete", BadInput;
    /// A branch that the pipeline needs does not exist.
    EnvironmentNoBranch = "environment/no-branch", BadInput;
    /// The job may not ask for an OIDC token.
    EnvironmentNoIdToken = "environment/no-id-token", BadInput;
    /// There is no token for GitHub.
    EnvironmentNoToken = "environment/no-token", BadInput;
    /// A variable is not UTF-8.
    EnvironmentNotUtf8 = "environment/not-utf8", BadInput;
    /// A stage was started on a branch where it does not sign.
    EnvironmentWrongBranch = "environment/wrong-branch", BadInput;
    /// There is no git repository where one is needed.
    GitNoRepository = "git/no-repository", BadInput;
    /// The checkout lacks the history that is needed.
    GitShallow = "git/shallow", BadInput;
    /// The token may not do what was asked of GitHub.
    GithubForbidden = "github/forbidden", BadInput;
    /// GitHub does not know the token.
    GithubUnauthorized = "github/unauthorized", BadInput;
    /// The archive of Helm is not the one whose digest is pinned.
    HelmAltered = "helm/altered", Refused;
    /// There is no Helm, and none could be had.
    HelmMissing = "helm/missing", BadInput;
    /// The signing workflow's commit is not on the policy's list of released ones, or is revoked.
    IdentityUnreleasedSigner = "identity/unreleased-signer", Refused;
    /// A certificate's token is from another issuer.
    IdentityWrongIssuer = "identity/wrong-issuer", Refused;
    /// A run signed on another branch than the key is signed on.
    IdentityWrongRef = "identity/wrong-ref", Refused;
    /// A certificate is of another repository or owner, by name or by number.
    IdentityWrongRepository = "identity/wrong-repository", Refused;
    /// An attestation verified under a root that the repository's visibility or the policy does not allow.
    IdentityWrongRoot = "identity/wrong-root", Refused;
    /// A statement names another run than the one its certificate was issued to.
    IdentityWrongRun = "identity/wrong-run", Refused;
    /// A run signed on a runner that the policy does not allow.
    IdentityWrongRunner = "identity/wrong-runner", Refused;
    /// Another workflow signed than the one that may sign this key.
    IdentityWrongSigner = "identity/wrong-signer", Refused;
    /// A run that signed was started by an event that may not start it.
    IdentityWrongTrigger = "identity/wrong-trigger", Refused;
    /// A chart's metadata cannot stand in the index of a repository.
    IndexBadEntry = "index/bad-entry", Refused;
    /// The index of a repository is not one as Helm writes it.
    IndexForeignStyle = "index/foreign-style", Refused;
    /// The index of a repository has the version with another package.
    IndexOtherDigest = "index/other-digest", Refused;
    /// An input has a value that cannot be used.
    InputInvalid = "input/invalid", BadInput;
    /// A required input is missing.
    InputMissing = "input/missing", BadInput;
    /// A release left the pipeline out, and the policy does not allow it.
    LineageBreakGlass = "lineage/break-glass", Refused;
    /// A link's parent is missing, or is not the link of the stage before.
    LineageBrokenParent = "lineage/broken-parent", Refused;
    /// A check ran, and did not pass.
    LineageFailedCheck = "lineage/failed-check", Refused;
    /// A predicate cannot be read.
    LineageMalformed = "lineage/malformed", Refused;
    /// A lineage document cannot be read.
    LineageMalformedDocument = "lineage/malformed-document", Refused;
    /// A link or check misses an attestation.
    LineageMissingAttestation = "lineage/missing-attestation", Refused;
    /// A required check was not made.
    LineageMissingCheck = "lineage/missing-check", Refused;
    /// What a stage needs was not signed by the stage before, or not for this content.
    LineageMissingLink = "lineage/missing-link", Refused;
    /// A git object read from an API is not the one of its id.
    LineageObjectMismatch = "lineage/object-mismatch", Refused;
    /// An attestation is about another commit.
    LineageOtherCommit = "lineage/other-commit", Refused;
    /// An attestation is about another chart, or another content of it.
    LineageOtherContent = "lineage/other-content", Refused;
    /// Two checks, or a check and the build, saw different dependencies.
    LineageOtherDependencies = "lineage/other-dependencies", Refused;
    /// An attestation is about another description of the pull request.
    LineageOtherDescription = "lineage/other-description", Refused;
    /// A link gives an attestation two ids.
    LineageOtherId = "lineage/other-id", Refused;
    /// An attestation is about another entry of the index.
    LineageOtherIndexEntry = "lineage/other-index-entry", Refused;
    /// An attestation is about another OCI manifest.
    LineageOtherManifest = "lineage/other-manifest", Refused;
    /// An attestation is about another package.
    LineageOtherPackage = "lineage/other-package", Refused;
    /// A result or link was made under another policy.
    LineageOtherPolicy = "lineage/other-policy", Refused;
    /// A check looked at other commits than the link of validate covers.
    LineageOtherRange = "lineage/other-range", Refused;
    /// Two links take different attestations for one key.
    LineageOtherReference = "lineage/other-reference", Refused;
    /// An attestation is about another tag.
    LineageOtherTag = "lineage/other-tag", Refused;
    /// A verification result does not list exactly what the lineage holds.
    LineageOtherVerification = "lineage/other-verification", Refused;
    /// The ranges of two links of validate leave commits between them unchecked.
    LineageRangeGap = "lineage/range-gap", Refused;
    /// A result document is not the one of its digest, its subject or its key.
    LineageResultMismatch = "lineage/result-mismatch", Refused;
    /// A verifier was asked to believe a lineage without anything to hold it against.
    LineageUnanchored = "lineage/unanchored", Refused;
    /// A link refers to a key that no stage signed before it.
    LineageUnexpectedKey = "lineage/unexpected-key", Refused;
    /// A link is by another stage than its place in the chain.
    LineageWrongStage = "lineage/wrong-stage", Refused;
    /// An attestation is about more, less or other things than its key.
    LineageWrongSubjects = "lineage/wrong-subjects", Refused;
    /// An attestation has another predicate type than its key.
    LineageWrongType = "lineage/wrong-type", Refused;
    /// The map of a description and its references name different ids for a key.
    MapIdMismatch = "map/id-mismatch", Refused;
    /// A managed block of a description cannot be read.
    MapMalformed = "map/malformed", Refused;
    /// A description has no attestation map.
    MapMissing = "map/missing", Refused;
    /// A description's map does not have a required check.
    MapMissingKey = "map/missing-key", Refused;
    /// A description is too long for GitHub once the map is in it.
    MapNoRoom = "map/no-room", Refused;
    /// A managed block stands more than once in a description.
    MapRepeated = "map/repeated", Refused;
    /// A file is no chart package.
    PackageUnreadable = "package/unreadable", Refused;
    /// Two branch names of the policy cannot both exist in git.
    PolicyCollidingBranches = "policy/colliding-branches", BadInput;
    /// The policy says nothing.
    PolicyEmpty = "policy/empty", BadInput;
    /// The policy cannot be used: absent, unreadable, incomplete or contradictory.
    PolicyInvalid = "policy/invalid", BadInput;
    /// The policy has a key that chartrel does not know.
    PolicyUnknownKey = "policy/unknown-key", BadInput;
    /// A release is published without an asset, or strict-assets misses one.
    PublishMissingAsset = "publish/missing-asset", Refused;
    /// The release branch does not hold the package.
    PublishNotBuilt = "publish/not-built", Refused;
    /// A destination holds other bytes under this version.
    PublishOtherBytes = "publish/other-bytes", Refused;
    /// The package on the release branch was not signed by build.
    PublishUnsigned = "publish/unsigned", Refused;
    /// A pull request comes from elsewhere than the stage before.
    PullRequestForeignSource = "pull-request/foreign-source", Refused;
    /// A commit or a tag has no pull request.
    PullRequestMissing = "pull-request/missing", Refused;
    /// The chart is not what integration holds at its tip.
    PullRequestNotIntegration = "pull-request/not-integration", Refused;
    /// The chart is not what its tag holds.
    PullRequestNotTag = "pull-request/not-tag", Refused;
    /// A pull request changes more than its chart.
    PullRequestOutsideChart = "pull-request/outside-chart", Refused;
    /// The source commit does not descend from that of the last release.
    PullRequestRollback = "pull-request/rollback", Refused;
    /// A newer merge to integration has overtaken the pull request.
    PullRequestSuperseded = "pull-request/superseded", Refused;
    /// The OCI registry does not let these credentials do what was asked.
    RegistryUnauthorized = "registry/unauthorized", BadInput;
    /// The output folder was not written by a rehearsal.
    RehearseForeignFolder = "rehearse/foreign-folder", BadInput;
    /// The repository to rehearse with has no charts.
    RehearseNoCharts = "rehearse/no-charts", BadInput;
    /// A stage of the rehearsal did not pass.
    RehearseStageFailed = "rehearse/stage-failed", Refused;
    /// The job has no identity token to sign with.
    SigstoreNoIdToken = "sigstore/no-id-token", BadInput;
    /// A release tag exists at another commit.
    TagExistsElsewhere = "tag/exists-elsewhere", Refused;
    /// A release tag does not exist.
    TagMissing = "tag/missing", Refused;
    /// A release's commit is not on main.
    TagNotOnMain = "tag/not-on-main", Refused;
    /// A tag says another chart, version or commit than stands there.
    TagOtherVersion = "tag/other-version", Refused;
    /// A chart came to main without lineage.
    TagWithoutLineage = "tag/without-lineage", Refused;
    /// Nothing that is packaged changed.
    VersionNoBump = "version/no-bump", Refused;
    /// The next version would not be above every version that exists.
    VersionNotGreater = "version/not-greater", Refused;
    /// YAML cannot be read.
    YamlMalformed = "yaml/malformed", BadInput;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One rule that was not met: `code`, what is wrong (lower case, no full stop, values in backticks), and the next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable name of the rule.
    pub code: Code,
    /// One sentence on what is wrong, expected beside actual.
    pub what: String,
    /// The next thing this person can do.
    pub help: String,
}

impl Refusal {
    /// A refusal with its code, what is wrong and what to do now.
    pub fn new(code: Code, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, what: what.into(), help: help.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}\n  help: {}", self.code, self.what, self.help)
    }
}

impl std::error::Error for Refusal {}

/// All the rules that were not met, never only the first; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(Vec<Refusal>);

impl Refused {
    /// `Err` with all violations, or `Ok` when there are none.
    ///
    /// # Errors
    /// When `violations` is not empty.
    pub fn unless_empty(violations: Vec<Refusal>) -> Result<()> {
        if violations.is_empty() { Ok(()) } else { Err(Self(violations)) }
    }

    /// The violations, in the order they were found.
    pub fn violations(&self) -> &[Refusal] {
        &self.0
    }

    /// The violations themselves, for gathering those of several steps.
    pub fn into_violations(self) -> Vec<Refusal> {
        self.0
    }
}

impl From<Refusal> for Refused {
    fn from(one: Refusal) -> Self {
        Self(vec![one])
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, violation) in self.0.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{violation}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

/// What every fallible function of `core` returns.
pub type Result<T> = std::result::Result<T, Refused>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_subject_slash_fact_and_stands_once() {
        let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for text in texts {
            let (subject, fact) = text.split_once('/').unwrap();
            for word in [subject, fact] {
                assert!(!word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{text}");
            }
        }
    }

    #[test]
    fn a_refusal_reads_as_code_what_and_help() {
        let refusal = Refusal::new(Code::InputInvalid, "input `pr` is `x`, not a number", "give the number of the pull request");
        assert_eq!(refusal.to_string(), "input/invalid\n  input `pr` is `x`, not a number\n  help: give the number of the pull request");
    }
}
