//! What a rehearsal chooses about its GitHub.

use serde::Serialize;
use std::path::PathBuf;

/// Settings of the service, fixed when it starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of the state: `github.git` is the bare repository, `traffic.jsonl` the requests.
    pub dir: PathBuf,
    /// Full name, `owner/name`.
    pub repository: String,
    /// What owns the repository.
    pub owner_type: OwnerType,
    /// Who may read it.
    pub visibility: Visibility,
    /// Whether the App is installed.
    pub app: bool,
    /// How attestations are handed out.
    pub bundles: Bundles,
    /// Whether releases are immutable from the start.
    pub immutable_releases: bool,
}

/// What owns the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum OwnerType {
    /// A person.
    User,
    /// An organisation.
    Organization,
}

/// Who may read the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Whoever has a role.
    Private,
}

/// How attestations are handed out.
///
/// Source: API version 2026-03-10 has `bundle_url` alone; the default version has been seen doing the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bundles {
    /// Inline, with the address beside it; the newer API version gets the address alone.
    Inline,
    /// The address alone, on another host, Snappy-compressed.
    Blob,
}

impl Options {
    /// A public repository of an organisation with the App installed, attestations inline.
    pub fn new(dir: PathBuf, repository: &str) -> Self {
        Self {
            dir,
            repository: repository.to_owned(),
            owner_type: OwnerType::Organization,
            visibility: Visibility::Public,
            app: true,
            bundles: Bundles::Inline,
            immutable_releases: false,
        }
    }

    /// The owner's login.
    pub(super) fn owner(&self) -> &str {
        self.repository.split_once('/').map_or("", |(owner, _)| owner)
    }
}
