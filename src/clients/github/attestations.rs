//! Attestations: stored in GitHub, found again by the digest of a subject (there is no way to find one by its id).

use super::{
    GitHub,
    bundle::{Listed, listed},
    call::{Call, path, query},
};
use anyhow::{Context as _, bail};
use chartrel_core::Sha256;
use futures::{StreamExt as _, TryStreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Subjects in one bulk request ("List attestations by bulk subject digests").
const BULK: usize = 1024;
/// Requests under way at once.
const AT_ONCE: usize = 8;

#[derive(Deserialize)]
struct Bulk {
    attestations_subject_digests: BTreeMap<String, Option<Vec<Listed>>>,
    #[serde(default)]
    page_info: PageInfo,
}

#[derive(Default, Deserialize)]
struct PageInfo {
    #[serde(default)]
    has_next: bool,
    #[serde(default)]
    next: String,
}

impl GitHub {
    /// Stores a bundle and returns the attestation's id. Storing it again makes another id for the same statement.
    ///
    /// # Errors
    /// When the JSON is none, GitHub does not take it, or the token lacks `attestations: write`.
    pub async fn store_attestation(&self, bundle_json: &str) -> anyhow::Result<String> {
        #[derive(Deserialize)]
        struct Stored {
            id: Value,
        }
        let bundle: Value = serde_json::from_str(bundle_json).context("the bundle to store is not JSON")?;
        let stored: Stored = self.send(Call::post(self.route("attestations"), json!({"bundle": bundle}))).await?.json()?;
        match stored.id {
            Value::Number(id) => Ok(id.to_string()),
            Value::String(id) => Ok(id),
            other => bail!("GitHub stored an attestation under `{other}`, which is no id"),
        }
    }

    /// The bundles, as JSON, of this repository's attestations about a subject; `predicate_type` narrows them. None is an empty list.
    ///
    /// Nothing in them is verified; GitHub's own release attestations may be among them.
    ///
    /// # Errors
    /// When GitHub, or the host of the bundles, does not answer, or answers more than the limits allow.
    pub async fn attestations(&self, subject: &Sha256, predicate_type: Option<&str>) -> anyhow::Result<Vec<String>> {
        let mut route = self.route(&format!("attestations/{}?per_page=100", path(&subject.to_string())));
        if let Some(kind) = predicate_type {
            route += "&predicate_type=";
            route += &query(kind);
        }
        let found = self.pages(Call { expect: &[404, 422], ..Call::get(route) }, listed).await?;
        self.bundles(found).await
    }

    /// The same for many subjects at once: one request for 1,024 of them where GitHub lets the token ask so, else one each.
    ///
    /// # Errors
    /// As [`GitHub::attestations`].
    pub async fn attestations_of(&self, subjects: &[Sha256]) -> anyhow::Result<BTreeMap<Sha256, Vec<String>>> {
        let mut found = BTreeMap::new();
        for chunk in subjects.chunks(BULK) {
            match self.bulk(chunk).await? {
                Some(some) => found.extend(some),
                None => found.extend(self.singly(chunk).await?),
            }
        }
        Ok(found)
    }

    async fn singly(&self, subjects: &[Sha256]) -> anyhow::Result<Vec<(Sha256, Vec<String>)>> {
        let asked = subjects.iter().map(|subject| async { anyhow::Ok((*subject, self.attestations(subject, None).await?)) });
        futures::stream::iter(asked).buffered(AT_ONCE).try_collect().await
    }

    /// The bulk list below the owner; `None` when this token may not ask it, or the server has none.
    async fn bulk(&self, subjects: &[Sha256]) -> anyhow::Result<Option<Vec<(Sha256, Vec<String>)>>> {
        let facts = self.repository_facts().await?;
        let kind = if facts.owner_is_organization { "orgs" } else { "users" };
        let base = format!("/{kind}/{}/attestations/bulk-list?per_page=100", self.repository.owner());
        let body = json!({"subject_digests": subjects});
        let mut lists: BTreeMap<Sha256, Vec<Listed>> = BTreeMap::new();
        let mut route = base.clone();
        loop {
            let answer = self.send(Call { expect: &[401, 403, 404, 422], ..Call::post(route, body.clone()) }).await?;
            if answer.status >= 300 {
                return Ok(None);
            }
            let page: Bulk = answer.json()?;
            for (digest, listed) in page.attestations_subject_digests {
                let Ok(digest) = digest.parse::<Sha256>() else { bail!("GitHub listed attestations of `{}`", digest.escape_debug()) };
                // The list is of all the owner's repositories.
                let own = listed.unwrap_or_default().into_iter().filter(|one| one.repository_id.is_none_or(|id| id == facts.id));
                lists.entry(digest).or_default().extend(own);
            }
            if !page.page_info.has_next || page.page_info.next.is_empty() {
                break;
            }
            route = format!("{base}&after={}", query(&page.page_info.next));
        }
        let mut found = Vec::new();
        for subject in subjects {
            let listed = lists.remove(subject).unwrap_or_default();
            found.push((*subject, self.bundles(listed).await?));
        }
        Ok(Some(found))
    }

    async fn bundles(&self, listed: Vec<Listed>) -> anyhow::Result<Vec<String>> {
        futures::stream::iter(listed.into_iter().map(|one| self.bundle(one))).buffered(AT_ONCE).try_collect().await
    }
}
