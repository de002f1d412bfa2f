//! Objects: raw commits, trees, and the files of a folder with their bytes.

use super::Checkout;
use anyhow::{Context as _, anyhow, bail};
use chartrel_core::{
    Code, Refusal,
    name::ObjectId,
    object::{Kind, RawObject},
};

/// The most bytes that the files of one folder may have: ten times what Helm can load.
const FOLDER_LIMIT: u64 = 1024 * 1024 * 1024;

/// A file as git tracks it, whatever a work tree makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitFile {
    /// Path from the repository's root.
    pub path: String,
    /// Git's mode: `0o100644`, `0o100755`, `0o120000` (symlink), `0o160000` (submodule).
    pub mode: u32,
    /// Its bytes; a symlink's target; empty for a submodule.
    pub bytes: Vec<u8>,
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path from the repository's root.
    pub path: String,
    /// Git's mode; `0o040000` is a folder.
    pub mode: u32,
    /// The object.
    pub id: ObjectId,
    /// Bytes; 0 for what is no blob.
    pub size: u64,
}

impl Checkout {
    /// The bytes of a commit.
    ///
    /// # Errors
    /// When there is no such commit here.
    pub async fn raw_commit(&self, id: &ObjectId) -> anyhow::Result<RawObject> {
        let body = self.ask(&["cat-file", "commit", id.as_str()], vec![]).await?;
        let raw = RawObject::new(Kind::Commit, body);
        raw.digest_as(id)?;
        Ok(raw)
    }

    /// Whether a commit is here, with all that a shallow checkout has of it.
    ///
    /// # Errors
    /// When git does not run.
    pub async fn has(&self, id: &ObjectId) -> anyhow::Result<bool> {
        Ok(self.run(&["cat-file", "-e", &format!("{id}^{{commit}}")], vec![]).await?.is_ok())
    }

    /// The id of a folder's tree at a commit; `None` when there is no such folder.
    ///
    /// # Errors
    /// When git fails otherwise.
    pub async fn tree(&self, commit: &ObjectId, path: &str) -> anyhow::Result<Option<ObjectId>> {
        let found = self.list(commit, path, &["-d"]).await?;
        Ok(found.into_iter().find(|entry| entry.path == path && entry.mode == 0o040_000).map(|entry| entry.id))
    }

    /// What a folder holds at a commit, one level deep, sorted by path bytes; empty when there is no such folder. `""` is the root.
    ///
    /// # Errors
    /// `input/invalid` when a path is not UTF-8; else when git fails.
    pub async fn entries(&self, commit: &ObjectId, folder: &str) -> anyhow::Result<Vec<Entry>> {
        let inside = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut entries = self.list(commit, &inside, &[]).await?;
        entries.sort_unstable_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        Ok(entries)
    }

    /// The files below a path at a commit, with their bytes, sorted by path bytes; a path that is a file is that file.
    ///
    /// # Errors
    /// `input/invalid` when a path is not UTF-8; when the files have more than a GiB; when git fails.
    pub async fn files(&self, commit: &ObjectId, path: &str) -> anyhow::Result<Vec<GitFile>> {
        let entries = self.list(commit, path, &["-r"]).await?;
        let total: u64 = entries.iter().map(|entry| entry.size).sum();
        if total > FOLDER_LIMIT {
            bail!("`{path}` has {total} bytes, more than {FOLDER_LIMIT}");
        }
        let wanted = entries.iter().filter(|entry| entry.mode != 0o160_000).map(|entry| &entry.id);
        let mut blobs = self.blobs(wanted).await?.into_iter();
        let mut files = Vec::with_capacity(entries.len());
        for entry in &entries {
            let bytes = if entry.mode == 0o160_000 { vec![] } else { blobs.next().context("git left out a blob")? };
            files.push(GitFile { path: entry.path.clone(), mode: entry.mode, bytes });
        }
        files.sort_unstable_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        Ok(files)
    }

    async fn list(&self, commit: &ObjectId, path: &str, options: &[&str]) -> anyhow::Result<Vec<Entry>> {
        let mut arguments = vec!["ls-tree", "-z", "-l", "--full-tree"];
        arguments.extend(options);
        arguments.extend([commit.as_str(), "--"]);
        if !path.is_empty() {
            arguments.push(path);
        }
        let listed = self.ask(&arguments, vec![]).await?;
        listed.split(|byte| *byte == 0).filter(|line| !line.is_empty()).map(entry).collect()
    }

    /// Blobs by id, in the order asked, in one `cat-file --batch`.
    async fn blobs(&self, ids: impl Iterator<Item = &ObjectId>) -> anyhow::Result<Vec<Vec<u8>>> {
        let asked: String = ids.flat_map(|id| [id.as_str(), "\n"]).collect();
        if asked.is_empty() {
            return Ok(vec![]);
        }
        let answer = self.ask(&["cat-file", "--batch"], asked.into_bytes()).await?;
        batch(&answer)
    }

    /// Raw commits by id, in the order asked.
    pub(super) async fn commits(&self, ids: &[ObjectId]) -> anyhow::Result<Vec<Vec<u8>>> {
        self.blobs(ids.iter()).await
    }
}

/// `<mode> <type> <id> <size>\t<path>` (git-ls-tree(1), `-l`); the size is right-aligned, `-` for what is no blob.
fn entry(line: &[u8]) -> anyhow::Result<Entry> {
    let tab = line.iter().position(|byte| *byte == b'\t').context("git's list of a tree has a line without a path")?;
    let (head, path) = (&line[..tab], &line[tab + 1..]);
    let path = text(path)?;
    let head = String::from_utf8_lossy(head);
    let mut words = head.split_ascii_whitespace();
    let (Some(mode), Some(_), Some(id), Some(size)) = (words.next(), words.next(), words.next(), words.next()) else {
        bail!("git's list of a tree has the line `{}`", head.escape_debug());
    };
    let mode = u32::from_str_radix(mode, 8).context("git listed a mode that is no octal number")?;
    Ok(Entry { path, mode, id: id.parse()?, size: size.parse().unwrap_or(0) })
}

/// A path as text.
pub(super) fn text(path: &[u8]) -> Result<String, Refusal> {
    String::from_utf8(path.to_vec()).map_err(|_| {
        let what = format!("the path `{}` is not UTF-8", String::from_utf8_lossy(path).escape_debug());
        Refusal::new(Code::InputInvalid, what, "rename the file: paths of a chart repository are UTF-8")
    })
}

/// Takes apart `<id> <type> <size>\n<bytes>\n`… (git-cat-file(1), "BATCH OUTPUT").
fn batch(mut rest: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut objects = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').context("git's batch of objects breaks off")?;
        let head = String::from_utf8_lossy(&rest[..end]);
        let size: usize =
            head.rsplit(' ').next().and_then(|size| size.parse().ok()).ok_or_else(|| anyhow!("git has no object `{head}` here"))?;
        let body = rest.get(end + 1..end + 1 + size).context("git's batch of objects breaks off")?;
        objects.push(body.to_vec());
        rest = rest.get(end + size + 2..).unwrap_or_default();
    }
    Ok(objects)
}
