//! Everything the service remembers beside git: tables with counters for ids.

use super::{git::Git, identity::Identity, objects::Signature, options::Options, run::Run};
pub(super) use crate::server::now;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The service's state; one request at a time has it.
pub(super) struct World {
    /// The settings.
    pub(super) options: Options,
    /// The bare repository.
    pub(super) git: Git,
    /// `http://127.0.0.1:PORT`.
    pub(super) server_url: String,
    /// Where bundles are downloaded from: another port.
    pub(super) blob_url: String,
    /// When the repository was made.
    pub(super) created_at: DateTime<Utc>,
    /// Tokens given out and whose they are.
    pub(super) tokens: BTreeMap<String, Identity>,
    /// Logins seen so far with their numeric ids.
    pub(super) users: BTreeMap<String, u64>,
    /// Full names of the forks that pull requests came from.
    pub(super) forks: BTreeSet<String>,
    /// The number of the newest pull request.
    pub(super) last_number: u64,
    /// The newest id of everything else.
    pub(super) last_id: u64,
    /// Pull requests by number.
    pub(super) pulls: BTreeMap<u64, Pull>,
    /// Comments by id.
    pub(super) comments: BTreeMap<u64, Comment>,
    /// Check runs by id.
    pub(super) checks: BTreeMap<u64, Check>,
    /// Commit statuses, oldest first.
    pub(super) statuses: Vec<Status>,
    /// Attestations, oldest first.
    pub(super) attestations: Vec<Attestation>,
    /// Releases by id.
    pub(super) releases: BTreeMap<u64, Release>,
    /// Tags that an immutable release has used, deleted ones included.
    pub(super) locked_tags: BTreeSet<String>,
    /// Whether new releases become immutable when published.
    pub(super) immutable_releases: bool,
    /// Rulesets by id.
    pub(super) rulesets: BTreeMap<u64, Ruleset>,
    /// Every run so far, oldest first.
    pub(super) runs: Vec<Run>,
    /// How many runs the rehearsal has been given.
    pub(super) runs_taken: usize,
    /// Results of asynchronous merges, by uuid.
    pub(super) merges: BTreeMap<String, Value>,
    /// Whether the next upload breaks off.
    pub(super) breaks_upload: bool,
    /// How many more writes are answered before the service is down; `None` is for ever.
    pub(super) fuse: Option<u64>,
    /// Whether runs' own tokens may open and approve pull requests (a repository setting).
    pub(super) actions_open_pulls: bool,
    /// Requests answered so far.
    pub(super) requests: u64,
}

/// A pull request.
#[derive(Debug, Clone)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) id: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) author: String,
    pub(super) open: bool,
    pub(super) draft: bool,
    /// Full name of the repository the head is in.
    pub(super) head_repository: String,
    pub(super) head_ref: String,
    pub(super) head_sha: String,
    pub(super) base_ref: String,
    /// The base branch's tip when the head last moved.
    pub(super) base_sha: String,
    /// The trial merge: base tip, head, and the commit (`None`: a conflict).
    pub(super) trial: Option<(String, String, Option<String>)>,
    pub(super) merged: Option<Merged>,
    pub(super) reviews: Vec<Review>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) closed_at: Option<DateTime<Utc>>,
}

/// How a pull request was merged.
#[derive(Debug, Clone)]
pub(super) struct Merged {
    /// The commit on the base branch.
    pub(super) sha: String,
    /// The base branch's tip before.
    pub(super) base: String,
    pub(super) by: String,
}

/// A review of a pull request.
#[derive(Debug, Clone)]
pub(super) struct Review {
    pub(super) id: u64,
    pub(super) login: String,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED` or `DISMISSED`.
    pub(super) state: String,
    pub(super) body: String,
    pub(super) commit: String,
    /// Whether the reviewer may write, so that an approval counts.
    pub(super) counts: bool,
    pub(super) submitted_at: DateTime<Utc>,
}

/// A comment on a pull request.
#[derive(Debug, Clone)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) login: String,
    pub(super) body: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// A check run; texts as the reporter gave them.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub(super) id: u64,
    pub(super) app_id: u64,
    pub(super) head_sha: String,
    /// The reporter's fields: `name`, `status`, `conclusion`, `external_id`, `details_url`, `started_at`, `completed_at`, `output`.
    pub(super) fields: serde_json::Map<String, Value>,
}

/// A commit status.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) id: u64,
    pub(super) sha: String,
    pub(super) state: String,
    pub(super) context: String,
    pub(super) description: Option<String>,
    pub(super) target_url: Option<String>,
    pub(super) login: String,
    pub(super) app_id: Option<u64>,
    pub(super) created_at: DateTime<Utc>,
}

/// A stored attestation.
#[derive(Debug, Clone)]
pub(super) struct Attestation {
    pub(super) id: u64,
    pub(super) bundle: Value,
    /// Digests of the statement's subjects, `sha256:HEX`.
    pub(super) subjects: Vec<String>,
    pub(super) predicate_type: String,
    pub(super) initiator: String,
}

/// A release with its assets.
#[derive(Debug, Clone)]
pub(super) struct Release {
    pub(super) id: u64,
    pub(super) tag: String,
    pub(super) target: String,
    pub(super) name: Option<String>,
    pub(super) body: Option<String>,
    pub(super) draft: bool,
    pub(super) prerelease: bool,
    pub(super) immutable: bool,
    /// `true`, `false` or `legacy`, as asked.
    pub(super) make_latest: String,
    pub(super) author: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) published_at: Option<DateTime<Utc>>,
    pub(super) assets: Vec<Asset>,
}

/// A file of a release.
#[derive(Debug, Clone)]
pub(super) struct Asset {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) label: Option<String>,
    pub(super) content_type: String,
    /// `uploaded`, or `starter` when an upload broke off.
    pub(super) state: &'static str,
    pub(super) content: bytes::Bytes,
    pub(super) uploader: String,
    pub(super) created_at: DateTime<Utc>,
}

/// A ruleset, as it was created or updated.
#[derive(Debug, Clone)]
pub(super) struct Ruleset {
    pub(super) id: u64,
    pub(super) name: String,
    /// `branch` or `tag`.
    pub(super) target: String,
    /// `active`, `evaluate` or `disabled`.
    pub(super) enforcement: String,
    pub(super) bypass_actors: Vec<Value>,
    pub(super) conditions: Value,
    pub(super) rules: Vec<Value>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// The numeric id of the repository, in answers and certificates.
pub const REPOSITORY_ID: u64 = 700_000_001;

/// The numeric id of the repository's owner.
pub const OWNER_ID: u64 = 90_000_001;

impl World {
    /// An empty repository of these settings.
    ///
    /// # Errors
    /// When the folder or the git repository cannot be made.
    pub(super) fn new(options: Options, server_url: String, blob_url: String) -> anyhow::Result<Self> {
        let git = Git::open(&options.dir.join("github.git"), "main")?;
        let users = BTreeMap::from([
            (options.owner().to_owned(), OWNER_ID),
            ("github-actions[bot]".to_owned(), 41_898_282),
            ("web-flow".to_owned(), 19_864_447),
            ("chartrel[bot]".to_owned(), 91_000_000),
        ]);
        Ok(Self {
            immutable_releases: options.immutable_releases,
            options,
            git,
            server_url,
            blob_url,
            created_at: now(),
            tokens: BTreeMap::new(),
            users,
            forks: BTreeSet::new(),
            last_number: 0,
            last_id: 1_000,
            pulls: BTreeMap::new(),
            comments: BTreeMap::new(),
            checks: BTreeMap::new(),
            statuses: Vec::new(),
            attestations: Vec::new(),
            releases: BTreeMap::new(),
            locked_tags: BTreeSet::new(),
            rulesets: BTreeMap::new(),
            runs: Vec::new(),
            runs_taken: 0,
            merges: BTreeMap::new(),
            breaks_upload: false,
            fuse: None,
            actions_open_pulls: true,
            requests: 0,
        })
    }

    /// The next id.
    pub(super) const fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Where the API is: below `/api/v3`, as on an enterprise server.
    pub(super) fn api_url(&self) -> String {
        format!("{}/api/v3", self.server_url)
    }

    /// The API address of something in the repository.
    pub(super) fn repository_api(&self, rest: &str) -> String {
        format!("{}/api/v3/repos/{}/{rest}", self.server_url, self.options.repository)
    }

    /// The page of something in the repository.
    pub(super) fn repository_page(&self, rest: &str) -> String {
        format!("{}/{}/{rest}", self.server_url, self.options.repository)
    }

    /// What a commit made now by this login says of its author.
    pub(super) fn signature(&mut self, login: &str) -> Signature {
        let id = self.user_id(login);
        let email = format!("{id}+{login}@users.noreply.github.com");
        Signature { name: login.to_owned(), email, date: now().fixed_offset() }
    }

    /// The numeric id of a login, given at first sight.
    pub(super) fn user_id(&mut self, login: &str) -> u64 {
        let next = 5_000_001 + self.users.len() as u64;
        *self.users.entry(login.to_owned()).or_insert(next)
    }

    /// The tip of a branch.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn tip(&self, branch: &str) -> anyhow::Result<Option<String>> {
        self.git.ref_id(&format!("refs/heads/{branch}"))
    }
}
