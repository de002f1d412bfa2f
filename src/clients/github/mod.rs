//! GitHub by its REST API: references and git data, pull requests, attestations, checks, dispatches, releases.
//!
//! octocrab carries the requests; what is tried again, and when, is this module's own (`call`).

mod attestations;
mod bundle;
mod call;
mod checks;
mod contents;
mod git_data;
mod pulls;
mod raw;
mod references;
mod releases;
mod repository;
mod talk;

pub use checks::NewCheck;
pub use git_data::{Commit, NewEntry, NewTag, TagObject, TreeEntry};
pub use pulls::{Merge, Merged, NewPull, Pull, PullChange};
pub use references::Created;
pub use releases::{Asset, NewAsset, NewRelease, Release, ReleaseChange};
pub use repository::{Comparison, RepositoryFacts, Status};
pub use talk::Comment;

use crate::{http as shared, retry::Patience};
use anyhow::Context as _;
use call::Pace;
use chartrel_core::{Code, Refusal, name::Repository};
use octocrab::Octocrab;
use reqwest::Url;
use std::{fmt, sync::Arc};
use tokio::sync::OnceCell;

/// A secret that GitHub accepts as a bearer.
///
/// Shape: visible ASCII without blanks; neither length nor alphabet is fixed (App tokens are about 520 characters since 2026-04).
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token from text; blanks around it are dropped.
    ///
    /// # Errors
    /// `input/invalid` when it is empty or holds what no header can carry. The text is not repeated.
    pub fn new(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = "the GitHub token is empty or holds blanks or control characters";
            return Err(Refusal::new(Code::InputInvalid, what, "pass the token itself, such as `${{ github.token }}`"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret itself, for a header or a child process.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// GitHub, as one token sees one repository.
#[derive(Clone)]
pub struct GitHub {
    crab: Octocrab,
    http: reqwest::Client,
    api: Url,
    token: Token,
    repository: Repository,
    patience: Patience,
    pace: Arc<Pace>,
    facts: Arc<OnceCell<RepositoryFacts>>,
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitHub({} at {})", self.repository, self.api)
    }
}

impl GitHub {
    /// A client of the API at `api_url` (`GITHUB_API_URL`; a path such as `/api/v3` is kept) for one repository.
    ///
    /// # Errors
    /// `input/invalid` when `api_url` is no URL, or plain HTTP to another machine.
    pub fn new(api_url: &str, token: &Token, repository: &Repository) -> anyhow::Result<Self> {
        let api = parse_api(api_url)?;
        let http = shared::client()?;
        let crab = Octocrab::builder()
            .personal_token(token.expose())
            .base_uri(api.as_str().trim_end_matches('/'))
            .context("the URL of GitHub's API is not usable")?
            .build_with_reqwest(http.clone())
            .context("the GitHub client could not be set up")?;
        Ok(Self {
            crab,
            http,
            api,
            token: token.clone(),
            repository: repository.clone(),
            patience: Patience::default(),
            pace: Arc::default(),
            facts: Arc::default(),
        })
    }

    /// The same client with other patience.
    #[must_use]
    pub const fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// The repository it speaks of.
    pub const fn repository(&self) -> &Repository {
        &self.repository
    }
}

fn parse_api(text: &str) -> Result<Url, Refusal> {
    let refuse = |what: String| Refusal::new(Code::InputInvalid, what, "use `https://api.github.com` or your server's `/api/v3`");
    let api: Url = text.parse().map_err(|_| refuse(format!("`{}` is not the URL of an API", text.escape_debug())))?;
    if api.scheme() == "https" || (api.scheme() == "http" && shared::is_loopback(&api)) {
        Ok(api)
    } else {
        Err(refuse(format!("the API at `{}` would get the token without TLS", shared::place(&api))))
    }
}
