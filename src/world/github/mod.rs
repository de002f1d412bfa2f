//! A GitHub on loopback: the REST operations chartrel uses, on a real bare git repository.
//!
//! Law of every answer: GitHub's OpenAPI description (`@octokit/openapi` 23.0.2, `api.github.com`).

#![allow(clippy::unnecessary_wraps, reason = "every handler has the signature that the table of routes wants")]

mod actions;
mod attestations;
mod blobs;
mod call;
mod checks;
mod comments;
mod commits;
mod compare;
mod contents;
mod dump;
mod encode;
mod events;
mod git;
mod identity;
mod merge;
mod objects;
mod options;
mod pulls;
mod refs;
mod releases;
mod render;
mod reviews;
mod router;
mod routes;
mod rules;
mod rulesets;
mod run;
mod serve;
mod smart_http;
mod state;
mod statuses;
mod tags;
mod traffic;
mod trees;
mod triggers;

pub use identity::{ACTIONS_APP_ID, APP_ID, Actor, Role};
pub use options::{Bundles, Options, OwnerType, Visibility};
pub use run::Run;
pub use state::{OWNER_ID, REPOSITORY_ID};

use crate::server::{Server, Socket};
use anyhow::{Context as _, ensure};
use identity::Identity;
use serde_json::Value;
use state::World;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use traffic::Traffic;

/// A running GitHub; it ends when dropped.
pub struct GitHub {
    shared: Arc<Shared>,
    git_dir: PathBuf,
    server_url: String,
    /// Their ports close when they are dropped.
    _servers: [Server; 2],
}

/// What the servers and the handle have in common.
struct Shared {
    world: Mutex<World>,
    traffic: Traffic,
}

/// A pull request from a fork; its commit must be in the repository already, as in a fork network.
#[derive(Debug, Clone)]
pub struct ForkPull {
    /// Full name of the fork, such as `mallory/charts`.
    pub repository: String,
    /// Its branch.
    pub branch: String,
    /// The branch's tip.
    pub sha: String,
    /// The branch of the main repository that is asked to take it.
    pub base: String,
    /// Title.
    pub title: String,
    /// Body.
    pub body: String,
}

impl GitHub {
    /// Starts the service on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// When the folder cannot be written, git cannot be run, or no port can be had.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        ensure!(options.repository.split('/').filter(|part| !part.is_empty()).count() == 2, "a repository is `owner/name`");
        std::fs::create_dir_all(&options.dir).with_context(|| format!("make {}", options.dir.display()))?;
        let (api, blobs) = (Socket::bind().await?, Socket::bind().await?);
        let (server_url, blob_url) = (api.url(), blobs.url());
        let traffic = Traffic::open(&options.dir.join("traffic.jsonl"))?;
        let world = World::new(options, server_url.clone(), blob_url)?;
        let git_dir = world.git.dir().to_owned();
        let shared = Arc::new(Shared { world: Mutex::new(world), traffic });
        let servers = [api.serve(serve::api(&shared)), blobs.serve(serve::blobs(&shared))];
        Ok(Self { shared, git_dir, server_url, _servers: servers })
    }

    /// `GITHUB_API_URL`; release uploads are at `/api/uploads` of the same server.
    pub fn api_url(&self) -> String {
        format!("{}/api/v3", self.server_url)
    }

    /// `GITHUB_SERVER_URL`; git is at `/<owner>/<name>.git`, release files at `/<owner>/<name>/releases/download/<tag>/<file>`.
    pub fn server_url(&self) -> String {
        self.server_url.clone()
    }

    /// The bare repository; what is written here directly starts no event.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// A token for an actor; the same actor gets the same token.
    pub fn token(&self, actor: &Actor) -> String {
        self.world().token(actor)
    }

    /// The runs that events have started since the last call, in order.
    pub fn take_runs(&self) -> Vec<Run> {
        let mut world = self.world();
        let runs = world.runs.get(world.runs_taken..).unwrap_or_default().to_vec();
        world.runs_taken = world.runs.len();
        runs
    }

    /// Makes a request as an actor without the network, through the same operations: status and JSON body.
    ///
    /// `path` starts behind the API's root and may carry a query, such as `/repos/acme/charts/pulls?state=all`.
    ///
    /// # Errors
    /// When no operation has that method and path, or the service itself fails.
    pub fn request(&self, actor: &Actor, operation: (&str, &str), body: &Value) -> anyhow::Result<(u16, Value)> {
        let mut world = self.world();
        let identity = world.identity_of(actor);
        serve::direct(&mut world, identity, operation, body)
    }

    /// Opens a pull request from a fork as its owner and gives the number.
    ///
    /// # Errors
    /// When the base branch or the commit does not exist.
    pub fn open_from_fork(&self, pull: &ForkPull) -> anyhow::Result<u64> {
        self.world().open_from_fork(pull)
    }

    /// Pushes to a fork's branch: moves the heads of its open pull requests.
    ///
    /// # Errors
    /// When the commit does not exist.
    pub fn push_to_fork(&self, repository: &str, branch: &str, sha: &str) -> anyhow::Result<()> {
        self.world().push_to_fork(repository, branch, sha)
    }

    /// Lets the next release upload break off: 502, and an empty asset in state `starter` stays behind.
    pub fn break_next_upload(&self) {
        self.world().breaks_upload = true;
    }

    /// Answers this many more writes, then 503 to everything until [`GitHub::mend`]: what a stage meets that is stopped in between.
    pub fn fail_after(&self, writes: u64) {
        self.world().fuse = Some(writes);
    }

    /// Ends what [`GitHub::fail_after`] began.
    pub fn mend(&self) {
        self.world().fuse = None;
    }

    /// Writes the tables as JSON files into a folder, and the assets of every release below `releases/<tag>/`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn dump(&self, dir: &Path) -> anyhow::Result<()> {
        dump::write(&self.world(), dir)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// The token of an actor. Shape: a prefix as GitHub's and a number; `ghs_` for installations and runs, `ghp_` for people.
    fn token(&mut self, actor: &Actor) -> String {
        let token = match actor {
            Actor::Person(login, role) => format!("ghp_{login}_{role:?}"),
            Actor::App => "ghs_chartrel_installation".to_owned(),
            Actor::Actions { run_id } => format!("ghs_run_{run_id}"),
        };
        let identity = self.identity_of(actor);
        // The token of an App that is not installed opens nothing (401).
        if identity != Identity::Anonymous {
            self.tokens.insert(token.clone(), identity);
        }
        token
    }

    fn identity_of(&mut self, actor: &Actor) -> Identity {
        match actor {
            Actor::Person(login, role) => {
                self.user_id(login);
                Identity::Person(login.clone(), *role)
            }
            Actor::App if self.options.app => Identity::App,
            Actor::App => Identity::Anonymous,
            Actor::Actions { run_id } => {
                let read_only = self.runs.iter().any(|run| run.id == *run_id && run.read_only);
                Identity::Actions { run_id: *run_id, read_only }
            }
        }
    }
}
