//! What a stage is told by the runner that runs it: GitHub's own variables and the event.

use chartrel_core::{
    Code, Refusal,
    name::{ObjectId, Repository},
};
use serde::Deserialize;
use serde_json::Value;
use std::path::PathBuf;

/// The runner's variables, as GitHub documents them ("Default environment variables"), without their `GITHUB_` prefix.
#[derive(Debug, Clone, Deserialize)]
pub struct Variables {
    /// `https://github.com`, or the address of an enterprise server.
    pub server_url: String,
    /// `https://api.github.com`, or that of an enterprise server.
    pub api_url: String,
    /// `owner/name`.
    pub repository: Repository,
    /// The ref that started the run, `refs/heads/main`.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// The commit that started the run.
    pub sha: ObjectId,
    /// `push`, `pull_request`, `workflow_dispatch`, …
    pub event_name: String,
    /// The file with the event's payload.
    pub event_path: PathBuf,
    /// The run's id.
    pub run_id: u64,
    /// The attempt, from 1.
    pub run_attempt: u32,
    /// The caller's workflow, `owner/name/.github/workflows/<file>@<ref>`.
    pub workflow_ref: String,
    /// Where the checkout lies, if the job made one.
    pub workspace: PathBuf,
}

/// The runner: its variables, the event, and where files may be left.
#[derive(Debug, Clone)]
pub struct Runner {
    /// GitHub's variables.
    pub variables: Variables,
    /// The event's payload.
    pub event: Value,
    /// `RUNNER_TEMP`: files that later steps may upload.
    pub temp: PathBuf,
    /// `RUNNER_TOOL_CACHE`: where tools are kept between runs.
    pub tool_cache: PathBuf,
    /// `ACTIONS_ID_TOKEN_REQUEST_URL` and `_TOKEN`, there when the job has `id-token: write`.
    pub id_token: Option<IdTokenRequest>,
}

/// Where a job may ask for an OIDC token.
#[derive(Debug, Clone)]
pub struct IdTokenRequest {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub url: String,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`; a secret.
    pub token: String,
}

impl Runner {
    /// The run and its attempt as a URL, as the certificate's run invocation has it.
    pub fn invocation(&self) -> String {
        let v = &self.variables;
        format!("{}/{}/actions/runs/{}/attempts/{}", v.server_url, v.repository, v.run_id, v.run_attempt)
    }

    /// The name of the caller's workflow file, by which stages dispatch one another.
    ///
    /// # Errors
    /// `environment/workflow-ref` when `GITHUB_WORKFLOW_REF` names no file.
    pub fn workflow_file(&self) -> Result<&str, Refusal> {
        let path = self.variables.workflow_ref.split('@').next().unwrap_or_default();
        path.rsplit('/').next().filter(|file| !file.is_empty()).ok_or_else(|| {
            let what = format!("`GITHUB_WORKFLOW_REF` is `{}`, which names no workflow file", self.variables.workflow_ref);
            Refusal::new(Code::EnvironmentIncomplete, what, "run this stage on a GitHub Actions runner, or by `chartrel rehearse`")
        })
    }
}
