//! Workflow runs that events start.

use serde::Serialize;
use std::collections::BTreeMap;

/// A run of the adopter's workflow, with what a runner would give it.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// `GITHUB_RUN_ID`.
    pub id: u64,
    /// `GITHUB_RUN_NUMBER`.
    pub number: u64,
    /// `GITHUB_RUN_ATTEMPT`.
    pub attempt: u64,
    /// `GITHUB_EVENT_NAME`: `push`, `pull_request` or `workflow_dispatch`.
    pub event: String,
    /// The event's activity, such as `synchronize`; empty when it has none.
    pub action: String,
    /// `GITHUB_REF`: `refs/heads/…`, `refs/tags/…` or `refs/pull/N/merge`.
    pub git_ref: String,
    /// `GITHUB_SHA`.
    pub sha: String,
    /// `GITHUB_ACTOR`.
    pub actor: String,
    /// The event as the file at `GITHUB_EVENT_PATH` has it.
    pub payload: serde_json::Value,
    /// Inputs of a dispatch.
    pub inputs: BTreeMap<String, String>,
    /// The workflow's file in the repository.
    pub workflow: String,
    /// `GITHUB_BASE_REF`: a pull request's base branch, else empty.
    pub base_ref: String,
    /// `GITHUB_HEAD_REF`: a pull request's head branch, else empty.
    pub head_ref: String,
    /// Whether the run's token may only read (a pull request from a fork).
    pub read_only: bool,
    /// RFC 3339.
    pub created_at: String,
}
