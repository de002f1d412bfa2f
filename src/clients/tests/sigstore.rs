//! Signing and verifying against the world's Sigstore, in every shape that an instance has.

#![allow(clippy::unwrap_used)]

use chartrel_clients::{
    retry::Patience,
    sigstore::{Oidc, Roots, Signer, SigningServices, Verifier, signature_of},
};
use chartrel_core::{
    Code, Sha256,
    evidence::Root,
    statement::{LINEAGE, Statement, Subject},
};
use chartrel_world::{
    oidc::{Oidc as Issuer, RunClaims},
    sigstore::{Options, Rekor, Sigstore},
};
use serde_json::{Value, json};
use std::collections::HashMap;

struct World {
    issuer: Issuer,
    sigstore: Sigstore,
}

impl World {
    async fn start(change: impl FnOnce(&mut Options)) -> Self {
        let issuer = Issuer::start().await.unwrap();
        let mut options = Options::new(issuer.identity_provider());
        change(&mut options);
        Self { sigstore: Sigstore::start(options).await.unwrap(), issuer }
    }

    fn signer(&self) -> Signer {
        let grant: HashMap<_, _> = self.issuer.grant(run()).into_iter().collect();
        let oidc = Oidc {
            request_url: grant.get("ACTIONS_ID_TOKEN_REQUEST_URL").cloned(),
            request_token: grant.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN").cloned(),
            id_token: None,
        };
        let services = SigningServices::from_config(&self.sigstore.signing_config()).unwrap();
        Signer::new(services, oidc).with_patience(Patience::none())
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(&Roots::Custom(vec![self.sigstore.trusted_root()])).unwrap()
    }
}

fn run() -> RunClaims {
    let commit = "1".repeat(40);
    RunClaims {
        job_workflow_ref: "chartrel/chartrel/.github/workflows/build.yml@refs/tags/v1".into(),
        job_workflow_sha: commit.clone(),
        workflow_ref: "acme/charts/.github/workflows/chartrel.yml@refs/heads/main".into(),
        workflow_sha: commit.clone(),
        repository: "acme/charts".into(),
        repository_id: "42".into(),
        repository_owner: "acme".into(),
        repository_owner_id: "7".into(),
        repository_visibility: "public".into(),
        git_ref: "refs/heads/main".into(),
        sha: commit,
        event_name: "workflow_dispatch".into(),
        run_id: "100".into(),
        run_attempt: "1".into(),
        runner_environment: "github-hosted".into(),
        environment: None,
    }
}

fn statement() -> Statement {
    Statement::new(vec![Subject::new("charts/nginx", Sha256::of("chart"))], LINEAGE, json!({"stage": "filter"}))
}

#[tokio::test]
async fn what_is_signed_verifies_with_the_runs_claims_on_every_kind_of_instance() {
    let cases: [(Rekor, bool, bool); 6] = [
        (Rekor::V1, true, true),
        (Rekor::V1, true, false),
        (Rekor::V2, true, true),
        (Rekor::Both, false, true),
        (Rekor::Neither, false, true),
        (Rekor::Neither, true, true),
    ];
    for (rekor, with_ct, tsa) in cases {
        let world = World::start(|options| (options.rekor, options.with_ct, options.tsa) = (rekor, with_ct, tsa)).await;
        let bundle = world.signer().sign(&statement().to_bytes()).await.unwrap();
        let evidence = world.verifier().verify(&bundle).unwrap();
        assert_eq!(evidence.statement, statement());
        assert_eq!(evidence.statement_digest, Sha256::of(statement().to_bytes()));
        assert_eq!(evidence.root, Root::Custom);
        let claims = evidence.claims;
        assert_eq!(claims.san, "https://github.com/chartrel/chartrel/.github/workflows/build.yml@refs/tags/v1");
        assert_eq!(claims.issuer, world.issuer.issuer());
        assert_eq!(claims.source_repository_id.as_deref(), Some("42"));
        assert_eq!(claims.source_owner_id.as_deref(), Some("7"));
        assert_eq!(claims.source_repository_ref.as_deref(), Some("refs/heads/main"));
        assert_eq!(claims.build_trigger.as_deref(), Some("workflow_dispatch"));
        assert_eq!(claims.runner_environment.as_deref(), Some("github-hosted"));
        assert!((chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()) - evidence.signed_at).num_seconds() < 60);
        // Another instance's root says nothing about it.
        let other = World::start(|_| ()).await;
        assert_eq!(other.verifier().verify(&bundle).unwrap_err().code, Code::BundleInvalid);
        assert_eq!(Verifier::new(&Roots::Embedded).unwrap().verify(&bundle).unwrap_err().code, Code::BundleInvalid);
    }
}

#[tokio::test]
async fn what_a_root_lists_is_required() {
    let world = World::start(|options| (options.rekor, options.tsa) = (Rekor::V1, true)).await;
    let mut bundle: Value = serde_json::from_str(&world.signer().sign(&statement().to_bytes()).await.unwrap()).unwrap();
    bundle["verificationMaterial"].as_object_mut().unwrap().remove("tlogEntries");
    assert!(world.verifier().verify(&bundle.to_string()).is_err(), "the time stamp alone is not enough");

    let bare = World::start(|options| options.with_ct = false).await;
    let bundle = bare.signer().sign(&statement().to_bytes()).await.unwrap();
    let mut root: Value = serde_json::from_str(&bare.sigstore.trusted_root()).unwrap();
    let with_ct: Value = serde_json::from_str(&world.sigstore.trusted_root()).unwrap();
    root["ctlogs"] = with_ct["ctlogs"].clone();
    let strict = Verifier::new(&Roots::Custom(vec![root.to_string()])).unwrap();
    assert!(bare.verifier().verify(&bundle).is_ok());
    assert!(strict.verify(&bundle).is_err(), "an SCT is missing");
}

#[tokio::test]
async fn bytes_are_signed_with_what_older_tools_read() {
    let world = World::start(|options| options.rekor = Rekor::V1).await;
    let signed = world.signer().sign_blob(b"package").await.unwrap();
    let entry = signed.entry.unwrap();
    assert_eq!(entry.log_id.len(), 64);
    assert!(entry.integrated_time > 1_700_000_000);
    assert!(signed.certificate_pem.starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(signature_of(&signed.bundle).unwrap(), signed.signature);
    assert!(world.verifier().verify(&signed.bundle).is_err(), "it signs no statement");
    let world = World::start(|options| options.rekor = Rekor::Neither).await;
    assert_eq!(world.signer().sign_blob(b"package").await.unwrap().entry, None);
}

#[tokio::test]
async fn many_are_signed_at_once_with_one_token() {
    let world = World::start(|_| ()).await;
    let signer = world.signer();
    let bytes = statement().to_bytes();
    let bundles = futures::future::join_all((0..8).map(|_| signer.sign(&bytes))).await;
    let bundles: Vec<String> = bundles.into_iter().map(Result::unwrap).collect();
    assert!(world.verifier().verify_all(&bundles).iter().all(Result::is_ok));
}

#[tokio::test]
async fn the_tokens_claims_name_the_workflow() {
    let world = World::start(|_| ()).await;
    let claims = world.signer().claims().await.unwrap();
    assert_eq!(claims.job_workflow_ref, "chartrel/chartrel/.github/workflows/build.yml@refs/tags/v1");
    assert_eq!(claims.issuer, world.issuer.issuer());
}

#[tokio::test]
async fn a_token_that_is_given_goes_first() {
    let world = World::start(|_| ()).await;
    let services = SigningServices::from_config(&world.sigstore.signing_config()).unwrap();
    let oidc = Oidc { id_token: Some("no.jwt".into()), ..Oidc::default() };
    let error = Signer::new(services, oidc).sign(&statement().to_bytes()).await.unwrap_err();
    assert_eq!(error.downcast_ref::<chartrel_core::Refusal>().unwrap().code, Code::SigstoreNoIdToken);
}
