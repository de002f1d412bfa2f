//! The shipped OCI client, and bare requests, against the world's registry.

#![allow(clippy::unwrap_used)]

use chartrel_core::digest::Sha256;
use chartrel_world::registry::{Credentials, Options, Registry};
use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol, Config, ImageLayer},
    manifest::{IMAGE_MANIFEST_MEDIA_TYPE, OciDescriptor, OciImageManifest},
    secrets::RegistryAuth,
};
use serde_json::{Value, json};

const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const HELM: &str = "application/vnd.cncf.helm.config.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

fn guarded(referrers: bool) -> Options {
    let auth = Credentials { username: "robot".into(), secret: "s3cret".into() };
    Options { referrers, auth: Some(auth), ..Options::default() }
}

fn robot() -> RegistryAuth {
    RegistryAuth::Basic("robot".into(), "s3cret".into())
}

fn client() -> Client {
    Client::new(ClientConfig { protocol: ClientProtocol::Http, no_proxy: Some("127.0.0.1".into()), ..ClientConfig::default() })
}

fn reference(registry: &Registry) -> Reference {
    Reference::with_tag(registry.host(), "acme/charts/nginx".into(), "1.0.0".into())
}

/// Pushes a chart; gives its manifest's digest.
async fn push(registry: &Registry, auth: &RegistryAuth) -> Result<String, String> {
    let layer = ImageLayer::new(b"package".to_vec(), CHART.into(), None);
    let config = Config::new(b"{}".to_vec(), HELM.into(), None);
    let pushed = client().push(&reference(registry), &[layer], config, auth, None).await;
    let (_, digest) = client().pull_image_manifest(&reference(registry), auth).await.map_err(|error| error.to_string())?;
    pushed.map(|_| digest).map_err(|error| error.to_string())
}

/// Pushes a manifest about the chart, without a tag.
async fn refer(registry: &Registry, subject: &str) -> OciImageManifest {
    let (client, image) = (client(), reference(registry));
    client.auth(&image, &robot(), oci_client::RegistryOperation::Push).await.unwrap();
    for (bytes, digest) in [("{}", Sha256::of("{}")), ("bundle", Sha256::of("bundle"))] {
        client.push_blob(&image, bytes.as_bytes(), &digest.to_string()).await.unwrap();
    }
    let descriptor =
        |media_type: &str, digest: String, size| OciDescriptor { media_type: media_type.into(), digest, size, ..Default::default() };
    let manifest = OciImageManifest {
        media_type: Some(IMAGE_MANIFEST_MEDIA_TYPE.into()),
        artifact_type: Some(BUNDLE.into()),
        config: descriptor("application/vnd.oci.empty.v1+json", Sha256::of("{}").to_string(), 2),
        layers: vec![descriptor(BUNDLE, Sha256::of("bundle").to_string(), 6)],
        subject: Some(descriptor(IMAGE_MANIFEST_MEDIA_TYPE, subject.into(), 1)),
        ..OciImageManifest::default()
    };
    let digest = Sha256::of(serde_json::to_string(&manifest).unwrap()).to_string();
    let bytes = serde_json::to_vec(&manifest).unwrap();
    let at = Reference::with_digest(registry.host(), "acme/charts/nginx".into(), digest);
    client.push_manifest_raw(&at, bytes, IMAGE_MANIFEST_MEDIA_TYPE.parse().unwrap()).await.unwrap();
    manifest
}

#[tokio::test]
async fn a_chart_is_pushed_with_credentials_and_pulled_by_anybody() {
    for options in [guarded(true), Options::default()] {
        let registry = Registry::start(options).await.unwrap();
        push(&registry, &robot()).await.unwrap();
        let anybody = RegistryAuth::Anonymous;
        let image = client().pull(&reference(&registry), &anybody, vec![CHART]).await.unwrap();
        assert_eq!(&*image.layers[0].data, b"package");
        let tags = client().list_tags(&reference(&registry), &anybody, None, None).await.unwrap();
        assert_eq!(tags.tags, ["1.0.0"]);
    }
}

#[tokio::test]
async fn nobody_pushes_without_the_credentials() {
    let registry = Registry::start(guarded(true)).await.unwrap();
    assert!(push(&registry, &RegistryAuth::Anonymous).await.is_err());
    assert!(push(&registry, &RegistryAuth::Basic("robot".into(), "wrong".into())).await.is_err());
}

#[tokio::test]
async fn a_referrer_is_listed_where_there_is_an_api_for_it() {
    for (has_api, found) in [(true, 1), (false, 0)] {
        let registry = Registry::start(guarded(has_api)).await.unwrap();
        let digest = push(&registry, &robot()).await.unwrap();
        refer(&registry, &digest).await;
        let chart = Reference::with_digest(registry.host(), "acme/charts/nginx".into(), digest);
        let client = client();
        client.auth(&chart, &RegistryAuth::Anonymous, oci_client::RegistryOperation::Pull).await.unwrap();
        let listed = client.pull_referrers(&chart, Some(BUNDLE)).await.unwrap();
        assert_eq!(listed.manifests.len(), found);
        if let Some(entry) = listed.manifests.first() {
            assert_eq!(entry.artifact_type.as_deref(), Some(BUNDLE));
        }
    }
}

#[tokio::test]
async fn what_the_spec_forbids_is_refused() {
    let registry = Registry::start(Options::default()).await.unwrap();
    push(&registry, &RegistryAuth::Anonymous).await.unwrap();
    let base = format!("http://{}/v2/acme/charts/nginx", registry.host());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let (digest, missing) = (Sha256::of("x"), Sha256::of("missing"));
    let incomplete = json!({ "schemaVersion": 2, "layers": [{ "digest": missing.to_string() }] }).to_string();
    let upload = http.post(format!("{base}/blobs/uploads/")).send().await.unwrap();
    let upload = format!("http://{}{}", registry.host(), upload.headers()["location"].to_str().unwrap());
    let manifest = |name: &str| http.put(format!("{base}/manifests/{name}")).header("content-type", IMAGE_MANIFEST_MEDIA_TYPE);
    for (request, status, code) in [
        (http.post(format!("{base}/blobs/uploads/?digest={digest}")).body("y"), 400, "DIGEST_INVALID"),
        (http.patch(&upload).header("content-range", "5-9").body("later"), 416, "BLOB_UPLOAD_INVALID"),
        (http.put(format!("{upload}?digest={digest}")).body("y"), 400, "DIGEST_INVALID"),
        (http.get(format!("{base}/blobs/{missing}")), 404, "BLOB_UNKNOWN"),
        (http.get(format!("{base}/manifests/2.0.0")), 404, "MANIFEST_UNKNOWN"),
        (manifest("2.0.0").body("no json"), 400, "MANIFEST_INVALID"),
        (manifest("2.0.0").body(incomplete), 404, "MANIFEST_BLOB_UNKNOWN"),
        (manifest(&digest.to_string()).body("{}"), 400, "DIGEST_INVALID"),
        (manifest("1.0.0").header("if-match", "\"stale\"").body("{}"), 412, "MANIFEST_INVALID"),
        (http.get(format!("http://{}/v2/Acme/tags/list", registry.host())), 400, "NAME_INVALID"),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{code}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["code"], code);
    }
    let no_api = http.get(format!("{base}/referrers/{digest}")).send().await.unwrap();
    assert_eq!((no_api.status().as_u16(), no_api.text().await.unwrap().as_str()), (404, "404 page not found\n"));
}

#[tokio::test]
async fn tags_come_in_pages() {
    let registry = Registry::start(Options::default()).await.unwrap();
    let base = format!("http://{}/v2/acme", registry.host());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for tag in ["c", "a", "b"] {
        let request = http.put(format!("{base}/manifests/{tag}")).header("content-type", IMAGE_MANIFEST_MEDIA_TYPE);
        assert_eq!(request.body("{}").send().await.unwrap().status(), 201);
    }
    let page = http.get(format!("{base}/tags/list?n=2")).send().await.unwrap();
    assert_eq!(page.headers()["link"], "</v2/acme/tags/list?n=2&last=b>; rel=\"next\"");
    assert_eq!(page.json::<Value>().await.unwrap()["tags"], json!(["a", "b"]));
    let page = http.get(format!("{base}/tags/list?n=2&last=b")).send().await.unwrap();
    assert!(page.headers().get("link").is_none());
    assert_eq!(page.json::<Value>().await.unwrap()["tags"], json!(["c"]));
}

#[tokio::test]
async fn a_planned_failure_happens_as_often_as_planned() {
    let registry = Registry::start(Options::default()).await.unwrap();
    push(&registry, &RegistryAuth::Anonymous).await.unwrap();
    registry.fail_next(2, 429);
    let url = format!("http://{}/v2/acme/charts/nginx/tags/list", registry.host());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for status in [429, 429, 200] {
        assert_eq!(http.get(&url).send().await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn the_export_is_an_image_layout_for_each_repository() {
    let registry = Registry::start(guarded(true)).await.unwrap();
    let digest = push(&registry, &robot()).await.unwrap();
    let referrer = Sha256::of(serde_json::to_vec(&refer(&registry, &digest).await).unwrap());
    let dir = tempfile::tempdir().unwrap();
    registry.export(dir.path()).unwrap();
    let layout = dir.path().join("acme/charts/nginx");
    let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    let named = |digest: &str| entries.iter().find(|entry| entry["digest"] == digest).unwrap().clone();
    assert_eq!(named(&digest)["annotations"]["org.opencontainers.image.ref.name"], "1.0.0");
    assert!(named(&referrer.to_string()).get("annotations").is_none());
    assert_eq!(std::fs::read(layout.join("blobs/sha256").join(Sha256::of("package").hex())).unwrap(), b"package");
    assert_eq!(std::fs::read(layout.join("oci-layout")).unwrap(), br#"{"imageLayoutVersion":"1.0.0"}"#);
}
