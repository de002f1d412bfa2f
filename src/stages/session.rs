//! What every stage opens first: GitHub, the policy at the tip of `main`, the verifier, and the signer.

use crate::runner::Runner;
use anyhow::Context as _;
use chartrel_clients::{
    github::{GitHub, RepositoryFacts, Status, TagObject, Token},
    sigstore::{Oidc, Roots, Signer, SigningServices, Verifier},
};
use chartrel_core::{
    Code, Refusal,
    evidence::Evidence,
    lineage::{self, Anchors, Demand, Reading, RepositoryIdentity},
    name::{ChartFolder, ChartName, ObjectId, ReleaseTag},
    policy::{self, Policy},
    provenance::RunFacts,
    stage::{Key, Stage},
    statement::{Link, Parent, Reference},
};
use std::collections::BTreeMap;

/// A stage's open connections and what rules it; nothing in here is changed after [`Session::open`].
pub struct Session {
    /// The runner that runs the stage.
    pub runner: Runner,
    /// The repository on GitHub.
    pub github: GitHub,
    /// Its ids, by which takeovers and renames are told.
    pub identity: RepositoryIdentity,
    /// The tip of `main` whose policy rules this run.
    pub main_tip: ObjectId,
    /// The policy.
    pub policy: Policy,
    /// Verifies bundles under the roots of the policy.
    pub verifier: Verifier,
    /// The token, for fetching commits with git.
    pub token: Token,
    /// Where git fetches from.
    pub clone_url: String,
    signer: Option<Signer>,
}

impl Session {
    /// Opens what a stage needs.
    ///
    /// # Errors
    /// Refuses a missing token, and a policy that is absent or unusable; fails when GitHub can't be reached.
    pub async fn open(runner: Runner, token: Option<String>) -> anyhow::Result<Self> {
        let token = Token::new(&token.ok_or_else(no_token)?)?;
        let github = GitHub::new(&runner.variables.api_url, &token, &runner.variables.repository)?;
        let facts = github.repository_facts().await.context("GitHub did not say what repository this is")?;
        let main_tip = github
            .reference(&format!("heads/{}", facts.default_branch))
            .await?
            .ok_or_else(|| no_policy(format!("the default branch `{}` has no commit", facts.default_branch)))?;
        let text = file(&github, policy::PATH, &main_tip).await?;
        let policy = Policy::parse(&text, &runner.variables.repository)?;
        let (verifier, services) = trust(&github, &policy, &main_tip, (&facts, &runner)).await?;
        let oidc = |request: &crate::runner::IdTokenRequest| Oidc {
            request_url: Some(request.url.clone()),
            request_token: Some(request.token.clone()),
            id_token: None,
        };
        let signer = runner.id_token.as_ref().map(|request| Signer::new(services, oidc(request)));
        let identity = RepositoryIdentity {
            repository: runner.variables.repository.clone(),
            id: facts.id.to_string(),
            owner_id: facts.owner_id.to_string(),
            server_url: runner.variables.server_url.clone(),
        };
        Ok(Self { runner, github, identity, main_tip, policy, verifier, token, clone_url: facts.clone_url, signer })
    }

    /// The signer.
    ///
    /// # Errors
    /// `environment/no-id-token` when the job may not ask for an OIDC token.
    pub fn signer(&self) -> Result<&Signer, Refusal> {
        self.signer.as_ref().ok_or_else(|| {
            Refusal::new(
                Code::EnvironmentNoIdToken,
                "this job may not ask for an OIDC token, without which nothing can be signed",
                "give the job `permissions: {id-token: write, attestations: write}`; a fork's pull request never has them",
            )
        })
    }

    /// Whether this job can sign.
    pub const fn can_sign(&self) -> bool {
        self.signer.is_some()
    }

    /// Who runs this, for provenance.
    ///
    /// # Errors
    /// When the job can't get an OIDC token, which alone says which workflow signs.
    pub async fn run_facts(&self) -> anyhow::Result<RunFacts> {
        let claims = self.signer()?.claims().await?;
        let v = &self.runner.variables;
        Ok(RunFacts {
            server_url: v.server_url.clone(),
            repository: v.repository.clone(),
            signer_workflow: claims.job_workflow_ref,
            caller_workflow: v.workflow_ref.clone(),
            git_ref: v.git_ref.clone(),
            sha: v.sha.clone(),
            invocation: self.runner.invocation(),
        })
    }

    /// The tip of a branch.
    ///
    /// # Errors
    /// `environment/no-branch` when there is none.
    pub async fn branch(&self, name: &str) -> anyhow::Result<ObjectId> {
        self.github.reference(&format!("heads/{name}")).await?.ok_or_else(|| {
            let what = format!("the branch `{name}` does not exist");
            Refusal::new(Code::EnvironmentNoBranch, what, "run `chartrel init`, which says how to create the branches").into()
        })
    }

    /// Creates a branch or moves it, by force: only branches that chartrel alone writes are moved so.
    ///
    /// # Errors
    /// When GitHub refuses.
    pub async fn put_branch(&self, name: &str, commit: &ObjectId, exists: bool) -> anyhow::Result<()> {
        let reference = format!("heads/{name}");
        if exists {
            self.github.update_reference(&reference, commit, true).await
        } else {
            self.github.create_reference(&reference, commit).await.map(drop)
        }
    }

    /// Whether `commit` is `ancestor` or descends from it.
    ///
    /// # Errors
    /// When GitHub can't compare them.
    pub async fn descends(&self, commit: &ObjectId, ancestor: &ObjectId) -> anyhow::Result<bool> {
        if commit == ancestor {
            return Ok(true);
        }
        let status = self.github.compare(ancestor.as_str(), commit.as_str()).await?.status;
        Ok(matches!(status, Status::Ahead | Status::Identical))
    }

    /// A release tag's object, raw and held against its id.
    ///
    /// # Errors
    /// `tag/missing` when there is no such tag.
    pub async fn tag(&self, tag: &ReleaseTag) -> anyhow::Result<TagObject> {
        let id = self.github.reference(&format!("tags/{tag}")).await?.ok_or_else(|| {
            let what = format!("the tag `{tag}` does not exist");
            Refusal::new(Code::TagMissing, what, "run tag first; it alone makes release tags")
        })?;
        self.github.tag_object(&id).await
    }

    /// An empty link of this run: stage, parent, policy and invocation.
    pub fn link(&self, stage: Stage, parent: Option<&Reference>) -> Link {
        Link {
            stage,
            git_commit: None,
            attestations: parent.map(|parent| BTreeMap::from([(previous(stage), parent.id.clone())])).unwrap_or_default(),
            references: BTreeMap::new(),
            parent: parent.map(Parent::from),
            policy: self.policy.digest,
            invocation: self.runner.invocation(),
            range: None,
            pulls: Vec::new(),
            source_commit: None,
            lineage: Vec::new(),
            break_glass: None,
        }
    }

    /// What a lineage has to show for this run.
    pub fn demand<'a>(&'a self, folder: &'a ChartFolder, upto: Stage, anchors: Anchors) -> Demand<'a> {
        Demand { policy: &self.policy, repository: &self.identity, folder, upto, anchors, reading: Reading::Pipeline }
    }

    /// The name of a chart at a commit, from its Chart.yaml.
    ///
    /// # Errors
    /// When the commit has no such chart, or Chart.yaml can't be released.
    pub async fn chart_name(&self, commit: &ObjectId, folder: &ChartFolder) -> anyhow::Result<ChartName> {
        let path = format!("{}/Chart.yaml", folder.path());
        let bytes = self.github.file(&path, commit.as_str()).await?.unwrap_or_default();
        Ok(chartrel_core::chart::identity(&bytes)?.0)
    }

    /// The id that the description of a contribution gives for a stage's link; empty when none does.
    ///
    /// # Errors
    /// When GitHub can't be asked.
    pub async fn recorded_id(&self, link: &Evidence, stage: Stage) -> anyhow::Result<String> {
        let Ok(predicate) = serde_json::from_value::<Link>(link.statement.predicate.clone()) else { return Ok(String::new()) };
        let Some(number) = predicate.pulls.last() else { return Ok(String::new()) };
        let body = self.github.pull(*number).await?.body;
        let blocks = chartrel_core::map::find(&body).ok().flatten();
        Ok(blocks.and_then(|blocks| Some(blocks.references.get(&stage.overall())?.id.clone())).unwrap_or_default())
    }

    /// Where GitHub shows attestations.
    pub fn attestations_url(&self) -> String {
        format!("{}/{}/attestations", self.identity.server_url, self.identity.repository)
    }

    /// Whether who signed may sign under this key.
    pub fn is_trusted(&self, evidence: &Evidence, key: &Key) -> bool {
        lineage::identity(evidence, key, &self.policy, &self.identity).is_empty()
    }

    /// Where the Helm repository is served: the policy's URL, else the release branch's raw files.
    pub fn repository_url(&self) -> String {
        let fallback = || format!("{}/{}/raw/{}", self.identity.server_url, self.identity.repository, self.policy.branches.release);
        self.policy.publish.repository_url.clone().unwrap_or_else(fallback)
    }

    /// Refuses a stage that runs elsewhere than on the branch where it signs.
    ///
    /// # Errors
    /// `environment/wrong-branch`.
    pub fn demand_branch(&self, branch: &str) -> Result<(), Refusal> {
        let expected = format!("refs/heads/{branch}");
        if self.runner.variables.git_ref == expected {
            return Ok(());
        }
        let what = format!("this stage runs on `{expected}`, but was started on `{}`", self.runner.variables.git_ref);
        Err(Refusal::new(
            Code::EnvironmentWrongBranch,
            what,
            format!("dispatch it on `{branch}`: nothing that another branch's workflow says is trusted"),
        ))
    }
}

fn previous(stage: Stage) -> Key {
    stage.previous().unwrap_or(Stage::Validate).overall()
}

async fn trust(
    github: &GitHub,
    policy: &Policy,
    tip: &ObjectId,
    (facts, runner): (&RepositoryFacts, &Runner),
) -> anyhow::Result<(Verifier, SigningServices)> {
    let Some(files) = &policy.trust else {
        let is_public = facts.visibility == "public";
        let services = if is_public { SigningServices::public_good()? } else { SigningServices::github(&runner.variables.server_url)? };
        return Ok((Verifier::new(&Roots::Embedded)?, services));
    };
    let root = file(github, &files.trusted_root, tip).await?;
    let config = file(github, &files.signing_config, tip).await?;
    Ok((Verifier::new(&Roots::Custom(vec![root]))?, SigningServices::from_config(&config)?))
}

async fn file(github: &GitHub, path: &str, commit: &ObjectId) -> anyhow::Result<String> {
    let bytes = github.file(path, commit.as_str()).await?.ok_or_else(|| no_policy(format!("`{path}` is not on the default branch")))?;
    String::from_utf8(bytes).map_err(|_| no_policy(format!("`{path}` on the default branch is not UTF-8")).into())
}

fn no_policy(what: String) -> Refusal {
    Refusal::new(Code::PolicyInvalid, what, "run `chartrel init` and merge what it writes to the default branch")
}

fn no_token() -> Refusal {
    let help = "give the action `token: ${{ github.token }}`, or an App's token; on the command line set `CHARTREL_TOKEN`";
    Refusal::new(Code::EnvironmentNoToken, "there is no token for GitHub", help)
}
