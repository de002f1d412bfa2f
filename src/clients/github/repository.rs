//! The repository itself, and how two of its commits stand to each other.

use super::{
    GitHub,
    call::{Call, path, query},
};
use anyhow::Context as _;
use chartrel_core::name::ObjectId;
use serde::Deserialize;

/// What does not change during a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFacts {
    /// Numeric id, which survives renames.
    pub id: u64,
    /// Numeric id of the owner.
    pub owner_id: u64,
    /// Whether the owner is an organization, not a person.
    pub owner_is_organization: bool,
    /// `public`, `private` or `internal`.
    pub visibility: String,
    /// Name of the default branch.
    pub default_branch: String,
    /// Where git fetches from, `https://github.com/<owner>/<name>.git`.
    pub clone_url: String,
}

/// How a head stands to a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The head has the base's commits and more.
    Ahead,
    /// The base has the head's commits and more.
    Behind,
    /// Both are one commit.
    Identical,
    /// Each has commits that the other lacks.
    Diverged,
}

/// A head compared with a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// How the head stands to the base.
    pub status: Status,
    /// The best common ancestor.
    pub merge_base: ObjectId,
}

#[derive(Deserialize)]
struct Named {
    sha: ObjectId,
}

impl GitHub {
    /// The repository's facts; asked for once.
    ///
    /// # Errors
    /// When GitHub does not answer, or does not show the repository to this token.
    pub async fn repository_facts(&self) -> anyhow::Result<RepositoryFacts> {
        #[derive(Deserialize)]
        struct Owner {
            id: u64,
            #[serde(rename = "type")]
            kind: String,
        }
        #[derive(Deserialize)]
        struct Facts {
            id: u64,
            owner: Owner,
            visibility: Option<String>,
            private: bool,
            default_branch: String,
            clone_url: String,
        }
        let ask = || async {
            let route = format!("/repos/{}/{}", self.repository.owner(), self.repository.name());
            let facts: Facts = self.send(Call::get(route)).await?.json()?;
            let visibility = facts.visibility.unwrap_or_else(|| if facts.private { "private" } else { "public" }.to_owned());
            anyhow::Ok(RepositoryFacts {
                id: facts.id,
                owner_id: facts.owner.id,
                owner_is_organization: facts.owner.kind == "Organization",
                visibility,
                default_branch: facts.default_branch,
                clone_url: facts.clone_url,
            })
        };
        self.facts.get_or_try_init(ask).await.cloned()
    }

    /// How `head` stands to `base`; each a branch, a tag or a commit.
    ///
    /// # Errors
    /// When one of them does not exist, or they have no common ancestor.
    pub async fn compare(&self, base: &str, head: &str) -> anyhow::Result<Comparison> {
        #[derive(Deserialize)]
        struct Compared {
            status: Status,
            merge_base_commit: Named,
        }
        let route = self.route(&format!("compare/{}...{}?per_page=1", path(base), path(head)));
        let compared: Compared = self.send(Call::get(route)).await?.json()?;
        Ok(Comparison { status: compared.status, merge_base: compared.merge_base_commit.sha })
    }

    /// The newest commit reachable from `git_ref` that changed `path`; `None` when none did.
    ///
    /// # Errors
    /// When `git_ref` does not exist.
    pub async fn last_commit_touching(&self, git_ref: &str, path: &str) -> anyhow::Result<Option<ObjectId>> {
        let route = self.route(&format!("commits?sha={}&path={}&per_page=1", query(git_ref), query(path)));
        let commits: Vec<Named> = self.send(Call::get(route)).await?.json()?;
        Ok(commits.into_iter().next().map(|commit| commit.sha))
    }

    /// Starts a workflow of this repository by `workflow_dispatch` on a branch.
    ///
    /// A second start is harmless (a rerun signs only what is missing), a lost one is not: so it is tried again.
    ///
    /// # Errors
    /// When there is no such workflow on that branch, or it has no such inputs.
    pub async fn dispatch(
        &self,
        workflow_file: &str,
        git_ref: &str,
        inputs: &std::collections::BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let route = self.route(&format!("actions/workflows/{}/dispatches", path(workflow_file)));
        let body = serde_json::json!({"ref": git_ref, "inputs": inputs});
        self.send(Call::post(route, body)).await.with_context(|| format!("`{workflow_file}` could not be started on `{git_ref}`"))?;
        Ok(())
    }
}
