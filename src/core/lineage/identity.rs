//! Who signed: whether a certificate's claims are those of the one workflow that may sign a key, in this repository, on its branch.

use super::RepositoryIdentity;
use crate::{
    evidence::{Claims, Evidence, Root},
    name::ObjectId,
    policy::{Policy, Runners, StageSigner},
    provenance::{Provenance, VerificationResult},
    refusal::{Code, Refusal},
    stage::{Binding, Key},
    statement::{LINEAGE, Link, PROVENANCE, Statement, VERIFICATION},
};
use serde::Deserialize as _;

/// The issuer of the OIDC tokens of GitHub Actions on github.com.
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Every reason why this attestation does not count as this key's; none means that who signed it may.
///
/// Root, issuer, workflow, repository and owner by name and number, ref, trigger, runner, the signer's commit, and the run that the
/// statement names (DESIGN §5). A claim that is absent is not met.
pub fn identity(evidence: &Evidence, key: &Key, policy: &Policy, repository: &RepositoryIdentity) -> Vec<Refusal> {
    let signer = Signer { evidence, key, policy, repository, claims: &evidence.claims };
    let rules = [
        signer.root(),
        signer.issuer(),
        signer.workflow(),
        signer.signer_commit(),
        signer.repository(),
        signer.place(),
        signer.runner(),
        signer.run(),
    ];
    rules.into_iter().flatten().collect()
}

struct Signer<'a> {
    evidence: &'a Evidence,
    key: &'a Key,
    policy: &'a Policy,
    repository: &'a RepositoryIdentity,
    claims: &'a Claims,
}

/// What was found of a claim, beside what was expected.
struct Claim<'a> {
    what: &'a str,
    expected: String,
    actual: Option<&'a str>,
}

impl Signer<'_> {
    fn unless(&self, is_met: bool, code: Code, claim: Claim<'_>) -> Option<Refusal> {
        if is_met {
            return None;
        }
        let Claim { what, expected, actual } = claim;
        let actual = actual.map_or("absent".to_owned(), |actual| format!("`{}`", actual.escape_debug()));
        let what = format!("`{}`: {what} is {actual}, expected {expected}", self.key);
        Some(Refusal::new(
            code,
            what,
            "only what the policy's signers signed counts; run the stage that signs it, and find out who made this",
        ))
    }

    /// A public repository's evidence is in the public log; a private Sigstore replaces both roots.
    fn root(&self) -> Option<Refusal> {
        let (root, visibility) = (self.evidence.root, self.claims.source_visibility.as_deref());
        let is_met = match visibility {
            None => false,
            Some(_) if self.policy.trust.is_some() => root == Root::Custom,
            Some("public") => matches!(root, Root::PublicGood | Root::Custom),
            Some(_) => true,
        };
        let actual = format!("{root:?}, visibility {}", visibility.unwrap_or("absent"));
        let expected = "one that the repository's visibility and the policy allow".to_owned();
        self.unless(is_met, Code::IdentityWrongRoot, Claim { what: "the root of trust", expected, actual: Some(&actual) })
    }

    fn issuer(&self) -> Option<Refusal> {
        let server = &self.repository.server_url;
        let default = if server == "https://github.com" { ISSUER.to_owned() } else { format!("{server}/_services/token") };
        let expected = self.policy.signers.issuer.as_ref().unwrap_or(&default);
        let claim = Claim { what: "the issuer", expected: format!("`{expected}`"), actual: Some(&self.claims.issuer) };
        self.unless(self.claims.issuer == *expected, Code::IdentityWrongIssuer, claim)
    }

    /// The subject alternative name, taken apart: path and ref each exactly, so that no look-alike before or after can pass.
    fn workflow(&self) -> Option<Refusal> {
        let server = &self.repository.server_url;
        let (path, git_ref) = self.claims.san.split_once('@').unwrap_or((&self.claims.san, ""));
        let own = |file: &str| format!("{server}/{}/{file}", self.repository.repository);
        let (is_met, expected) = match (self.policy.signers.keys.get(self.key), &self.policy.signers.stages) {
            (Some(given), _) => {
                (path == own(&given.workflow) && git_ref == given.git_ref, format!("`{}@{}`", own(&given.workflow), given.git_ref))
            }
            (None, StageSigner::Reusable { repository, versions, .. }) => {
                let workflow = format!("{server}/{repository}/.github/workflows/{}.yml", self.key.stage());
                let is_version = git_ref.strip_prefix("refs/tags/").is_some_and(|tag| versions.iter().any(|version| version.covers(tag)));
                (
                    path == workflow && (is_version || self.is_signer_commit(git_ref)),
                    format!("`{workflow}@` a version tag or a released commit"),
                )
            }
            (None, StageSigner::Composite { workflows }) => {
                let branch = format!("refs/heads/{}", self.branch());
                let is_own = workflows.iter().any(|file| path == own(file));
                (is_own && git_ref == branch, format!("`{}@{branch}`", own(&workflows.join("` or `"))))
            }
        };
        self.unless(is_met, Code::IdentityWrongSigner, Claim { what: "the signer", expected, actual: Some(&self.claims.san) })
    }

    /// Whether a ref is the commit that the certificate claims: a bare commit may exist in a fork alone, so it must be a released one.
    fn is_signer_commit(&self, git_ref: &str) -> bool {
        let is_listed = matches!(&self.policy.signers.stages, StageSigner::Reusable { released: Some(_), .. });
        is_listed && git_ref.parse::<ObjectId>().is_ok() && self.claims.build_signer_digest.as_deref() == Some(git_ref)
    }

    /// The commit of the workflow that signed is one that was released, and not revoked.
    fn signer_commit(&self) -> Option<Refusal> {
        let actual = self.claims.build_signer_digest.as_deref();
        let is_met = actual.and_then(|digest| digest.parse().ok()).is_some_and(|digest| {
            let is_released = match &self.policy.signers.stages {
                StageSigner::Reusable { released: Some(released), .. } if !self.policy.is_given_away(self.key) => {
                    released.contains(&digest)
                }
                _ => true,
            };
            is_released && !self.policy.signers.revoked.contains(&digest)
        });
        let expected = "one that the policy lists as released, and not as revoked".to_owned();
        self.unless(is_met, Code::IdentityUnreleasedSigner, Claim { what: "the signer's commit", expected, actual })
    }

    fn repository(&self) -> Option<Refusal> {
        let RepositoryIdentity { repository, id, owner_id, server_url } = self.repository;
        let claims = self.claims;
        let (name, owner) = (format!("{server_url}/{repository}"), format!("{server_url}/{}", repository.owner()));
        let facts = [
            ("the repository", &name, &claims.source_repository_uri),
            ("the owner", &owner, &claims.source_owner_uri),
            ("the repository's id", id, &claims.source_repository_id),
            ("the owner's id", owner_id, &claims.source_owner_id),
        ];
        facts.into_iter().find_map(|(what, expected, actual)| {
            // Names on GitHub that differ in case alone are one name. A number that the reader doesn't know is met by none.
            let is_met = !expected.is_empty() && actual.as_ref().is_some_and(|actual| actual.eq_ignore_ascii_case(expected));
            let claim = Claim { what, expected: format!("`{expected}`"), actual: actual.as_deref() };
            self.unless(is_met, Code::IdentityWrongRepository, claim)
        })
    }

    /// The branch on which the key is signed.
    fn branch(&self) -> &str {
        let branches = &self.policy.branches;
        if self.key.stage().signs_on_integration() { &branches.integration } else { &branches.main }
    }

    /// The ref of the run, and the event that started it.
    fn place(&self) -> Option<Refusal> {
        let actual = self.claims.source_repository_ref.as_deref();
        let expected = match self.policy.signers.keys.get(self.key) {
            Some(given) => given.git_ref.clone(),
            None => format!("refs/heads/{}", self.branch()),
        };
        let is_branch = actual == Some(&expected);
        let is_pull_request = self.may_sign_on_pull_requests() && actual.is_some_and(is_pull_request);
        let (triggers, named): (&[&str], _) = if is_branch {
            (&["push", "workflow_dispatch"], "`push` or `workflow_dispatch`")
        } else {
            (&["pull_request"], "`pull_request`")
        };
        let claim = Claim { what: "the run's ref", expected: format!("`{expected}`"), actual };
        self.unless(is_branch || is_pull_request, Code::IdentityWrongRef, claim).or_else(|| {
            let actual = self.claims.build_trigger.as_deref();
            let is_met = actual.is_some_and(|trigger| triggers.contains(&trigger));
            self.unless(is_met, Code::IdentityWrongTrigger, Claim { what: "the run's trigger", expected: named.to_owned(), actual })
        })
    }

    fn may_sign_on_pull_requests(&self) -> bool {
        let is_content_check = self.key.is_check() && self.key.binding() == Binding::Content;
        is_content_check && self.policy.signs_on_pull_requests() && !self.policy.is_given_away(self.key)
    }

    fn runner(&self) -> Option<Refusal> {
        let actual = self.claims.runner_environment.as_deref();
        let (allowed, expected): (&[&str], _) = match self.policy.runners {
            Runners::GithubHosted => (&["github-hosted"], "`github-hosted`"),
            Runners::SelfHosted => (&["github-hosted", "self-hosted"], "`github-hosted` or `self-hosted`"),
        };
        let is_met = actual.is_some_and(|environment| allowed.contains(&environment));
        self.unless(is_met, Code::IdentityWrongRunner, Claim { what: "the runner", expected: expected.to_owned(), actual })
    }

    /// The run that the statement names is the one that the certificate was issued to.
    fn run(&self) -> Option<Refusal> {
        let Some(named) = Named::by(&self.evidence.statement) else {
            let claim = Claim { what: "the run in the predicate", expected: "a run".to_owned(), actual: None };
            return self.unless(false, Code::IdentityWrongRun, claim);
        };
        let claims = self.claims;
        let invocation = ("the run in the predicate", named.invocation, claims.run_invocation_uri.as_deref());
        let rest = named.source.map(|source| {
            [
                ("the workflow in the predicate", source.builder, Some(claims.san.as_str())),
                ("the ref in the predicate", source.git_ref, claims.source_repository_ref.as_deref()),
                ("the commit in the predicate", source.commit, claims.source_repository_digest.as_deref()),
                ("the repository in the predicate", source.repository, claims.source_repository_uri.as_deref()),
            ]
        });
        [invocation].into_iter().chain(rest.into_iter().flatten()).find_map(|(what, named, claimed)| {
            let expected =
                claimed.map_or("none, since the certificate claims none".to_owned(), |claimed| format!("`{}`", claimed.escape_debug()));
            self.unless(claimed == Some(&named), Code::IdentityWrongRun, Claim { what, expected, actual: Some(&named) })
        })
    }
}

/// The run, as a predicate names it; a link and a verification result name the invocation alone.
struct Named {
    invocation: String,
    source: Option<Source>,
}

/// What a provenance says of its run beside the invocation.
struct Source {
    builder: String,
    git_ref: String,
    commit: String,
    repository: String,
}

impl Named {
    fn by(statement: &Statement) -> Option<Self> {
        let alone = |invocation| Self { invocation, source: None };
        match statement.predicate_type.as_str() {
            LINEAGE => Link::deserialize(&statement.predicate).ok().map(|link| alone(link.invocation)),
            VERIFICATION => VerificationResult::deserialize(&statement.predicate).ok().map(|result| alone(result.invocation)),
            PROVENANCE => {
                let Provenance { build_definition, run_details } = Provenance::of(statement).ok()?;
                let workflow = build_definition.external_parameters.workflow;
                let commit = build_definition.resolved_dependencies.first()?.git_commit()?.to_string();
                let source = Source { builder: run_details.builder.id, git_ref: workflow.git_ref, commit, repository: workflow.repository };
                Some(Self { invocation: run_details.metadata.invocation_id, source: Some(source) })
            }
            _ => None,
        }
    }
}

/// Whether this is `refs/pull/<number>/merge`.
fn is_pull_request(git_ref: &str) -> bool {
    let number = git_ref.strip_prefix("refs/pull/").and_then(|rest| rest.strip_suffix("/merge"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
