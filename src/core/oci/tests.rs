use super::*;
use serde_json::{Value, json};

fn time() -> DateTime<Utc> {
    "2026-11-01T10:00:00Z".parse().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_config_is_helms_in_order_and_escapes() {
    let metadata = json!({
        "type": "application", "apiVersion": "v2", "name": "nginx", "version": "1.2.3+b", "description": "a <b> & c",
        "keywords": [], "deprecated": false, "icon": "", "unknown": "x",
        "maintainers": [{"email": "a@b", "name": "A"}],
        "dependencies": [{"alias": "c", "name": "common", "version": "^1", "enabled": false}],
        "annotations": {"b": "2", "a": "1"},
    });
    let artifact = helm_artifact(&metadata, b"tgz", time());
    let expected = concat!(
        r#"{"name":"nginx","version":"1.2.3+b","description":"a \u003cb\u003e \u0026 c","#,
        r#""maintainers":[{"name":"A","email":"a@b"}],"apiVersion":"v2","annotations":{"a":"1","b":"2"},"#,
        r#""dependencies":[{"name":"common","version":"^1","repository":"","alias":"c"}],"type":"application"}"#
    );
    assert_eq!(text(&artifact.config), expected);
}

#[test]
fn the_manifest_is_helms() {
    let metadata = json!({
        "name": "nginx", "version": "1.2.3", "home": "https://nginx.org", "sources": ["https://a", "https://b"],
        "maintainers": [{"name": "A", "email": "a@b"}, {"name": "B"}], "description": " ",
        "annotations": {"org.opencontainers.image.title": "other", "org.opencontainers.image.url": "https://own", "x": "y"},
    });
    let artifact = helm_artifact(&metadata, b"tgz", time());
    let manifest = text(&artifact.manifest);
    assert!(
        manifest.starts_with(r#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"sha256:"#)
    );
    let read: Value = serde_json::from_str(manifest).unwrap();
    assert_eq!(
        read["annotations"],
        json!({
            "org.opencontainers.image.title": "nginx", "org.opencontainers.image.version": "1.2.3",
            "org.opencontainers.image.url": "https://own", "org.opencontainers.image.source": "https://a",
            "org.opencontainers.image.authors": "A (a@b), B", "org.opencontainers.image.created": "2026-11-01T10:00:00Z", "x": "y",
        })
    );
    assert_eq!(read["layers"][0]["digest"], json!(Sha256::of("tgz")));
    assert_eq!(artifact.digest, Sha256::of(manifest));
    let pushed = artifact.blobs(b"tgz").map(|(digest, _)| json!(digest));
    assert_eq!(pushed, [read["config"]["digest"].clone(), read["layers"][0]["digest"].clone()]);
}

#[test]
fn a_versions_tag_has_no_plus() {
    assert_eq!(tag(&"1.2.3-a.1+b.2".parse().unwrap()), "1.2.3-a.1_b.2");
}

#[test]
fn a_bundle_refers_to_its_subject() {
    let subject = helm_artifact(&json!({"name": "nginx"}), b"tgz", time());
    let referrer = bundle_referrer(&subject.descriptor(), b"{\"a\":1}", "https://slsa.dev/provenance/v1", time());
    let read: Value = serde_json::from_slice(&referrer.manifest).unwrap();
    assert_eq!(read["subject"]["digest"], json!(subject.digest));
    assert_eq!(read["subject"]["size"], json!(subject.manifest.len()));
    assert_eq!(read["artifactType"], BUNDLE);
    assert_eq!(read["config"]["mediaType"], EMPTY);
    assert_eq!(read["annotations"]["dev.sigstore.bundle.predicateType"], "https://slsa.dev/provenance/v1");
    assert_eq!(referrer.config, b"{}");
}

#[test]
fn the_older_signature_carries_what_cosign_2_reads() {
    let digest = Sha256::of("manifest");
    let payload = simple_signing("ghcr.io/acme/charts/nginx", &digest);
    let expected = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"ghcr.io/acme/charts/nginx"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    );
    assert_eq!(text(&payload), expected);
    let logged =
        LoggedAt { body: "Ym9keQ==".into(), integrated_time: 1, log_index: 2, log_id: "aa".into(), signed_entry_timestamp: "c2V0".into() };
    let signed = LegacySignature { signature: "c2ln".into(), certificate: "PEM".into(), logged };
    let read: Value = serde_json::from_slice(&legacy_signature(&payload, &signed).manifest).unwrap();
    let annotations = &read["layers"][0]["annotations"];
    assert_eq!(annotations["dev.cosignproject.cosign/signature"], "c2ln");
    let bundle: Value = serde_json::from_str(annotations["dev.sigstore.cosign/bundle"].as_str().unwrap()).unwrap();
    assert_eq!(bundle["Payload"]["logIndex"], 2);
}
