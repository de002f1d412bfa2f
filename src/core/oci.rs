//! OCI artifacts as bytes: a chart as Helm pushes it, Sigstore bundles as referrers, cosign's older signatures.
//!
//! Everything here has its digest before anything is pushed.

mod cosign;
mod helm;

#[cfg(test)]
mod tests;

pub use cosign::{LegacySignature, LoggedAt, bundle_referrer, legacy_signature, simple_signing};
pub use helm::{helm_artifact, tag};

use crate::digest::Sha256;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Media type of a manifest (OCI image-spec 1.1, manifest.md).
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an index (OCI image-spec 1.1, image-index.md).
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of the blob `{}` (OCI image-spec 1.1, manifest.md, "Guidance for an Empty Descriptor").
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// Media type of a Sigstore bundle, and the artifact type of its manifest.
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// What a manifest says of a blob or of another manifest; fields in the order that Go writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Media type.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// Digest.
    pub digest: Sha256,
    /// Bytes.
    pub size: u64,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What kind of artifact it is; in indexes.
    #[serde(rename = "artifactType", default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// The descriptor of some bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Sha256::of(bytes),
            size: bytes.len() as u64,
            annotations: BTreeMap::new(),
            artifact_type: None,
        }
    }
}

/// A manifest that is not pushed yet, with the blobs it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// The manifest's digest: the identity of the artifact.
    pub digest: Sha256,
    /// The configuration blob.
    pub config: Vec<u8>,
}

impl Artifact {
    fn new(manifest: &impl Serialize, config: Vec<u8>) -> Self {
        let manifest = go_json(manifest);
        Self { digest: Sha256::of(&manifest), manifest, config }
    }

    /// The blobs to push before the manifest: its configuration, and the one layer.
    pub fn blobs<'a>(&'a self, layer: &'a [u8]) -> [(Sha256, &'a [u8]); 2] {
        [(Sha256::of(&self.config), &self.config), (Sha256::of(layer), layer)]
    }

    /// The descriptor by which referrers name it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(MANIFEST, &self.manifest)
    }
}

/// A manifest; fields in the order that Go writes them.
#[derive(Serialize)]
struct Manifest<'a> {
    #[serde(rename = "schemaVersion")]
    schema_version: u8,
    #[serde(rename = "mediaType", skip_serializing_if = "Option::is_none")]
    media_type: Option<&'a str>,
    #[serde(rename = "artifactType", skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// RFC 3339 in UTC, seconds.
fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// JSON as Go's `encoding/json` writes it: `<`, `>`, `&`, U+2028 and U+2029 escaped.
fn go_json(value: &impl Serialize) -> Vec<u8> {
    let plain = serde_json::to_string(value).unwrap_or_default();
    let mut text = String::with_capacity(plain.len());
    for character in plain.chars() {
        match character {
            // Outside of strings JSON has none of these.
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    text.into_bytes()
}
