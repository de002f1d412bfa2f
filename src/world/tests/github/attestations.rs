//! Attestations: found by digest, inline or at another origin.

use crate::place::{Place, alice, run};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chartrel_world::github::{Bundles, OwnerType};
use serde_json::{Value, json};

fn bundle(digest: &str, kind: &str) -> Value {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "x", "digest": {"sha256": digest}}],
        "predicateType": kind, "predicate": {},
    });
    let payload = STANDARD.encode(statement.to_string());
    json!({"bundle": {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {},
        "dsseEnvelope": {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": []},
    }})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attestation_is_found_by_digest_and_carries_no_id() {
    let place = Place::new().await;
    let digest = "ab".repeat(32);
    let path = format!("/attestations/sha256:{digest}");
    assert_eq!(place.ask(&alice(), &format!("GET {path}"), Value::Null).await.0, 404);
    for kind in ["https://slsa.dev/provenance/v1", "https://example.com/x", "https://slsa.dev/provenance/v1"] {
        let (status, made) = place.ask(&run(), "POST /attestations", bundle(&digest, kind)).await;
        assert_eq!(status, 201);
        assert!(made["id"].is_u64(), "{made}");
    }
    for (query, expected) in [("", 3), ("?predicate_type=provenance", 2), ("?predicate_type=https://example.com/x", 1), ("?per_page=2", 2)]
    {
        let (_, found) = place.ask(&alice(), &format!("GET {path}{query}"), Value::Null).await;
        let items = found["attestations"].as_array().unwrap();
        assert_eq!(items.len(), expected, "{query}");
        assert!(items.iter().all(|item| item.get("id").is_none() && item["bundle"].is_object()));
    }
    let url = format!("{}/repos/acme/charts{path}?per_page=2", place.github.api_url());
    let first = place.send(&alice(), ("GET", &url), Value::Null).await;
    let next = first.headers()["link"].to_str().unwrap().split(['<', '>']).nth(1).unwrap().to_owned();
    let rest: Value = serde_json::from_slice(&place.send(&alice(), ("GET", &next), Value::Null).await.bytes().await.unwrap()).unwrap();
    assert_eq!(rest["attestations"].as_array().map(Vec::len), Some(1));
    assert_eq!(place.ask(&run(), "POST /attestations", json!({"bundle": {}})).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_may_lie_at_an_origin_that_takes_no_credential() {
    let place = Place::with(|options| options.bundles = Bundles::Blob).await;
    let digest = "cd".repeat(32);
    let posted = bundle(&digest, "https://example.com/x");
    place.ask(&run(), "POST /attestations", posted.clone()).await;
    let (_, found) = place.ask(&alice(), &format!("GET /attestations/sha256:{digest}"), Value::Null).await;
    let item = &found["attestations"][0];
    assert!(item.get("bundle").is_none());
    let url = item["bundle_url"].as_str().unwrap();
    assert_eq!(place.client().get(url).bearer_auth("x").send().await.unwrap().status(), 400);
    let packed = place.client().get(url).send().await.unwrap().bytes().await.unwrap();
    let unpacked = snap::raw::Decoder::new().decompress_vec(&packed).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&unpacked).unwrap(), posted["bundle"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_lists_many_digests_of_the_owner() {
    for (owner, path, other) in [(OwnerType::Organization, "orgs", "users"), (OwnerType::User, "users", "orgs")] {
        let place = Place::with(|options| options.owner_type = owner).await;
        let (known, unknown) = ("ab".repeat(32), "cd".repeat(32));
        place.ask(&run(), "POST /attestations", bundle(&known, "https://example.com/x")).await;
        let body = json!({"subject_digests": [format!("sha256:{known}"), format!("sha256:{unknown}")]});
        let url = format!("{}/{path}/acme/attestations/bulk-list", place.github.api_url());
        let answer = place.send(&run(), ("POST", &url), body.clone()).await;
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let listed = &answer["attestations_subject_digests"];
        assert_eq!(listed[format!("sha256:{known}")].as_array().map(Vec::len), Some(1), "{answer}");
        assert!(listed[format!("sha256:{unknown}")].is_null());
        let url = format!("{}/{path}/acme/attestations/sha256:{known}", place.github.api_url());
        assert_eq!(place.send(&run(), ("GET", &url), Value::Null).await.status(), 200);
        let url = format!("{}/{other}/acme/attestations/bulk-list", place.github.api_url());
        assert_eq!(place.send(&run(), ("POST", &url), body).await.status(), 404);
    }
}
