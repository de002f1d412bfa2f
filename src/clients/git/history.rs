//! History: ancestors, ranges, what changed between two commits, tags.

use super::{Checkout, objects::text};
use anyhow::{Context as _, bail};
use chartrel_core::{Code, Refusal, name::ObjectId};
use chrono::{DateTime, Utc};

/// A commit of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its id.
    pub id: ObjectId,
    /// Its parents, the first first.
    pub parents: Vec<ObjectId>,
    /// Its message, whole; what is not UTF-8 is replaced.
    pub message: String,
    /// When it was written.
    pub author_date: DateTime<Utc>,
}

impl Checkout {
    /// When a commit was committed.
    ///
    /// # Errors
    /// When there is no such commit here.
    pub async fn commit_time(&self, id: &ObjectId) -> anyhow::Result<DateTime<Utc>> {
        let raw = self.raw_commit(id).await?;
        header_time(raw.body(), "committer").with_context(|| format!("commit `{id}` has no time"))
    }

    /// The paths that differ between two commits' trees, renames as both paths, sorted.
    ///
    /// # Errors
    /// `input/invalid` when a path is not UTF-8; else when a commit is not here.
    pub async fn changed_paths(&self, from: &ObjectId, to: &ObjectId) -> anyhow::Result<Vec<String>> {
        let arguments = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-commit-id", from.as_str(), to.as_str(), "--"];
        let listed = self.ask(&arguments, vec![]).await?;
        let paths = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(text).collect::<Result<_, _>>()?)
    }

    /// A commit and its first parents, newest first, at most `limit`.
    ///
    /// # Errors
    /// `git/shallow` when the checkout lacks history; else when the commit is not here.
    pub async fn first_parents(&self, tip: &ObjectId, limit: usize) -> anyhow::Result<Vec<ObjectId>> {
        self.whole().await?;
        self.revisions(&["--first-parent", &format!("--max-count={limit}"), tip.as_str(), "--"]).await
    }

    /// The commits reachable from `to` but not from `from`, newest first, children before parents; with `path` those alone that changed it.
    ///
    /// # Errors
    /// `git/shallow` when the checkout lacks history; else when a commit is not here.
    pub async fn log(&self, from: Option<&ObjectId>, to: &ObjectId, path: Option<&str>) -> anyhow::Result<Vec<LogEntry>> {
        self.whole().await?;
        let without = from.map(|from| format!("^{from}"));
        let mut arguments = vec!["--topo-order", to.as_str()];
        arguments.extend(without.as_deref());
        arguments.push("--");
        arguments.extend(path);
        let ids = self.revisions(&arguments).await?;
        let bodies = self.commits(&ids).await?;
        if bodies.len() != ids.len() {
            bail!("git gave {} commits for {} ids", bodies.len(), ids.len());
        }
        ids.into_iter().zip(&bodies).map(|(id, body)| log_entry(id, body)).collect()
    }

    /// Whether `old` is `new` or one of its ancestors.
    ///
    /// # Errors
    /// `git/shallow` when the checkout lacks history; else when a commit is not here.
    pub async fn is_ancestor(&self, old: &ObjectId, new: &ObjectId) -> anyhow::Result<bool> {
        self.whole().await?;
        let ran = self.run(&["merge-base", "--is-ancestor", old.as_str(), new.as_str()], vec![]).await?;
        match ran.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => bail!("git could not relate `{old}` to `{new}`: {}", ran.reason()),
        }
    }

    /// The best common ancestor of two commits.
    ///
    /// # Errors
    /// `git/shallow` when the checkout lacks history; else when a commit is not here, or they have no common ancestor.
    pub async fn merge_base(&self, one: &ObjectId, other: &ObjectId) -> anyhow::Result<ObjectId> {
        self.whole().await?;
        let found = self.ask(&["merge-base", one.as_str(), other.as_str()], vec![]).await?;
        Ok(String::from_utf8_lossy(&found).trim().parse()?)
    }

    /// The tags whose names match a pattern (`nginx-v*`; git-for-each-ref(1)), as name and the object the reference names.
    ///
    /// # Errors
    /// When git fails.
    pub async fn tags(&self, pattern: &str) -> anyhow::Result<Vec<(String, ObjectId)>> {
        let pattern = format!("refs/tags/{pattern}");
        let listed = self.ask(&["for-each-ref", "--format=%(objectname) %(refname:strip=2)", "--", &pattern], vec![]).await?;
        let mut tags = Vec::new();
        for line in String::from_utf8_lossy(&listed).lines() {
            let (id, name) = line.split_once(' ').context("git's list of tags has a line without a name")?;
            tags.push((name.to_owned(), id.parse()?));
        }
        Ok(tags)
    }

    async fn revisions(&self, arguments: &[&str]) -> anyhow::Result<Vec<ObjectId>> {
        let listed = self.ask(&[&["rev-list"], arguments].concat(), vec![]).await?;
        String::from_utf8_lossy(&listed).lines().map(|line| Ok(line.parse()?)).collect()
    }

    /// Refuses a checkout whose history was cut: what it says of ancestors is wrong.
    async fn whole(&self) -> anyhow::Result<()> {
        let answer = self.ask(&["rev-parse", "--is-shallow-repository"], vec![]).await?;
        if answer.trim_ascii() == b"true" {
            let what = "the checkout is shallow, so its history cannot be read";
            return Err(Refusal::new(Code::GitShallow, what, "set `fetch-depth: 0` on the step with actions/checkout").into());
        }
        Ok(())
    }
}

fn log_entry(id: ObjectId, body: &[u8]) -> anyhow::Result<LogEntry> {
    let text = String::from_utf8_lossy(body);
    let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
    let parents = head.lines().filter_map(|line| line.strip_prefix("parent ")).map(str::parse).collect::<Result<_, _>>()?;
    let author_date = header_time(body, "author").with_context(|| format!("commit `{id}` has no time"))?;
    Ok(LogEntry { id, parents, message: message.to_owned(), author_date })
}

/// The time in `author A <a@b> 1700000000 +0200`.
fn header_time(body: &[u8], header: &str) -> Option<DateTime<Utc>> {
    let text = String::from_utf8_lossy(body);
    let head = text.split("\n\n").next()?;
    let line = head.lines().find_map(|line| line.strip_prefix(header)?.strip_prefix(' '))?;
    let seconds = line.rsplit(' ').nth(1)?.parse().ok()?;
    DateTime::from_timestamp(seconds, 0)
}
