//! The shipped signer and verifier against the world's Sigstore.

#![allow(clippy::unwrap_used, clippy::panic)]

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chartrel_world::{
    oidc::{Oidc, RunClaims},
    sigstore::{Options, Rekor, Sigstore},
};
use serde_json::{Value, json};
use sigstore_sign::{SigningContext, SigningServices, crypto::KeyPair, oidc::IdentityToken, trust_root::SigningConfig};
use sigstore_verify::{IdentityMatcher, VerificationPolicy, VerificationResult, Verifier, trust_root::TrustedRoot, types::Bundle};

const ARTIFACT: &[u8] = b"the package";

struct World {
    oidc: Oidc,
    sigstore: Sigstore,
}

impl World {
    async fn start(change: impl FnOnce(&mut Options)) -> Self {
        let oidc = Oidc::start().await.unwrap();
        let mut options = Options::new(oidc.identity_provider());
        change(&mut options);
        let sigstore = Sigstore::start(options).await.unwrap();
        Self { oidc, sigstore }
    }

    async fn token(&self, run: RunClaims, audience: &str) -> String {
        let grant: std::collections::HashMap<_, _> = self.oidc.grant(run).into_iter().collect();
        let url = format!("{}&audience={audience}", grant["ACTIONS_ID_TOKEN_REQUEST_URL"]);
        let request = client().get(url).bearer_auth(&grant["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]);
        let answer: Value = request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
        answer["value"].as_str().unwrap().to_owned()
    }

    fn context(&self) -> SigningContext {
        let config = SigningConfig::from_json(&self.sigstore.signing_config()).unwrap();
        // sigstore-trust-root takes a config without time stamps for one whose time stamps are unusable.
        let services = SigningServices::from_signing_config(&config);
        let services = services.unwrap_or_else(|_| SigningServices::new(self.sigstore.url(), self.sigstore.url()));
        SigningContext::new(services).with_http_client(client())
    }

    async fn sign(&self, statement: &[u8]) -> String {
        let token = IdentityToken::from_jwt(&self.token(run(), "sigstore").await).unwrap();
        self.context().signer(token).sign_raw_statement(statement).await.unwrap().to_json().unwrap()
    }

    fn policy(&self) -> VerificationPolicy {
        VerificationPolicy::new(IdentityMatcher::Uri(signer()), self.oidc.issuer())
    }

    fn verify(&self, bundle: &str, policy: &VerificationPolicy) -> Result<VerificationResult, String> {
        let root = TrustedRoot::from_json(&self.sigstore.trusted_root()).unwrap();
        let bundle = Bundle::from_json(bundle).map_err(|error| error.to_string())?;
        Verifier::new(&root).unwrap().verify(ARTIFACT, &bundle, policy).map_err(|error| error.to_string())
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn run() -> RunClaims {
    let (workflow, commit) = ("chartrel/chartrel/.github/workflows/build.yml@refs/tags/v1", "1".repeat(40));
    RunClaims {
        job_workflow_ref: workflow.into(),
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

fn signer() -> String {
    "https://github.com/chartrel/chartrel/.github/workflows/build.yml@refs/tags/v1".into()
}

fn statement() -> Vec<u8> {
    let digest = chartrel_core::digest::Sha256::of(ARTIFACT).hex();
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "nginx-1.0.0.tgz", "digest": { "sha256": digest } }],
        "predicateType": "https://example.org/test/v1",
        "predicate": {},
    })
    .to_string()
    .into_bytes()
}

#[tokio::test]
async fn what_the_shipped_signer_signs_the_shipped_verifier_accepts_whatever_the_instance_consists_of() {
    for (rekor, with_ct, tsa) in [
        (Rekor::V1, true, true),
        (Rekor::V1, true, false),
        (Rekor::V2, true, true),
        (Rekor::Both, true, true),
        (Rekor::V1, false, true),
        (Rekor::V2, false, true),
    ] {
        let world = World::start(|options| (options.rekor, options.with_ct, options.tsa) = (rekor, with_ct, tsa)).await;
        let bundle = world.sign(&statement()).await;
        let policy = if with_ct { world.policy() } else { world.policy().skip_sct() };
        let result = world.verify(&bundle, &policy).unwrap_or_else(|error| panic!("{rekor:?} {with_ct} {tsa}: {error}\n{bundle}"));
        assert!(result.certificate_verified() && result.tlog_verified(), "{rekor:?}");
        assert_eq!(result.sct_verified(), with_ct);
        assert!(!result.verified_timestamps().is_empty());
    }
}

#[tokio::test]
async fn a_blob_signature_is_logged_and_verified_too() {
    for rekor in [Rekor::V1, Rekor::V2] {
        let world = World::start(|options| options.rekor = rekor).await;
        let token = IdentityToken::from_jwt(&world.token(run(), "sigstore").await).unwrap();
        let bundle = world.context().signer(token).sign(ARTIFACT).await.unwrap().to_json().unwrap();
        world.verify(&bundle, &world.policy()).unwrap_or_else(|error| panic!("{rekor:?}: {error}"));
    }
}

#[tokio::test]
async fn the_certificate_says_what_the_token_said() {
    let world = World::start(|_| ()).await;
    let result = world.verify(&world.sign(&statement()).await, &world.policy()).unwrap();
    let claims = &result.certificate().unwrap().ci_claims;
    let expected = [
        (&claims.build_signer_uri, signer()),
        (&claims.build_signer_digest, "1".repeat(40)),
        (&claims.runner_environment, "github-hosted".into()),
        (&claims.source_repository_uri, "https://github.com/acme/charts".into()),
        (&claims.source_repository_digest, "1".repeat(40)),
        (&claims.source_repository_ref, "refs/heads/main".into()),
        (&claims.source_repository_identifier, "42".into()),
        (&claims.source_repository_owner_uri, "https://github.com/acme".into()),
        (&claims.source_repository_owner_identifier, "7".into()),
        (&claims.build_config_uri, "https://github.com/acme/charts/.github/workflows/chartrel.yml@refs/heads/main".into()),
        (&claims.build_config_digest, "1".repeat(40)),
        (&claims.build_trigger, "workflow_dispatch".into()),
        (&claims.run_invocation_uri, "https://github.com/acme/charts/actions/runs/100/attempts/1".into()),
        (&claims.source_repository_visibility_at_signing, "public".into()),
    ];
    for (claim, text) in expected {
        assert_eq!(claim.as_deref(), Some(text.as_str()));
    }
}

#[tokio::test]
async fn a_bundle_that_was_altered_anywhere_is_refused() {
    for rekor in [Rekor::V1, Rekor::V2] {
        let world = World::start(|options| options.rekor = rekor).await;
        let bundle: Value = serde_json::from_str(&world.sign(&statement()).await).unwrap();
        let other: Value = serde_json::from_str(&world.sign(&statement()).await).unwrap();
        for part in [
            "/dsseEnvelope/payload",
            "/dsseEnvelope/signatures/0/sig",
            "/verificationMaterial/certificate/rawBytes",
            "/verificationMaterial/tlogEntries/0/canonicalizedBody",
            "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope",
            "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
        ] {
            let mut altered = bundle.clone();
            let changed = if part.ends_with("payload") { json!("e30=") } else { other.pointer(part).unwrap().clone() };
            *altered.pointer_mut(part).unwrap() = changed;
            assert!(world.verify(&altered.to_string(), &world.policy()).is_err(), "{rekor:?} {part}");
        }
        world.verify(&bundle.to_string(), &world.policy()).unwrap();
    }
}

#[tokio::test]
async fn another_worlds_bundle_is_refused() {
    let (world, other) = (World::start(|_| ()).await, World::start(|_| ()).await);
    let bundle = other.sign(&statement()).await;
    assert!(world.verify(&bundle, &world.policy()).is_err());
}

#[tokio::test]
async fn a_forger_who_holds_the_instance_signs_as_anybody_at_any_time() {
    for rekor in [Rekor::V1, Rekor::V2] {
        let world = World::start(|options| options.rekor = rekor).await;
        let stranger = "mallory/charts/.github/workflows/build.yml@refs/heads/main";
        let stranger = RunClaims { job_workflow_ref: stranger.into(), ..run() };
        let then = "2024-02-29T12:00:00Z".parse().unwrap();
        let bundle = world.sigstore.sign_as(&stranger, &statement(), Some(then)).unwrap().to_string();
        assert!(world.verify(&bundle, &world.policy()).is_err());
        let policy = VerificationPolicy::any_identity().require_issuer(world.oidc.issuer());
        let result = world.verify(&bundle, &policy).unwrap_or_else(|error| panic!("{rekor:?}: {error}"));
        let times: Vec<_> = result.verified_timestamps().iter().map(ToString::to_string).collect();
        assert!(times.iter().all(|time| time == "2024-02-29T12:00:00Z"), "{times:?}");
    }
}

#[tokio::test]
async fn without_a_log_the_time_stamp_alone_vouches_for_the_time() {
    let world = World::start(|options| (options.rekor, options.with_ct) = (Rekor::Neither, false)).await;
    let bundle = world.sigstore.sign_as(&run(), &statement(), None).unwrap().to_string();
    assert!(world.verify(&bundle, &world.policy().skip_sct()).is_err());
    world.verify(&bundle, &world.policy().skip_sct().skip_tlog_unsafe()).unwrap();
}

#[tokio::test]
async fn fulcio_refuses_a_token_for_somebody_else_a_damaged_one_and_a_key_that_is_not_held() {
    let world = World::start(|_| ()).await;
    let (good, other) = (world.token(run(), "sigstore").await, world.token(run(), "npm").await);
    let damaged = good.replacen('.', ".e", 1);
    for (token, status) in [(other, 401), (damaged, 401), (good, 400)] {
        let key = KeyPair::generate_ecdsa_p256().unwrap();
        let request = json!({
            "credentials": { "oidcIdentityToken": token },
            "publicKeyRequest": {
                "publicKey": { "algorithm": "", "content": key.public_key_der().unwrap().to_pem() },
                "proofOfPossession": key.sign(b"not the subject").unwrap(),
            },
        });
        let url = format!("{}/api/v2/signingCert", world.sigstore.url());
        let answer = client().post(url).json(&request).send().await.unwrap();
        assert_eq!(answer.status(), status);
    }
}

#[tokio::test]
async fn a_token_is_given_to_the_run_that_was_granted_one_alone() {
    let world = World::start(|_| ()).await;
    let grant = world.oidc.grant(run());
    let url = format!("{}&audience=sigstore", grant[0].1);
    for (authorization, status) in [("Bearer wrong", 401), ("Basic x", 401), (&*format!("bearer {}", grant[1].1), 200)] {
        let answer = client().get(&url).header("authorization", authorization).send().await.unwrap();
        assert_eq!(answer.status(), status, "{authorization}");
    }
}

#[tokio::test]
async fn an_entry_is_found_again_and_is_not_taken_twice() {
    let world = World::start(|_| ()).await;
    let key = KeyPair::generate_ecdsa_p256().unwrap();
    let bundle: Value = serde_json::from_str(&world.sign(&statement()).await).unwrap();
    assert_eq!(bundle["verificationMaterial"]["tlogEntries"][0]["kindVersion"]["version"], "0.0.2", "a client prefers v2");
    let pem = key.public_key_der().unwrap().to_pem();
    let proposal = |signature: &str| {
        json!({ "apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
            "data": { "hash": { "algorithm": "sha256", "value": chartrel_core::digest::Sha256::of(ARTIFACT).hex() } },
            "signature": { "content": signature, "publicKey": { "content": BASE64.encode(&pem) } },
        } })
    };
    let entries = format!("{}/api/v1/log/entries", world.sigstore.url());
    let (good, wrong) = (key.sign(ARTIFACT).unwrap().to_base64(), key.sign(b"other").unwrap().to_base64());
    let answer = client().post(&entries).json(&proposal(&good)).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let uuid = answer.headers()["etag"].to_str().unwrap().to_owned();
    let created: Value = answer.json().await.unwrap();
    for (signature, status) in [(&good, 409), (&wrong, 400)] {
        assert_eq!(client().post(&entries).json(&proposal(signature)).send().await.unwrap().status(), status);
    }
    for url in [format!("{entries}?logIndex=0"), format!("{entries}/{uuid}"), format!("{entries}/{}", &uuid[16..])] {
        let found: Value = client().get(&url).send().await.unwrap().json().await.unwrap();
        assert_eq!(found, created, "{url}");
    }
    assert_eq!(client().get(format!("{entries}?logIndex=1")).send().await.unwrap().status(), 404);
    let log: Value = client().get(format!("{}/api/v1/log", world.sigstore.url())).send().await.unwrap().json().await.unwrap();
    assert_eq!(log["treeSize"], 1);
}

#[tokio::test]
async fn the_tile_log_says_how_far_it_has_come() {
    let world = World::start(|options| options.rekor = Rekor::V2).await;
    let log = sigstore_sign::rekor::RekorV2Client::builder(world.sigstore.url()).with_http_client(client()).build().unwrap();
    for size in 0..3 {
        assert_eq!(log.get_checkpoint().await.unwrap().tree_size(), size);
        world.sign(&statement()).await;
    }
}

#[tokio::test]
async fn older_clients_get_their_certificate_too() {
    let world = World::start(|_| ()).await;
    let (key, token) = (KeyPair::generate_ecdsa_p256().unwrap(), world.token(run(), "sigstore").await);
    let subject = "repo:acme/charts:ref:refs/heads/main";
    let request = json!({
        "publicKey": { "algorithm": "ecdsa", "content": BASE64.encode(key.public_key_der().unwrap().as_bytes()) },
        "signedEmailAddress": key.sign(subject.as_bytes()).unwrap(),
    });
    let url = format!("{}/api/v1/signingCert", world.sigstore.url());
    let answer = client().post(url).bearer_auth(token).json(&request).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.text().await.unwrap().matches("BEGIN CERTIFICATE").count(), 2);
}

#[tokio::test]
async fn what_is_no_time_stamp_request_is_refused() {
    let world = World::start(|_| ()).await;
    let url = format!("{}/api/v1/timestamp", world.sigstore.url());
    assert_eq!(client().post(&url).body("no DER").send().await.unwrap().status(), 400);
    let chain = client().get(url + "/certchain").send().await.unwrap().text().await.unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2);
}
