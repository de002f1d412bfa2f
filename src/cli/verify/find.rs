//! Finding what proves a release: the document at the release, and what the reader holds recomputed from its bytes.

use crate::environment::Environment;
use anyhow::Context as _;
use chartrel_clients::{
    github::{GitHub, Token},
    registry::Registry,
};
use chartrel_core::{
    Code, Refusal, Sha256,
    lineage::Anchors,
    name::{ReleaseTag, Repository},
    package,
    release::LineageDocument,
};
use std::path::Path;

/// The address of GitHub's API, unless the environment names an enterprise's.
const API: &str = "https://api.github.com";

/// What was found.
pub(super) struct Found {
    /// The lineage document: a locator of bundles, believed in nothing.
    pub(super) document: LineageDocument,
    /// What the reader holds.
    pub(super) anchors: Anchors,
}

/// Finds the document of a subject; offline when the reader gives it.
pub(super) async fn find(subject: &str, repository: &Repository, given: Option<&Path>, environment: &Environment) -> anyhow::Result<Found> {
    let held = hold(subject, environment).await?;
    if let Some(path) = given {
        let bytes = std::fs::read(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
        return Ok(Found { document: LineageDocument::from_bytes(&bytes)?, anchors: held.anchors });
    }
    let github = github(repository, environment)?;
    let release = github.release_by_tag(&held.tag.to_string()).await?.ok_or_else(|| {
        let what = format!("{repository} has no release `{}`", held.tag);
        Refusal::new(Code::TagMissing, what, "check `--repo`, or give the release's `attestation-lineage.json` with `--lineage`")
    })?;
    let asset = release.assets.iter().find(|asset| asset.name == "attestation-lineage.json").ok_or_else(|| {
        let what = format!("the release `{}` carries no `attestation-lineage.json`", held.tag);
        Refusal::new(Code::LineageMissingLink, what, "this release was not made by chartrel, or its proof was removed")
    })?;
    let document = LineageDocument::from_bytes(&github.download_asset(asset).await?)?;
    let mut anchors = held.anchors;
    // The tag as it stands now: one that was moved since is told by its object's digest.
    if let Some(id) = github.reference(&format!("tags/{}", held.tag)).await? {
        let object = github.tag_object(&id).await?;
        anchors.tag = Some((held.tag.to_string(), object.raw.digest_as(&object.sha)?));
    }
    Ok(Found { document, anchors })
}

fn github(repository: &Repository, environment: &Environment) -> anyhow::Result<GitHub> {
    let token = environment.get("CHARTREL_TOKEN").or_else(|| environment.get("GITHUB_TOKEN")).ok_or_else(|| {
        let help = "set `GITHUB_TOKEN`, or give `--lineage` (and `--trusted-root`) to verify offline";
        Refusal::new(Code::EnvironmentNoToken, "there is no token to ask GitHub for the release with", help)
    })?;
    GitHub::new(environment.get("GITHUB_API_URL").unwrap_or(API), &Token::new(token)?, repository)
}

/// What the reader holds, and the tag it belongs to.
struct Held {
    tag: ReleaseTag,
    anchors: Anchors,
}

async fn hold(subject: &str, environment: &Environment) -> anyhow::Result<Held> {
    if let Some(reference) = subject.strip_prefix("oci://") {
        return manifest(reference, environment).await;
    }
    let path = Path::new(subject);
    if path.is_file() {
        let bytes = std::fs::read(path).with_context(|| format!("`{subject}` cannot be read"))?;
        return package_in_hand(path, &bytes);
    }
    let tag: ReleaseTag = subject.parse().map_err(|_| {
        let what = format!("`{}` is no package file, no `oci://` reference and no release tag", subject.escape_debug());
        Refusal::new(Code::InputInvalid, what, "give a `.tgz`, `oci://…@sha256:…`, or `<chart>-v<version>`")
    })?;
    Ok(Held { anchors: Anchors { tag: None, ..Anchors::default() }, tag })
}

/// The name and version in the package locate the release; an altered package may not be readable, then its file name does.
fn package_in_hand(path: &Path, bytes: &[u8]) -> anyhow::Result<Held> {
    let digest = Sha256::of(bytes);
    let tag = match package::read(bytes) {
        Ok(contents) => ReleaseTag { chart: contents.metadata.name, version: contents.metadata.version },
        Err(refused) => named(path).ok_or(refused)?,
    };
    let anchors = Anchors { package: Some((tag.package(), digest)), ..Anchors::default() };
    Ok(Held { tag, anchors })
}

/// `<chart>-<version>.tgz`, split where a version begins.
fn named(path: &Path) -> Option<ReleaseTag> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".tgz")?;
    stem.match_indices('-').find_map(|(at, _)| format!("{}-v{}", &stem[..at], &stem[at + 1..]).parse().ok())
}

async fn manifest(reference: &str, environment: &Environment) -> anyhow::Result<Held> {
    let unusable = || {
        let what = format!("`oci://{}` is no reference by digest", reference.escape_debug());
        Refusal::new(Code::InputInvalid, what, "write `oci://<registry>/<namespace>/<chart>@sha256:<digest>`: a tag can be moved")
    };
    let (repository, digest) = reference.split_once('@').ok_or_else(unusable)?;
    let digest: Sha256 = digest.parse()?;
    let (namespace, chart) = repository.rsplit_once('/').ok_or_else(unusable)?;
    let credentials = environment.get("CHARTREL_REGISTRY_USER").zip(environment.get("CHARTREL_REGISTRY_PASSWORD"));
    let registry = Registry::new(namespace, credentials.map(|(user, secret)| (user.to_owned(), secret.to_owned())))?;
    let found = registry.manifest(chart, &digest.to_string()).await?;
    let (found_digest, bytes) = found.with_context(|| format!("the registry has no `{reference}`"))?;
    anyhow::ensure!(found_digest == digest && Sha256::of(&bytes) == digest, "the registry answered with another manifest than {digest}");
    let manifest: serde_json::Value = serde_json::from_slice(&bytes).context("the manifest is no JSON")?;
    let version = manifest.pointer("/annotations/org.opencontainers.image.version").and_then(serde_json::Value::as_str).unwrap_or_default();
    let tag: ReleaseTag = format!("{chart}-v{version}").parse()?;
    Ok(Held { tag, anchors: Anchors { manifest: Some(digest), ..Anchors::default() } })
}
