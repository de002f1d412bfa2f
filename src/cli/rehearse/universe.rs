//! The world of a rehearsal: GitHub, Sigstore, a registry and a Helm repository, each on its own port of loopback.

use super::folder::Out;
use anyhow::Context as _;
use chartrel_core::{
    name::{ObjectId, Repository},
    stage::Stage,
};
use chartrel_world::{
    github::{self, GitHub, Run},
    hosting::Hosting,
    oidc::{Oidc, RunClaims},
    registry::{self, Registry},
    sigstore::{self, Sigstore},
};
use std::{path::Path, process::Command};

/// Where the reusable workflows live that sign in a rehearsal, as on GitHub.
pub(crate) const SIGNERS: &str = "chartrel/chartrel";
/// The version tag that the caller workflow names.
pub(crate) const VERSION: &str = "v1";

/// The services, and who is who in them.
pub struct Universe {
    /// GitHub.
    pub github: GitHub,
    /// The OIDC issuer of its runs.
    pub oidc: Oidc,
    /// Certificates, logs, time stamps.
    pub sigstore: Sigstore,
    /// The OCI registry.
    pub registry: Registry,
    /// The Helm repository: the release branch as it is served.
    pub hosting: Hosting,
    /// The repository.
    pub repository: Repository,
    /// The commit of the reusable workflows: on the policy's list of released ones.
    pub released: ObjectId,
}

impl Universe {
    /// Starts everything.
    pub(crate) async fn start(out: &Out) -> anyhow::Result<Self> {
        let repository: Repository = "acme/charts".parse()?;
        let github = GitHub::start(github::Options::new(out.root().to_path_buf(), &repository.to_string()))
            .await
            .context("the world's GitHub did not start")?;
        let oidc = Oidc::start().await.context("the world's OIDC issuer did not start")?;
        let sigstore =
            Sigstore::start(sigstore::Options::new(oidc.identity_provider())).await.context("the world's Sigstore did not start")?;
        let registry = Registry::start(registry::Options::default()).await.context("the world's registry did not start")?;
        let git_dir = github.git_dir().to_path_buf();
        let hosting = Hosting::start(move |path: &str| released_file(&git_dir, path)).await.context("the world's hosting did not start")?;
        let released = chartrel_core::Sha256::of(VERSION).hex()[..40].parse()?;
        Ok(Self { github, oidc, sigstore, registry, hosting, repository, released })
    }

    /// The variables by which a run asks for its OIDC token: it signs as the reusable workflow of its stage.
    pub(crate) fn id_token(&self, run: &Run, stage: Stage) -> Vec<(String, String)> {
        let caller = format!("{}/{}@{}", self.repository, run.workflow, run.git_ref);
        self.oidc.grant(RunClaims {
            job_workflow_ref: format!("{SIGNERS}/.github/workflows/{stage}.yml@refs/tags/{VERSION}"),
            job_workflow_sha: self.released.to_string(),
            workflow_ref: caller,
            workflow_sha: run.sha.clone(),
            repository: self.repository.to_string(),
            repository_id: github::REPOSITORY_ID.to_string(),
            repository_owner: self.repository.owner().to_owned(),
            repository_owner_id: github::OWNER_ID.to_string(),
            repository_visibility: "public".into(),
            git_ref: run.git_ref.clone(),
            sha: run.sha.clone(),
            event_name: run.event.clone(),
            run_id: run.id.to_string(),
            run_attempt: run.attempt.to_string(),
            runner_environment: "github-hosted".into(),
            environment: None,
        })
    }

    /// Writes down what the world holds.
    pub(crate) fn leave(&self, out: &Out) -> anyhow::Result<()> {
        self.github.dump(&out.path("github"))?;
        for (from, to) in [("github/releases", "releases"), ("traffic.jsonl", "github/traffic.jsonl")] {
            if out.path(from).exists() {
                std::fs::rename(out.path(from), out.path(to))?;
            }
        }
        self.registry.export(&out.path("registry"))?;
        let trust = out.path("trust");
        std::fs::create_dir_all(&trust)?;
        std::fs::write(trust.join("trusted_root.json"), self.sigstore.trusted_root())?;
        std::fs::write(trust.join("trusted_root.jsonl"), self.sigstore.trusted_root_jsonl())?;
        std::fs::write(trust.join("signing_config.json"), self.sigstore.signing_config())?;
        self.leave_helm_repository(out)
    }

    /// The release branch's index and packages, as they are served.
    fn leave_helm_repository(&self, out: &Out) -> anyhow::Result<()> {
        let dir = out.path("helm-repo");
        std::fs::create_dir_all(&dir)?;
        let git_dir = self.github.git_dir();
        let list = git(git_dir, &["ls-tree", "--name-only", "-z", "refs/heads/release"]).unwrap_or_default();
        for name in String::from_utf8_lossy(&list)
            .split('\0')
            .filter(|name| *name == "index.yaml" || Path::new(name).extension().is_some_and(|end| end == "tgz"))
        {
            if let Some(bytes) = released_file(git_dir, name) {
                std::fs::write(dir.join(name), bytes)?;
            }
        }
        Ok(())
    }
}

/// A file of the release branch: what a static host of that branch serves.
fn released_file(git_dir: &Path, path: &str) -> Option<Vec<u8>> {
    let path = path.trim_start_matches('/');
    git(git_dir, &["cat-file", "blob", &format!("refs/heads/release:{path}")])
}

fn git(git_dir: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("git").arg("--git-dir").arg(git_dir).args(arguments).stderr(std::process::Stdio::null()).output().ok()?;
    output.status.success().then_some(output.stdout)
}
