//! Raw git objects, rebuilt from what an API says of them and held against their SHA-1.

use crate::{
    digest::Sha256,
    name::ObjectId,
    refusal::{Code, Refusal},
};
use sha1::{Digest as _, Sha1};

/// A git object as git stores it, without the `<type> <size>\0` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawObject {
    kind: Kind,
    body: Vec<u8>,
}

/// The kinds of objects that chartrel makes subjects of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
}

impl RawObject {
    /// An object of that kind with that body.
    pub const fn new(kind: Kind, body: Vec<u8>) -> Self {
        Self { kind, body }
    }

    /// The bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Git's id of the object: SHA-1 over header and body.
    ///
    /// # Errors
    /// Never in practice: a SHA-1 is always 40 hex digits.
    pub fn id(&self) -> Result<ObjectId, Refusal> {
        let kind = match self.kind {
            Kind::Commit => "commit",
            Kind::Tag => "tag",
        };
        let mut sha = Sha1::new();
        sha.update(format!("{kind} {}\0", self.body.len()));
        sha.update(&self.body);
        hex::encode(sha.finalize()).parse()
    }

    /// The sha256 of the body: the subject `commit` or tag (C-9). Refused unless the body's SHA-1 is `id`.
    ///
    /// # Errors
    /// `lineage/object-mismatch` when the bytes are not the object of that id.
    pub fn digest_as(&self, id: &ObjectId) -> Result<Sha256, Refusal> {
        let actual = self.id()?;
        if actual == *id {
            return Ok(Sha256::of(&self.body));
        }
        let what = format!("the object that was read for `{id}` has the id `{actual}`");
        Err(Refusal::new(Code::LineageObjectMismatch, what, "run again; if it stays, the answer of the API was altered on its way"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_has_gits_own_id() {
        // git commit-tree of the empty tree by A <a@b> at 0 +0000 with message "m\n"
        let body = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@b> 0 +0000\ncommitter A <a@b> 0 +0000\n\nm\n";
        let commit = RawObject::new(Kind::Commit, body.into());
        let id = commit.id().unwrap();
        assert_eq!(id.as_str().len(), 40);
        assert_eq!(commit.digest_as(&id).unwrap(), Sha256::of(body));
        let other: ObjectId = "0".repeat(40).parse().unwrap();
        assert_eq!(commit.digest_as(&other).unwrap_err().code, Code::LineageObjectMismatch);
    }
}
