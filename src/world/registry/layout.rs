//! The registry as OCI image layouts, one folder a repository.

use super::store::{Repository, Store};
use anyhow::Context as _;
use chartrel_core::digest::Sha256;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// Writes every repository (image-spec 1.1, image-layout.md).
pub(super) fn export(store: &Store, dir: &Path) -> anyhow::Result<()> {
    for (name, repository) in &store.repositories {
        let dir = dir.join(name);
        write(repository, &dir).with_context(|| format!("cannot write the layout of `{name}`"))?;
    }
    Ok(())
}

fn write(repository: &Repository, dir: &Path) -> anyhow::Result<()> {
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let manifests = repository.manifests.iter().map(|(digest, manifest)| (digest, &manifest.bytes));
    for (digest, bytes) in repository.blobs.iter().chain(manifests) {
        fs::write(blobs.join(digest.hex()), bytes)?;
    }
    fs::write(dir.join("oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }).to_string())?;
    let manifests: Vec<Value> = repository.manifests.keys().flat_map(|digest| descriptors(repository, digest)).collect();
    let index = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests });
    Ok(fs::write(dir.join("index.json"), index.to_string())?)
}

/// One descriptor for each tag of a manifest, or one without a name: referrers have no tag.
fn descriptors(repository: &Repository, digest: &Sha256) -> Vec<Value> {
    let Some(manifest) = repository.manifests.get(digest) else { return Vec::new() };
    let bare = json!({ "mediaType": manifest.media_type, "digest": digest.to_string(), "size": manifest.bytes.len() });
    let tags = repository.tags.iter().filter(|(_, target)| *target == digest);
    let tagged: Vec<_> = tags
        .map(|(tag, _)| {
            let mut descriptor = bare.clone();
            descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
            descriptor
        })
        .collect();
    if tagged.is_empty() { vec![bare] } else { tagged }
}
