//! Git objects: commits, trees, blobs, tag objects. An object has its id before any reference shows it.

use super::{
    GitHub,
    call::{Call, path},
    contents::decode,
    raw::{self, CommitParts, Person, Signed, TagParts},
};
use anyhow::bail;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use chartrel_core::{Code, Refusal, name::ObjectId, object::RawObject};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A commit.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Its id.
    pub sha: ObjectId,
    /// Its tree.
    pub tree: ObjectId,
    /// Its parents, the first first.
    pub parents: Vec<ObjectId>,
    /// Its message, as the API has it (without the last line end).
    pub message: String,
    /// When it was committed.
    pub committer_date: DateTime<Utc>,
    /// The bytes git stores, where they could be rebuilt so that the SHA-1 comes out right; else git itself must be asked.
    pub raw: Option<RawObject>,
}

/// An entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TreeEntry {
    /// Path, from the tree that was asked for.
    pub path: String,
    /// Git's mode in octal: `100644`, `100755`, `120000`, `040000`, `160000`.
    pub mode: String,
    /// `blob`, `tree` or `commit`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The object.
    pub sha: ObjectId,
    /// Bytes; blobs alone have it.
    pub size: Option<u64>,
}

/// An entry of a tree to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewEntry {
    /// Path from the root; what stands there in the base is replaced whole.
    pub path: String,
    /// Git's mode in octal.
    pub mode: String,
    /// `blob`, `tree` or `commit`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The object; `None` deletes the path.
    pub sha: Option<ObjectId>,
}

/// A tag object to be made, of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTag {
    /// The tag's name.
    pub tag: String,
    /// The annotation.
    pub message: String,
    /// The commit.
    pub object: ObjectId,
    /// Who tags.
    pub tagger_name: String,
    /// Their address.
    pub tagger_email: String,
    /// When: the commit's time, so that the object is the same whenever it is made.
    pub date: DateTime<Utc>,
}

/// A tag object.
#[derive(Debug, Clone)]
pub struct TagObject {
    /// Its id.
    pub sha: ObjectId,
    /// The tag's name, as signed in the object.
    pub tag: String,
    /// The annotation, as the API has it.
    pub message: String,
    /// What it tags.
    pub object: ObjectId,
    /// The bytes git stores; their SHA-1 is `sha`.
    pub raw: RawObject,
}

#[derive(Deserialize)]
struct Named {
    sha: ObjectId,
}

#[derive(Deserialize)]
struct CommitAnswer {
    sha: ObjectId,
    tree: Named,
    parents: Vec<Named>,
    author: Person,
    committer: Person,
    message: String,
    #[serde(default)]
    verification: Signed,
}

impl From<CommitAnswer> for Commit {
    fn from(answer: CommitAnswer) -> Self {
        let parents: Vec<ObjectId> = answer.parents.into_iter().map(|parent| parent.sha).collect();
        let parts = CommitParts {
            tree: &answer.tree.sha,
            parents: &parents,
            author: &answer.author,
            committer: &answer.committer,
            message: &answer.message,
            signed: &answer.verification,
        };
        let raw = raw::commit(&answer.sha, &parts);
        Self { raw, sha: answer.sha, tree: answer.tree.sha, parents, message: answer.message, committer_date: answer.committer.date }
    }
}

#[derive(Deserialize)]
struct Tagged {
    sha: ObjectId,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct TagAnswer {
    sha: ObjectId,
    tag: String,
    message: String,
    tagger: Person,
    object: Tagged,
    #[serde(default)]
    verification: Signed,
}

impl TagAnswer {
    fn into_object(self) -> Result<TagObject, Refusal> {
        let parts = TagParts {
            object: &self.object.sha,
            kind: &self.object.kind,
            tag: &self.tag,
            tagger: &self.tagger,
            message: &self.message,
            signed: &self.verification,
        };
        let Some(raw) = raw::tag(&self.sha, &parts) else {
            let what = format!("the tag object `{}` cannot be rebuilt from what GitHub says of it", self.sha);
            let help = "chartrel reads tags that it made itself; make the release's tag with the tag stage";
            return Err(Refusal::new(Code::LineageObjectMismatch, what, help));
        };
        Ok(TagObject { raw, sha: self.sha, tag: self.tag, message: self.message, object: self.object.sha })
    }
}

impl GitHub {
    /// A commit by its id.
    ///
    /// # Errors
    /// When there is no such commit.
    pub async fn commit(&self, id: &ObjectId) -> anyhow::Result<Commit> {
        let answer = self.send(Call::get(self.route(&format!("git/commits/{id}")))).await?;
        Ok(answer.json::<CommitAnswer>()?.into())
    }

    /// A tree's entries; `recursive` goes down to the blobs.
    ///
    /// # Errors
    /// When there is no such tree, or it is so large that GitHub cuts the list.
    pub async fn tree(&self, id: &ObjectId, recursive: bool) -> anyhow::Result<Vec<TreeEntry>> {
        #[derive(Deserialize)]
        struct Tree {
            tree: Vec<TreeEntry>,
            #[serde(default)]
            truncated: bool,
        }
        let depth = if recursive { "?recursive=1" } else { "" };
        let found: Tree = self.send(Call::get(self.route(&format!("git/trees/{id}{depth}")))).await?.json()?;
        if found.truncated {
            bail!("GitHub cut the list of tree `{id}`: it has too many entries");
        }
        Ok(found.tree)
    }

    /// A blob's bytes, at most `limit_bytes`.
    ///
    /// # Errors
    /// When there is no such blob, or it is larger.
    pub async fn blob(&self, id: &ObjectId, limit_bytes: u64) -> anyhow::Result<Vec<u8>> {
        #[derive(Deserialize)]
        struct Blob {
            content: String,
            encoding: String,
        }
        let found: Blob = self.send(Call::get(self.route(&format!("git/blobs/{id}")))).await?.json()?;
        let bytes = if found.encoding == "utf-8" { found.content.into_bytes() } else { decode(&found.content)? };
        if bytes.len() as u64 > limit_bytes {
            bail!("blob `{id}` has {} bytes, more than {limit_bytes}", bytes.len());
        }
        Ok(bytes)
    }

    /// Stores a blob.
    ///
    /// # Errors
    /// When GitHub does not take it (its limit is 40 MiB).
    pub async fn create_blob(&self, bytes: &[u8]) -> anyhow::Result<ObjectId> {
        let body = json!({"content": BASE64_STANDARD.encode(bytes), "encoding": "base64"});
        let made: Named = self.send(Call::post(self.route("git/blobs"), body)).await?.json()?;
        Ok(made.sha)
    }

    /// Makes a tree: `base` with `entries` put over it. An entry of type `tree` grafts a whole folder without reading it.
    ///
    /// # Errors
    /// When an object does not exist, or the tree cannot be made of these entries.
    pub async fn create_tree(&self, base: Option<&ObjectId>, entries: &[NewEntry]) -> anyhow::Result<ObjectId> {
        let mut body = json!({"tree": entries});
        if let (Some(base), Some(fields)) = (base, body.as_object_mut()) {
            fields.insert("base_tree".to_owned(), json!(base));
        }
        let made: Named = self.send(Call::post(self.route("git/trees"), body)).await?.json()?;
        Ok(made.sha)
    }

    /// Makes a commit. Author and committer are the token's own, so that GitHub signs it for a bot.
    ///
    /// # Errors
    /// When the tree or a parent does not exist.
    pub async fn create_commit(&self, message: &str, tree: &ObjectId, parents: &[ObjectId]) -> anyhow::Result<Commit> {
        let body = json!({"message": message, "tree": tree, "parents": parents});
        let made: CommitAnswer = self.send(Call::post(self.route("git/commits"), body)).await?.json()?;
        Ok(made.into())
    }

    /// Makes a tag object; no reference shows it yet. The same `tag` gives the same object.
    ///
    /// # Errors
    /// When the commit does not exist; `lineage/object-mismatch` when the object is not the one that was asked for.
    pub async fn create_tag_object(&self, tag: &NewTag) -> anyhow::Result<TagObject> {
        let date = tag.date.to_rfc3339_opts(SecondsFormat::Secs, true);
        let body = json!({
            "tag": tag.tag, "message": tag.message, "object": tag.object, "type": "commit",
            "tagger": {"name": tag.tagger_name, "email": tag.tagger_email, "date": date},
        });
        let made: TagAnswer = self.send(Call::post(self.route("git/tags"), body)).await?.json()?;
        Ok(made.into_object()?)
    }

    /// A tag object by its id, which is what the reference `tags/<tag>` of an annotated tag names.
    ///
    /// # Errors
    /// When there is none (a lightweight tag names the commit itself); `lineage/object-mismatch` when it cannot be rebuilt.
    pub async fn tag_object(&self, id: &ObjectId) -> anyhow::Result<TagObject> {
        let answer = self.send(Call { expect: &[404], ..Call::get(self.route(&format!("git/tags/{}", path(id.as_str())))) }).await?;
        if answer.status == 404 {
            let what = format!("`{id}` is not an annotated tag");
            return Err(Refusal::new(Code::LineageObjectMismatch, what, "make the release's tag with the tag stage").into());
        }
        Ok(answer.json::<TagAnswer>()?.into_object()?)
    }
}
