//! The policy, `.github/chartrel.yaml` at the tip of `main`: which checks a release needs, and whose signatures count.
//!
//! It has no default for what protects: required checks and signers must be stated, and an empty policy is an error.

use crate::{
    digest::Sha256,
    name::{ObjectId, Repository},
    refusal::{Code, Refusal, Result},
    stage::{Binding, Key},
    version::Options,
};
use std::collections::{BTreeMap, BTreeSet};

mod branches;
mod file;
mod keys;
mod shape;
mod text;

pub use branches::Branches;

/// Where the policy lies in the repository.
pub const PATH: &str = ".github/chartrel.yaml";

/// The login that opens pull requests where no App is configured.
const DEFAULT_BOT: &str = "github-actions[bot]";

/// The policy of an adopter.
///
/// Shape: YAML with kebab-case keys, `version: 1`; every key is a known one, and written at most once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Digest of the file's bytes; stands in every result and link.
    pub digest: Sha256,
    /// The branches and their patterns.
    pub branches: Branches,
    /// The checks that a contribution needs, in the file's order; never empty, never twice the same.
    pub required: Vec<Key>,
    /// Whose signatures count.
    pub signers: Signers,
    /// A private Sigstore.
    pub trust: Option<TrustFiles>,
    /// On which runners a signature may be made.
    pub runners: Runners,
    /// Whether a commit without lineage may be released, with a signed reason.
    pub break_glass: BreakGlass,
    /// Where releases go.
    pub publish: Publish,
    /// Login that opens chartrel's pull requests: the App's, `<slug>[bot]`, else `github-actions[bot]`.
    pub bot: String,
    /// How the next version follows from the commits.
    pub version_options: Options,
}

/// Whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signers {
    /// Who signs what the policy gives to nobody else.
    pub stages: StageSigner,
    /// Keys that a job of the adopter's fulfils: that job alone signs them, and nothing else.
    pub keys: BTreeMap<Key, KeySigner>,
    /// Issuer of the OIDC tokens, where it is not the server's own (an enterprise's slug, a private instance).
    pub issuer: Option<String>,
    /// Build signer digests that count no more, whatever else the policy says.
    pub revoked: BTreeSet<ObjectId>,
}

/// Who signs the stages and the checks that chartrel runs itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageSigner {
    /// chartrel's reusable workflows, one file a stage, from another repository: no writer of the adopter's repository can forge.
    Reusable {
        /// The repository of the reusable workflows.
        repository: Repository,
        /// Version tags after `@refs/tags/`: `v1` stands for `v1`, `v1.2` and `v1.2.3`.
        versions: Vec<VersionTag>,
        /// Commits of that repository that were released; `None` only in the floor of [`Policy::floor`].
        released: Option<BTreeSet<ObjectId>>,
    },
    /// The adopter's own workflow files, on `main` and `integration`: weaker, since a writer can change them.
    Composite {
        /// Paths of the files that may sign, `.github/workflows/<file>`.
        workflows: Vec<String>,
    },
}

/// A job of the adopter's that fulfils a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySigner {
    /// Path of its workflow, `.github/workflows/<file>`.
    pub workflow: String,
    /// The ref it signs on, `refs/heads/<main or integration>`.
    pub git_ref: String,
}

/// A version tag of the reusable workflows, with one to three numbers.
///
/// Shape: `v1`, `v1.2` or `v1.2.3`, without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionTag(String);

impl VersionTag {
    /// The tag, if the text is one.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers: Vec<&str> = text.strip_prefix('v')?.split('.').collect();
        let is_number =
            |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()) && (word.len() == 1 || !word.starts_with('0'));
        ((1..=3).contains(&numbers.len()) && numbers.iter().all(is_number)).then(|| Self(text.to_owned()))
    }

    /// Whether `tag` is this version or a more exact one of it.
    pub fn covers(&self, tag: &str) -> bool {
        let Some(Self(tag)) = Self::parse(tag) else { return false };
        tag.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Two files of a private Sigstore, as paths in the repository at `main`'s tip; the root replaces the embedded ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustFiles {
    /// The trusted root, JSON.
    pub trusted_root: String,
    /// The signing config, JSON.
    pub signing_config: String,
}

/// On which runners a signature may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runners {
    /// GitHub's own alone.
    GithubHosted,
    /// GitHub's and the adopter's.
    SelfHosted,
}

/// Whether a commit without lineage may be released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakGlass {
    /// Never.
    Disabled,
    /// With a stated reason, which is signed and shown.
    Enabled,
}

/// Where releases go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Registry and namespace, lower case, without scheme: `ghcr.io/acme/charts`.
    pub oci: String,
    /// Further registries with namespace that get the same bytes.
    pub mirrors: Vec<String>,
    /// URL of the Helm repository; `None` when there is none.
    pub repository_url: Option<String>,
    /// Name under which the notes add the Helm repository.
    pub repository_name: Option<String>,
    /// A bucket that serves the Helm repository.
    pub s3: Option<S3>,
}

/// A bucket, and the distribution before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3 {
    /// The bucket.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// Id of the `CloudFront` distribution to invalidate.
    pub distribution: Option<String>,
}

impl Policy {
    /// Reads the policy of a repository.
    ///
    /// # Errors
    /// All faults at once: `policy/empty`, `policy/unknown-key` with the nearest key, `policy/colliding-branches`, else `policy/invalid`.
    pub fn parse(text: &str, repository: &Repository) -> Result<Self> {
        file::read(text, repository)
    }

    /// The least that a release must meet when its reader has no policy of their own: the floor of `chartrel verify`.
    ///
    /// Conventional commits and a security check, by chartrel's released workflows of any version; `core::lineage` adds that at least
    /// one `lint-test-…` passed. The signer's commit is not held against a list, and break-glass is refused.
    pub fn floor(repository: &Repository, stages: StageSigner) -> Self {
        let required = ["security", "commit-validation"].iter().filter_map(|key| key.parse().ok()).collect();
        Self {
            digest: Sha256::of([]),
            branches: Branches::default(),
            required,
            signers: Signers { stages, keys: BTreeMap::new(), issuer: None, revoked: BTreeSet::new() },
            trust: None,
            runners: Runners::GithubHosted,
            break_glass: BreakGlass::Disabled,
            publish: Publish::of(repository),
            bot: DEFAULT_BOT.to_owned(),
            version_options: Options::default(),
        }
    }

    /// The Kubernetes versions of the required `lint-test-…` checks, such as `v1.32.11`.
    pub fn kubernetes_versions(&self) -> Vec<&str> {
        self.required.iter().filter_map(Key::kubernetes_version).collect()
    }

    /// The logins that may have made chartrel's own commits and pull requests.
    pub fn bots(&self) -> Vec<String> {
        vec![self.bot.clone()]
    }

    /// Whether a job of the adopter's fulfils this key.
    pub fn is_given_away(&self, key: &Key) -> bool {
        self.signers.keys.contains_key(key)
    }

    /// Whether content checks may be signed on pull requests: only where a pull request's author can't change the signer (C-18).
    pub const fn signs_on_pull_requests(&self) -> bool {
        matches!(self.signers.stages, StageSigner::Reusable { .. })
    }

    /// The required checks that are bound to a chart's content.
    pub fn content_checks(&self) -> impl Iterator<Item = &Key> {
        self.required.iter().filter(|key| key.binding() == Binding::Content)
    }
}

impl Signers {
    /// An anchored regular expression of the identities that sign releases of this repository, for `cosign verify`.
    pub fn publisher_identity(&self, server_url: &str, repository: &Repository, branches: &Branches) -> String {
        let path = |repository: &Repository, file: &str| regex::escape(&format!("{server_url}/{repository}/{file}@"));
        match &self.stages {
            StageSigner::Reusable { repository, versions, .. } => {
                let versions: Vec<_> = versions.iter().map(|tag| format!("{}(\\.[0-9]+)*", regex::escape(tag.as_str()))).collect();
                let workflow = path(repository, ".github/workflows/publish.yml");
                format!("^{workflow}(refs/tags/({})|[0-9a-f]{{40}})$", versions.join("|"))
            }
            StageSigner::Composite { workflows } => {
                let workflows: Vec<_> = workflows.iter().map(|file| path(repository, file)).collect();
                format!("^({})refs/heads/{}$", workflows.join("|"), regex::escape(&branches.main))
            }
        }
    }
}

impl Publish {
    /// The default of a repository: `ghcr.io/<owner>/charts` alone (C-35, R-36).
    fn of(repository: &Repository) -> Self {
        let oci = format!("ghcr.io/{}/charts", repository.owner().to_ascii_lowercase());
        Self { oci, mirrors: Vec::new(), repository_url: None, repository_name: None, s3: None }
    }
}

fn invalid(what: String, help: impl Into<String>) -> Refusal {
    Refusal::new(Code::PolicyInvalid, what, help)
}

#[cfg(test)]
mod tests;
