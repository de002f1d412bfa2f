//! References: branches and tags as names of objects.

use super::{
    GitHub,
    call::{Answer, Call, path},
};
use anyhow::bail;
use chartrel_core::name::ObjectId;
use http::Method;
use serde::Deserialize;
use serde_json::json;

/// What became of a reference that was to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    Created,
    /// It was there, with this object; nothing was changed. The object may be the very one that was asked for.
    AlreadyThere(ObjectId),
}

#[derive(Deserialize)]
struct Target {
    sha: ObjectId,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "ref")]
    name: String,
    object: Target,
}

impl GitHub {
    /// The object a reference names (`heads/main`, `tags/nginx-v1.0.0`; for an annotated tag the tag object); `None` when there is none.
    ///
    /// # Errors
    /// When GitHub does not answer.
    pub async fn reference(&self, name: &str) -> anyhow::Result<Option<ObjectId>> {
        let route = self.route(&format!("git/ref/{}", path(name)));
        let answer = self.send(Call { expect: &[404], ..Call::get(route) }).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        Ok(Some(answer.json::<Reference>()?.object.sha))
    }

    /// The references whose names begin with `prefix` (`heads/charts/`), as name without `refs/` and object.
    ///
    /// # Errors
    /// When GitHub does not answer.
    pub async fn matching_references(&self, prefix: &str) -> anyhow::Result<Vec<(String, ObjectId)>> {
        let route = self.route(&format!("git/matching-refs/{}", path(prefix)));
        let found = self.pages(Call::get(route), Answer::json::<Vec<Reference>>).await?;
        let short = |name: String| name.strip_prefix("refs/").map(str::to_owned).unwrap_or(name);
        Ok(found.into_iter().map(|reference| (short(reference.name), reference.object.sha)).collect())
    }

    /// Makes a reference, unless there is one of that name.
    ///
    /// # Errors
    /// When a rule of the repository forbids it, or the object does not exist.
    pub async fn create_reference(&self, name: &str, object: &ObjectId) -> anyhow::Result<Created> {
        let body = json!({"ref": format!("refs/{name}"), "sha": object});
        let answer = self.send(Call { expect: &[422], ..Call::post(self.route("git/refs"), body) }).await?;
        if answer.status != 422 {
            return Ok(Created::Created);
        }
        match self.reference(name).await? {
            Some(found) => Ok(Created::AlreadyThere(found)),
            None => Err(answer.failure()),
        }
    }

    /// Moves a reference; without `force` only forward.
    ///
    /// # Errors
    /// When the reference does not exist, a rule forbids it, or the move is not a fast-forward and `force` is false.
    pub async fn update_reference(&self, name: &str, object: &ObjectId, force: bool) -> anyhow::Result<()> {
        let route = self.route(&format!("git/refs/{}", path(name)));
        let body = json!({"sha": object, "force": force});
        let answer = self.send(Call { expect: &[422], ..Call::send(Method::PATCH, route, body) }).await?;
        if answer.status == 422 {
            bail!("`{name}` could not be moved to `{object}`: {}", answer.complaint());
        }
        Ok(())
    }

    /// Deletes a reference; one that is not there is fine.
    ///
    /// # Errors
    /// When a rule of the repository forbids it.
    pub async fn delete_reference(&self, name: &str) -> anyhow::Result<()> {
        let route = self.route(&format!("git/refs/{}", path(name)));
        let call = Call { method: Method::DELETE, expect: &[404, 422], ..Call::get(route) };
        let answer = self.send(call).await?;
        if answer.status == 422 && self.reference(name).await?.is_some() {
            return Err(answer.failure());
        }
        Ok(())
    }
}
