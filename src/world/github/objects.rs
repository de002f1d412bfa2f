//! Git's own object formats: commits, trees and tags, read and written.

use super::git::Git;
use anyhow::Context as _;
use chrono::{DateTime, FixedOffset, Utc};
use std::collections::BTreeMap;

/// Who made a commit or tag, and when, as a git object says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    /// The person's name.
    pub(super) name: String,
    /// The person's mail address.
    pub(super) email: String,
    /// Seconds precision, with the zone that is written into the object.
    pub(super) date: DateTime<FixedOffset>,
}

/// A commit's fields.
#[derive(Debug, Clone)]
pub(super) struct Commit {
    /// Git's id.
    pub(super) id: String,
    /// Id of its tree.
    pub(super) tree: String,
    /// Ids of its parents, in order.
    pub(super) parents: Vec<String>,
    /// Who wrote the change.
    pub(super) author: Signature,
    /// Who made the commit.
    pub(super) committer: Signature,
    /// The message as stored.
    pub(super) message: String,
}

/// An annotated tag's fields.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    /// Git's id.
    pub(super) id: String,
    /// Id of what it points at.
    pub(super) object: String,
    /// Kind of what it points at.
    pub(super) kind: String,
    /// The tag's name.
    pub(super) name: String,
    /// Who made it.
    pub(super) tagger: Signature,
    /// The message as stored.
    pub(super) message: String,
}

/// One line of a tree: mode as git writes it (`100644`, `40000`), and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Mode without leading zero.
    pub(super) mode: String,
    /// Id of the blob, tree or commit.
    pub(super) id: String,
}

impl Entry {
    /// Whether the entry is a folder.
    pub(super) fn is_tree(&self) -> bool {
        self.mode == "40000"
    }

    /// `blob`, `tree` or `commit` (a submodule).
    pub(super) fn kind(&self) -> &'static str {
        match self.mode.as_str() {
            "40000" => "tree",
            "160000" => "commit",
            _ => "blob",
        }
    }
}

impl Signature {
    /// The line of a git object: `name <email> seconds zone`.
    fn line(&self) -> String {
        format!("{} <{}> {} {}", self.name, self.email, self.date.timestamp(), self.date.format("%z"))
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, rest) = line.split_once(" <")?;
        let (email, time) = rest.split_once("> ")?;
        let (seconds, zone) = time.split_once(' ')?;
        let zone: FixedOffset = zone.parse().ok()?;
        let date = DateTime::from_timestamp(seconds.parse().ok()?, 0)?.with_timezone(&zone);
        Some(Self { name: name.to_owned(), email: email.to_owned(), date })
    }
}

/// A time as the API writes it: RFC 3339 in UTC, seconds, `Z`.
pub(super) fn timestamp(date: &DateTime<impl chrono::TimeZone>) -> String {
    date.with_timezone(&Utc).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

impl Git {
    /// Reads a commit by id or expression.
    ///
    /// # Errors
    /// When the object is damaged or git fails.
    pub(super) fn commit(&self, name: &str) -> anyhow::Result<Option<Commit>> {
        let Some(object) = self.read(name)?.filter(|object| object.kind == "commit") else { return Ok(None) };
        let text = String::from_utf8_lossy(&object.body);
        let (headers, message) = text.split_once("\n\n").unwrap_or((&text, ""));
        let find = |key: &str| headers.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        let signature = |key: &str| Signature::parse(find(key)).with_context(|| format!("commit {name} has no {key}"));
        Ok(Some(Commit {
            tree: find("tree ").to_owned(),
            parents: headers.lines().filter_map(|line| line.strip_prefix("parent ")).map(str::to_owned).collect(),
            author: signature("author ")?,
            committer: signature("committer ")?,
            message: message.to_owned(),
            id: object.id,
        }))
    }

    /// Stores a commit and gives its id; the `id` of the argument is not looked at.
    ///
    /// # Errors
    /// When the object cannot be stored.
    pub(super) fn write_commit(&self, commit: &Commit) -> anyhow::Result<String> {
        let parents: Vec<String> = commit.parents.iter().map(|id| format!("parent {id}\n")).collect();
        let parents = parents.concat();
        let (author, committer) = (commit.author.line(), commit.committer.line());
        let text = format!("tree {}\n{parents}author {author}\ncommitter {committer}\n\n{}", commit.tree, commit.message);
        self.write("commit", text.as_bytes())
    }

    /// Reads an annotated tag by id.
    ///
    /// # Errors
    /// When the object is damaged or git fails.
    pub(super) fn tag(&self, name: &str) -> anyhow::Result<Option<Tag>> {
        let Some(object) = self.read(name)?.filter(|object| object.kind == "tag") else { return Ok(None) };
        let text = String::from_utf8_lossy(&object.body);
        let (headers, message) = text.split_once("\n\n").unwrap_or((&text, ""));
        let find = |key: &str| headers.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().to_owned();
        Ok(Some(Tag {
            object: find("object "),
            kind: find("type "),
            name: find("tag "),
            tagger: Signature::parse(&find("tagger ")).with_context(|| format!("tag {name} has no tagger"))?,
            message: message.to_owned(),
            id: object.id,
        }))
    }

    /// Stores a tag object and gives its id; the `id` of the argument is not looked at.
    ///
    /// # Errors
    /// When the object cannot be stored.
    pub(super) fn write_tag(&self, tag: &Tag) -> anyhow::Result<String> {
        let (object, kind, name, tagger) = (&tag.object, &tag.kind, &tag.name, tag.tagger.line());
        let text = format!("object {object}\ntype {kind}\ntag {name}\ntagger {tagger}\n\n{}", tag.message);
        self.write("tag", text.as_bytes())
    }

    /// The entries of a tree (or of a commit's tree), by name; `None` when there is no such tree.
    ///
    /// # Errors
    /// When git fails or the tree is damaged.
    pub(super) fn tree(&self, name: &str) -> anyhow::Result<Option<BTreeMap<String, Entry>>> {
        let Some(object) = self.read(&format!("{name}^{{tree}}"))? else { return Ok(None) };
        let mut entries = BTreeMap::new();
        let mut rest = object.body.as_slice();
        while !rest.is_empty() {
            let zero = rest.iter().position(|byte| *byte == 0).context("a tree without end of name")?;
            let (head, tail) = rest.split_at(zero);
            let head = String::from_utf8_lossy(head);
            let (mode, name) = head.split_once(' ').context("a tree entry without mode")?;
            let id = tail.get(1..21).context("a tree entry without id")?;
            entries.insert(name.to_owned(), Entry { mode: mode.to_owned(), id: hex::encode(id) });
            rest = tail.get(21..).unwrap_or_default();
        }
        Ok(Some(entries))
    }

    /// Stores a tree and gives its id.
    ///
    /// # Errors
    /// When the object cannot be stored.
    pub(super) fn write_tree(&self, entries: &BTreeMap<String, Entry>) -> anyhow::Result<String> {
        // Git sorts a folder as if its name ended in a slash.
        let mut sorted: Vec<(&String, &Entry)> = entries.iter().collect();
        sorted.sort_by_key(|(name, entry)| if entry.is_tree() { format!("{name}/") } else { (*name).clone() });
        let mut body = Vec::new();
        for (name, entry) in sorted {
            body.extend(format!("{} {name}\0", entry.mode).bytes());
            body.extend(hex::decode(&entry.id).with_context(|| format!("`{}` is no object id", entry.id))?);
        }
        self.write("tree", &body)
    }
}
