//! The assets of a release, and the document by which it can be verified offline for ever.

use crate::{
    chart::SourceFile,
    digest::Sha256,
    name::{ObjectId, ReleaseTag},
    refusal::{Code, Refusal, Result},
    stage::Key,
    statement::Reference,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Version of the shape of [`LineageDocument`].
pub const SCHEMA: u32 = 1;
/// The largest lineage document that is read, in bytes; about twenty bundles are 300 KB.
pub const LIMIT: usize = 32 * 1024 * 1024;

/// `attestation-lineage.json` (M-150, M-151, MISSION A.9): the ids of the whole chain, and its bundles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineageDocument {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The chart's name.
    pub chart: String,
    /// The version.
    pub version: String,
    /// The release tag.
    pub tag: ReleaseTag,
    /// The repository, `owner/name`.
    pub repository: String,
    /// The chart's folder below `charts/`.
    pub folder: String,
    /// Digest of the OCI manifest.
    pub digest: Sha256,
    /// Digest of the package.
    pub package_digest: Sha256,
    /// Digest of the OCI manifest, again, under the name that says so.
    pub oci_digest: Sha256,
    /// `oci://<registry>/<namespace>/<chart>`.
    pub oci_url: String,
    /// The tag's commit.
    pub commit: ObjectId,
    /// The run that published first.
    pub workflow_run_id: String,
    /// The tag's time, RFC 3339: the same on every run.
    pub published_at: String,
    /// Key to attestation id.
    pub attestations: BTreeMap<Key, String>,
    /// Key to reference.
    pub references: BTreeMap<Key, Reference>,
    /// The bundles of the chain, each as Sigstore bundle v0.3.
    pub bundles: Vec<Value>,
}

impl LineageDocument {
    /// The bytes of the asset: pretty JSON with a final newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads a document that somebody hands us; nothing in it is believed before its bundles verify.
    ///
    /// # Errors
    /// `lineage/malformed-document` when it is too large, no JSON of this shape, or of a newer schema.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let malformed =
            |why: String| Refusal::new(Code::LineageMalformedDocument, why, "take `attestation-lineage.json` from the release itself");
        if bytes.len() > LIMIT {
            return Err(malformed(format!("the lineage document has {} bytes, more than {LIMIT}", bytes.len())).into());
        }
        let document: Self =
            serde_json::from_slice(bytes).map_err(|error| malformed(format!("the lineage document cannot be read: {error}")))?;
        if document.schema == SCHEMA {
            Ok(document)
        } else {
            Err(malformed(format!("the lineage document has schema {}, this chartrel reads {SCHEMA}", document.schema)).into())
        }
    }
}

/// An asset by name and bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The file's name.
    pub name: String,
    /// Its content type.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The documents that accompany a package: CHANGELOG, README and LICENSE (C-32), and what is missing of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Documents {
    /// What there is.
    pub assets: Vec<Asset>,
    /// One line for each that is missing.
    pub missing: Vec<String>,
}

/// Picks the documents: the chart's own, the repository's LICENSE where the chart has none, a generated CHANGELOG where there is none.
pub fn documents(files: &[SourceFile], repository_license: Option<Vec<u8>>, generated_changelog: &str) -> Documents {
    let own = |names: &[&str]| files.iter().find(|file| names.contains(&file.path.as_str())).map(|file| file.bytes.clone());
    let mut documents = Documents::default();
    let rows = [
        ("CHANGELOG.md", "text/markdown", own(&["CHANGELOG.md"]).or_else(|| Some(generated_changelog.as_bytes().to_vec()))),
        ("README.md", "text/markdown", own(&["README.md"])),
        ("LICENSE", "text/plain", own(&["LICENSE", "LICENSE.md", "LICENSE.txt"]).or(repository_license)),
    ];
    for (name, content_type, bytes) in rows {
        match bytes.filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => documents.assets.push(Asset { name: name.into(), content_type, bytes }),
            None => documents.missing.push(format!("the chart has no {name}, so the release has none")),
        }
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::FileMode;

    fn file(path: &str) -> SourceFile {
        SourceFile { path: path.into(), mode: FileMode::Regular, bytes: path.as_bytes().to_vec() }
    }

    #[test]
    fn the_repositorys_licence_stands_in_and_a_missing_readme_is_named() {
        let documents = documents(&[file("Chart.yaml")], Some(b"Apache".to_vec()), "# Changelog\n");
        let names: Vec<_> = documents.assets.iter().map(|asset| asset.name.as_str()).collect();
        assert_eq!(names, ["CHANGELOG.md", "LICENSE"]);
        assert_eq!(documents.missing, ["the chart has no README.md, so the release has none"]);
    }

    #[test]
    fn what_is_no_lineage_document_is_refused() {
        for bytes in [&b"{}"[..], b"", b"[1]", br#"{"schema":2}"#] {
            assert_eq!(LineageDocument::from_bytes(bytes).unwrap_err().violations()[0].code, Code::LineageMalformedDocument);
        }
    }
}
