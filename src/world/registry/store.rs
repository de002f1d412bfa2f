//! What the registry holds.

use super::answer::Failure;
use axum::{
    Json,
    body::Bytes,
    response::{IntoResponse as _, Response},
};
use chartrel_core::digest::Sha256;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// Everything, by repository; nothing is shared unless it is mounted.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// By name.
    pub(super) repositories: BTreeMap<String, Repository>,
    /// Unfinished uploads, by id.
    pub(super) uploads: HashMap<String, Vec<u8>>,
}

/// One repository.
#[derive(Debug, Default)]
pub(super) struct Repository {
    /// Configs and layers.
    pub(super) blobs: BTreeMap<Sha256, Bytes>,
    /// Manifests and indexes.
    pub(super) manifests: BTreeMap<Sha256, Manifest>,
    /// Where each tag points.
    pub(super) tags: BTreeMap<String, Sha256>,
}

/// A manifest as it was pushed: its bytes are never written anew.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    /// The `Content-Type` it came with.
    pub(super) media_type: String,
    /// The bytes.
    pub(super) bytes: Bytes,
}

impl Store {
    /// The repository, if anything was pushed to it.
    pub(super) fn repository(&self, name: &str) -> Result<&Repository, Failure> {
        self.repositories.get(name).ok_or_else(|| Failure::unknown("NAME_UNKNOWN", name))
    }

    /// The repository, made if it isn't there.
    pub(super) fn repository_mut(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }
}

/// `GET /v2/_catalog`.
pub(super) fn catalog(store: &Store) -> Response {
    Json(json!({ "repositories": store.repositories.keys().collect::<Vec<_>>() })).into_response()
}
