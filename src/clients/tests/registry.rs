//! The registry's client against the world's registry, with and without referrers API, token auth and faults.

#![allow(clippy::unwrap_used)]

use chartrel_clients::{
    registry::{Attachment, Registry},
    retry::Patience,
};
use chartrel_core::{
    Code, Refusal, Sha256,
    oci::{BUNDLE, helm_artifact},
};
use chartrel_world::registry::{Credentials, Options, Registry as World};
use chrono::{DateTime, Utc};
use serde_json::json;

const PACKAGE: &[u8] = b"package";

fn time() -> DateTime<Utc> {
    "2026-11-01T10:00:00Z".parse().unwrap()
}

fn guarded(change: impl FnOnce(&mut Options)) -> Options {
    let auth = Credentials { username: "robot".into(), secret: "s3cret".into() };
    let mut options = Options { auth: Some(auth), ..Options::default() };
    change(&mut options);
    options
}

fn client(world: &World) -> Registry {
    let credentials = Some(("robot".into(), "s3cret".into()));
    Registry::new(&format!("{}/acme/charts", world.host()), credentials).unwrap().with_patience(Patience::none())
}

/// Pushes a chart under its digest and then its tag; gives the artifact.
async fn push(registry: &Registry) -> chartrel_core::oci::Artifact {
    let artifact = helm_artifact(&json!({"name": "nginx", "version": "1.0.0", "apiVersion": "v2"}), PACKAGE, time());
    for (digest, bytes) in artifact.blobs(PACKAGE) {
        registry.push_blob("nginx", &digest, bytes).await.unwrap();
    }
    registry.put_manifest("nginx", &artifact.digest.to_string(), &artifact.manifest).await.unwrap();
    assert_eq!(registry.put_manifest("nginx", "1.0.0", &artifact.manifest).await.unwrap(), artifact.digest);
    artifact
}

#[tokio::test]
async fn a_chart_is_pushed_and_read_back_whatever_the_registry_leaves_out() {
    let cases: [fn(&mut Options); 4] =
        [|_| (), |options| options.referrers = true, |options| options.without_location = true, |options| options.auth = None];
    for change in cases {
        let world = World::start(guarded(change)).await.unwrap();
        let registry = client(&world);
        assert_eq!(registry.manifest("nginx", "1.0.0").await.unwrap(), None);
        let artifact = push(&registry).await;
        let (digest, bytes) = registry.manifest("nginx", "1.0.0").await.unwrap().unwrap();
        assert_eq!((digest, &bytes), (artifact.digest, &artifact.manifest));
        assert_eq!(registry.pull_blob("nginx", &Sha256::of(PACKAGE), 100).await.unwrap(), PACKAGE);
        assert!(registry.pull_blob("nginx", &Sha256::of(PACKAGE), 3).await.is_err());
        // Anybody may read.
        let anybody = Registry::new(&format!("oci://{}/acme/charts/", world.host()), None).unwrap();
        assert!(anybody.manifest("nginx", &artifact.digest.to_string()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn bundles_are_attached_once_with_and_without_the_referrers_api() {
    for has_api in [true, false] {
        let world = World::start(guarded(|options| options.referrers = has_api)).await.unwrap();
        let registry = client(&world);
        let artifact = push(&registry).await;
        assert!(registry.referrers("nginx", &artifact.digest).await.unwrap().is_empty());
        for (bundle, is_new) in [("{\"a\":1}", true), ("{\"a\":2}", true), ("{\"a\":1}", false)] {
            let attachment = Attachment { predicate_type: "https://slsa.dev/provenance/v1", bundle, created: time() };
            assert_eq!(registry.attach_bundle("nginx", &artifact, &attachment).await.unwrap(), is_new, "{bundle} {has_api}");
        }
        let listed = registry.referrers("nginx", &artifact.digest).await.unwrap();
        assert_eq!(listed.len(), 2);
        for one in listed {
            assert_eq!(one.artifact_type.as_deref(), Some(BUNDLE));
            assert_eq!(one.annotations["dev.sigstore.bundle.predicateType"], "https://slsa.dev/provenance/v1");
            let (_, manifest) = registry.manifest("nginx", &one.digest.to_string()).await.unwrap().unwrap();
            let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
            let layer: Sha256 = manifest["layers"][0]["digest"].as_str().unwrap().parse().unwrap();
            assert!(registry.pull_blob("nginx", &layer, 100).await.unwrap().starts_with(b"{\"a\":"));
        }
    }
}

#[tokio::test]
async fn writers_of_the_fallback_tag_lose_nothing() {
    let world = World::start(guarded(|_| ())).await.unwrap();
    let registry = client(&world);
    let artifact = push(&registry).await;
    let bundles: Vec<String> = (0..6).map(|n| format!("{{\"n\":{n}}}")).collect();
    let attached = bundles.iter().map(|bundle| {
        let (registry, artifact) = (&registry, &artifact);
        async move {
            let attachment = Attachment { predicate_type: "x", bundle, created: time() };
            registry.attach_bundle("nginx", artifact, &attachment).await.unwrap()
        }
    });
    futures::future::join_all(attached).await;
    assert_eq!(registry.referrers("nginx", &artifact.digest).await.unwrap().len(), 6);
}

#[tokio::test]
async fn passing_failures_are_sat_out_and_lasting_ones_reported() {
    let world = World::start(guarded(|_| ())).await.unwrap();
    let registry = client(&world);
    for status in [429, 500, 503] {
        world.fail_next(2, status);
        push(&registry).await;
        world.fail_next(2, status);
        assert!(registry.manifest("nginx", "1.0.0").await.unwrap().is_some());
    }
    world.fail_next(100, 503);
    let error = registry.manifest("nginx", "1.0.0").await.unwrap_err();
    assert!(format!("{error:#}").contains("503"), "{error:#}");
}

#[tokio::test]
async fn a_wrong_secret_is_refused_with_what_to_do() {
    let world = World::start(guarded(|_| ())).await.unwrap();
    let wrong = Registry::new(&format!("{}/acme/charts", world.host()), Some(("robot".into(), "wrong".into()))).unwrap();
    let error = wrong.with_patience(Patience::none()).push_blob("nginx", &Sha256::of("x"), b"x").await.unwrap_err();
    let refusal = error.downcast_ref::<Refusal>().unwrap();
    assert_eq!(refusal.code, Code::RegistryUnauthorized);
    assert!(refusal.help.contains("packages: write"));
    assert!(!format!("{error:#}").contains("wrong\""));
}

#[tokio::test]
async fn what_is_no_registry_or_no_reference_is_refused() {
    for text in ["", "ghcr.io", "ghcr.io/", "acme/charts", "ghcr.io/Acme/charts", "ghcr.io/acme/../x", "ghcr.io/acme charts", "ghcr.io/a?b"]
    {
        let error = Registry::new(text, None).unwrap_err();
        assert_eq!(error.downcast_ref::<Refusal>().unwrap().code, Code::InputInvalid, "{text}");
    }
    let world = World::start(Options::default()).await.unwrap();
    for reference in ["", "a/b", "../x", "a?b", "-a", "sha256:../x"] {
        assert!(client(&world).manifest("nginx", reference).await.is_err(), "{reference}");
    }
    assert!(client(&world).push_blob("Nginx", &Sha256::of("x"), b"x").await.is_err());
    assert!(client(&world).push_blob("nginx", &Sha256::of("y"), b"x").await.is_err());
}
