//! Manifests, by tag and by digest.

use super::{Registry, transport::Ask};
use anyhow::{Context as _, bail};
use chartrel_core::{
    Sha256,
    oci::{INDEX, MANIFEST},
};
use reqwest::{
    Method,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde::Deserialize;

/// The longest manifest (OCI distribution-spec 1.1: registries should take 4 MiB).
pub(super) const MANIFEST_LIMIT: usize = 4 * 1024 * 1024;

/// A manifest with what is needed to replace it safely.
pub(super) struct Held {
    pub digest: Sha256,
    pub bytes: Vec<u8>,
    pub etag: Option<HeaderValue>,
}

/// A manifest to store.
pub(super) struct Put<'a> {
    pub bytes: &'a [u8],
    /// The `ETag` of what it replaces: another writer's is not overwritten, where the registry knows `If-Match`.
    pub guard: Option<HeaderValue>,
}

impl Registry {
    /// The manifest of a tag or digest and its digest, which is that of the bytes; `None` when there is none.
    ///
    /// # Errors
    /// `registry/unauthorized`; when the registry does not answer, or answers with bytes of another digest than the one it was asked for.
    pub async fn manifest(&self, name: &str, reference: &str) -> anyhow::Result<Option<(Sha256, Vec<u8>)>> {
        Ok(self.held(name, reference).await?.map(|held| (held.digest, held.bytes)))
    }

    pub(super) async fn held(&self, name: &str, reference: &str) -> anyhow::Result<Option<Held>> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(&format!("{MANIFEST}, {INDEX}")).context("no header")?);
        let rest = format!("manifests/{}", checked(reference)?);
        let ask = Ask { method: Method::GET, rest, headers, body: &[], expect: &[404], limit: MANIFEST_LIMIT };
        let answer = self.ask(name, &ask).await.with_context(|| format!("{} could not be read", self.place(name)))?;
        if answer.status == 404 {
            return Ok(None);
        }
        let digest = Sha256::of(&answer.body);
        if reference.starts_with("sha256:") && reference != digest.to_string() {
            bail!("{} gave other bytes than those of `{reference}`", self.place(name));
        }
        Ok(Some(Held { digest, bytes: answer.body, etag: answer.headers.get("etag").cloned() }))
    }

    /// Stores a manifest or an index under a tag, or under its digest (`sha256:…`). A tag that is there is moved: look first.
    ///
    /// # Errors
    /// `registry/unauthorized`; when the registry does not take it, or gives it another digest.
    pub async fn put_manifest(&self, name: &str, reference: &str, bytes: &[u8]) -> anyhow::Result<Sha256> {
        self.put(name, reference, &Put { bytes, guard: None }).await.map(|_| Sha256::of(bytes))
    }

    /// Stores a manifest, if its guard still stands; `None` when it does not, else the answer's headers.
    pub(super) async fn put(&self, name: &str, reference: &str, put: &Put<'_>) -> anyhow::Result<Option<HeaderMap>> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(put.bytes)?));
        if let Some(etag) = &put.guard {
            headers.insert("if-match", etag.clone());
        }
        let rest = format!("manifests/{}", checked(reference)?);
        let ask = Ask { method: Method::PUT, rest, headers, body: put.bytes, expect: &[412], limit: 64 * 1024 };
        let answer = self.ask(name, &ask).await.with_context(|| format!("{}: `{reference}` could not be pushed", self.place(name)))?;
        if answer.status == 412 {
            return Ok(None);
        }
        let digest = Sha256::of(put.bytes).to_string();
        match answer.headers.get("docker-content-digest") {
            Some(told) if told.as_bytes() != digest.as_bytes() => {
                bail!(
                    "{} says that `{reference}` has the digest `{}`, not `{digest}`",
                    self.place(name),
                    String::from_utf8_lossy(told.as_bytes())
                )
            }
            _ => Ok(Some(answer.headers)),
        }
    }
}

/// What the bytes are by their own `mediaType`; Helm's manifests have none.
fn media_type(bytes: &[u8]) -> anyhow::Result<&'static str> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "mediaType", default)]
        media_type: String,
    }
    let kind: Kind = serde_json::from_slice(bytes).context("what is to be pushed is no manifest")?;
    Ok(if kind.media_type == INDEX { INDEX } else { MANIFEST })
}

/// A tag (OCI distribution-spec 1.1) or a digest: nothing that could leave its place in a URL.
fn checked(reference: &str) -> anyhow::Result<&str> {
    let digits = reference.strip_prefix("sha256:").unwrap_or(reference);
    let is_good = !digits.is_empty()
        && digits.len() <= 128
        && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        && !digits.starts_with(['.', '-']);
    if is_good { Ok(reference) } else { bail!("`{}` is neither a tag nor a digest", reference.escape_debug()) }
}
