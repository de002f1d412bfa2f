//! Signatures beside an artifact: Sigstore bundles as referrers, and the older layout of cosign 2.

use super::{Artifact, BUNDLE, Descriptor, EMPTY, MANIFEST, Manifest, go_json, stamp};
use crate::digest::Sha256;
use chrono::{DateTime, Utc};
use serde_json::json;
use std::collections::BTreeMap;

/// The blob of [`EMPTY`].
const EMPTY_BLOB: &[u8] = b"{}";
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// The manifest that makes a bundle a referrer of `subject`; its one layer is the bundle. It has no tag.
///
/// Source: Sigstore's `cosign/specs/BUNDLE_SPEC.md`; what cosign 3.1.2 and actions/attest push.
pub fn bundle_referrer(subject: &Descriptor, bundle: &[u8], predicate_type: &str, created: DateTime<Utc>) -> Artifact {
    let annotations = BTreeMap::from([
        ("dev.sigstore.bundle.content".to_owned(), "dsse-envelope".to_owned()),
        ("dev.sigstore.bundle.predicateType".to_owned(), predicate_type.to_owned()),
        ("org.opencontainers.image.created".to_owned(), stamp(created)),
    ]);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST),
        artifact_type: Some(BUNDLE),
        config: Descriptor::of(EMPTY, EMPTY_BLOB),
        layers: vec![Descriptor::of(BUNDLE, bundle)],
        subject: Some(subject.clone()),
        annotations,
    };
    Artifact::new(&manifest, EMPTY_BLOB.to_vec())
}

/// A signature in the older layout: signed is [`simple_signing`], in a log of version 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacySignature {
    /// The signature, base64.
    pub signature: String,
    /// The certificate, PEM.
    pub certificate: String,
    /// The log's entry.
    pub logged: LoggedAt,
}

/// An entry of a log of version 1, as cosign's `bundle` annotation holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedAt {
    /// The entry's body, base64.
    pub body: String,
    /// Seconds since 1970.
    pub integrated_time: i64,
    /// The entry's number.
    pub log_index: i64,
    /// SHA-256 of the log's key, hex.
    pub log_id: String,
    /// The log's signature, base64.
    pub signed_entry_timestamp: String,
}

/// The bytes that cosign 2 signs for an image: where it is, and its digest.
pub fn simple_signing(repository: &str, digest: &Sha256) -> Vec<u8> {
    go_json(&json!({
        "critical": {
            "identity": {"docker-reference": repository},
            "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature",
        },
        "optional": null,
    }))
}

/// The manifest of the tag `sha256-<hex>.sig`; its one layer is `payload`, the bytes of [`simple_signing`].
///
/// Source: cosign's `specs/SIGNATURE_SPEC.md`.
pub fn legacy_signature(payload: &[u8], signed: &LegacySignature) -> Artifact {
    let logged = &signed.logged;
    let bundle = json!({
        "SignedEntryTimestamp": logged.signed_entry_timestamp,
        "Payload": {
            "body": logged.body, "integratedTime": logged.integrated_time, "logIndex": logged.log_index, "logID": logged.log_id,
        },
    });
    let config = go_json(&json!({
        "architecture": "", "os": "", "config": {}, "created": "0001-01-01T00:00:00Z",
        "history": [{"created": "0001-01-01T00:00:00Z"}],
        "rootfs": {"type": "layers", "diff_ids": [Sha256::of(payload)]},
    }));
    let mut layer = Descriptor::of(SIMPLE_SIGNING, payload);
    layer.annotations = BTreeMap::from([
        ("dev.cosignproject.cosign/signature".to_owned(), signed.signature.clone()),
        ("dev.sigstore.cosign/bundle".to_owned(), String::from_utf8_lossy(&go_json(&bundle)).into_owned()),
        ("dev.sigstore.cosign/certificate".to_owned(), signed.certificate.clone()),
    ]);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST),
        artifact_type: None,
        config: Descriptor::of(IMAGE_CONFIG, &config),
        layers: vec![layer],
        subject: None,
        annotations: BTreeMap::new(),
    };
    Artifact::new(&manifest, config)
}
