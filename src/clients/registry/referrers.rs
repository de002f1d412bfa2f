//! Referrers: what is attached to a manifest, by the API or by the fallback tag.

use super::{
    Registry,
    manifests::{MANIFEST_LIMIT, Put},
    transport::{Answer, Ask},
};
use anyhow::{Context as _, bail};
use chartrel_core::{
    Sha256,
    oci::{Artifact, Descriptor, INDEX, MANIFEST, bundle_referrer},
};
use chrono::{DateTime, Utc};
use reqwest::{Method, header::HeaderMap};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often the fallback tag is read and written again when others write it too.
const ROUNDS: u32 = 10;
/// The most pages of a list of referrers that are read.
const PAGES: usize = 50;

/// A manifest that refers to another: its descriptor in the list.
pub type Referrer = Descriptor;

/// A Sigstore bundle to attach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attachment<'a> {
    /// The type of the predicate that the bundle signs.
    pub predicate_type: &'a str,
    /// The bundle, as JSON.
    pub bundle: &'a str,
    /// The time in its manifest: the same on every run, so that the digest is.
    pub created: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct Index {
    #[serde(rename = "schemaVersion")]
    schema_version: u8,
    #[serde(rename = "mediaType")]
    media_type: String,
    manifests: Vec<Descriptor>,
}

/// The parts of a pushed manifest that its entry in the fallback index repeats (OCI distribution-spec 1.1, "Pushing Manifests with Subject").
#[derive(Deserialize)]
struct Attached {
    #[serde(rename = "artifactType")]
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    subject: Descriptor,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Registry {
    /// What refers to a manifest: by the referrers API, or by the fallback tag where the registry has no such API.
    ///
    /// # Errors
    /// When the registry does not answer, or with what is no index.
    pub async fn referrers(&self, name: &str, subject: &Sha256) -> anyhow::Result<Vec<Referrer>> {
        let mut found = Vec::new();
        let mut rest = format!("referrers/{subject}");
        for _ in 0..PAGES {
            let ask = Ask { method: Method::GET, rest, headers: HeaderMap::new(), body: &[], expect: &[404], limit: MANIFEST_LIMIT };
            let answer = self.ask(name, &ask).await.with_context(|| format!("the referrers of {}", self.place(name)))?;
            let is_index = answer.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(INDEX.as_bytes()));
            if answer.status == 404 || !is_index {
                return self.fallback(name, subject).await;
            }
            found.extend(index(&answer.body)?.manifests);
            match self.next(name, &answer)? {
                Some(next) => rest = next,
                None => return Ok(found),
            }
        }
        bail!("the list of referrers of {} does not end", self.place(name))
    }

    async fn fallback(&self, name: &str, subject: &Sha256) -> anyhow::Result<Vec<Referrer>> {
        match self.held(name, &fallback_tag(subject)).await? {
            Some(held) => Ok(index(&held.bytes)?.manifests),
            None => Ok(vec![]),
        }
    }

    /// The next page below this repository; a list that leads elsewhere is not followed.
    fn next(&self, name: &str, answer: &Answer) -> anyhow::Result<Option<String>> {
        let Some(link) = answer.headers.get("link") else { return Ok(None) };
        let link = link.to_str().context("the registry's `Link` is no text")?;
        let url = link.trim_start_matches('<').split('>').next().unwrap_or_default();
        let path = url.find("/v2/").map(|at| &url[at..]).unwrap_or_default();
        match path.strip_prefix(&format!("/v2/{}/", self.path(name))) {
            Some(rest) => Ok(Some(rest.to_owned())),
            None => bail!("the list of referrers of {} goes on elsewhere", self.place(name)),
        }
    }

    /// Stores a manifest with a `subject` under its digest, and in the fallback index where the registry does not say that it keeps one.
    ///
    /// # Errors
    /// When the manifest names no subject, the registry does not take it, or the fallback tag is never left alone by others.
    pub async fn put_referrer(&self, name: &str, manifest: &[u8]) -> anyhow::Result<Sha256> {
        let attached: Attached = serde_json::from_slice(manifest).context("a referrer is a manifest with a subject")?;
        let digest = Sha256::of(manifest);
        let headers = self.put(name, &digest.to_string(), &Put { bytes: manifest, guard: None }).await?;
        let is_kept = headers.is_some_and(|headers| headers.contains_key("oci-subject"));
        if !is_kept {
            self.list(name, manifest, attached).await?;
        }
        Ok(digest)
    }

    /// Adds an entry to the fallback index: read, add, write if nobody else wrote, read back.
    async fn list(&self, name: &str, manifest: &[u8], attached: Attached) -> anyhow::Result<()> {
        let tag = fallback_tag(&attached.subject.digest);
        let mut entry = Descriptor::of(MANIFEST, manifest);
        entry.annotations = attached.annotations;
        entry.artifact_type = attached.artifact_type.or(attached.config.map(|config| config.media_type));
        let mut pause = self.patience.first.mul_f64(0.01);
        for _ in 0..ROUNDS {
            let held = self.held(name, &tag).await?;
            let etag = held.as_ref().and_then(|held| held.etag.clone());
            let empty = Index { schema_version: 2, media_type: INDEX.to_owned(), manifests: vec![] };
            let mut listed = held.map_or(Ok(empty), |held| index(&held.bytes))?;
            if listed.manifests.iter().any(|one| one.digest == entry.digest) {
                return Ok(());
            }
            listed.manifests.push(entry.clone());
            let bytes = serde_json::to_vec(&listed).context("the index of referrers could not be written")?;
            // Whether it is there is seen in the next round: a registry without `If-Match` lets another writer win.
            self.put(name, &tag, &Put { bytes: &bytes, guard: etag }).await?;
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await;
            pause *= 2;
        }
        bail!("the fallback tag `{tag}` of {} was overwritten by others {ROUNDS} times", self.place(name))
    }

    /// Attaches a Sigstore bundle to an artifact, unless these very bytes are attached; whether it was new.
    ///
    /// # Errors
    /// As [`Registry::push_blob`] and [`Registry::put_referrer`].
    pub async fn attach_bundle(&self, name: &str, subject: &Artifact, attachment: &Attachment<'_>) -> anyhow::Result<bool> {
        let bundle = attachment.bundle.as_bytes();
        let referrer = bundle_referrer(&subject.descriptor(), bundle, attachment.predicate_type, attachment.created);
        let listed = self.referrers(name, &subject.digest).await?;
        if listed.iter().any(|one| one.digest == referrer.digest) && self.held(name, &referrer.digest.to_string()).await?.is_some() {
            return Ok(false);
        }
        for (digest, bytes) in referrer.blobs(bundle) {
            self.push_blob(name, &digest, bytes).await?;
        }
        self.put_referrer(name, &referrer.manifest).await?;
        Ok(true)
    }
}

fn index(bytes: &[u8]) -> anyhow::Result<Index> {
    serde_json::from_slice(bytes).context("the index of referrers cannot be read")
}

/// OCI distribution-spec 1.1, "Referrers Tag Schema".
fn fallback_tag(subject: &Sha256) -> String {
    format!("sha256-{}", subject.hex())
}
