//! The files of a chart at a commit: from the job's checkout where it has the commit, else one shallow fetch.

use crate::session::Session;
use chartrel_clients::git::{self, Checkout};
use chartrel_core::{
    Sha256,
    chart::{self, FileMode, SourceFile},
    name::{ChartFolder, ObjectId},
};

/// A chart as a commit holds it, with the digest recomputed from its blobs.
pub(crate) struct Content {
    /// The files below the chart's folder.
    pub(crate) files: Vec<SourceFile>,
    /// The chart digest.
    pub(crate) digest: Sha256,
}

/// Reads a chart at a commit and computes its digest.
pub(crate) async fn at(session: &Session, commit: &ObjectId, folder: &ChartFolder) -> anyhow::Result<Content> {
    let checkout = repository(session, commit).await?;
    read(&checkout, commit, folder).await
}

/// Reads a chart from a checkout that has the commit.
pub(crate) async fn read(checkout: &Checkout, commit: &ObjectId, folder: &ChartFolder) -> anyhow::Result<Content> {
    let files = source_files(checkout, commit, folder).await?;
    let digest = chart::digest(folder, &files)?;
    Ok(Content { files, digest })
}

/// The job's checkout if it holds the commit, else a fresh repository into which that commit alone was fetched.
pub(crate) async fn repository(session: &Session, commit: &ObjectId) -> anyhow::Result<Checkout> {
    let v = &session.runner.variables;
    if let Ok(checkout) = Checkout::open(&v.workspace).await
        && checkout.has(commit).await?
    {
        return Ok(checkout);
    }
    git::fetch(&session.clone_url, &session.token, commit).await
}

/// The files below a chart's folder, with paths relative to it.
pub(crate) async fn source_files(checkout: &Checkout, commit: &ObjectId, folder: &ChartFolder) -> anyhow::Result<Vec<SourceFile>> {
    let inside = format!("{}/", folder.path());
    let files = checkout.files(commit, &folder.path()).await?.into_iter();
    Ok(files
        .filter_map(|file| Some(SourceFile { path: file.path.strip_prefix(&inside)?.to_owned(), mode: mode(file.mode), bytes: file.bytes }))
        .collect())
}

/// Git's mode of an entry.
const fn mode(mode: u32) -> FileMode {
    match mode {
        0o100_755 => FileMode::Executable,
        0o120_000 => FileMode::Symlink,
        0o160_000 => FileMode::Submodule,
        _ => FileMode::Regular,
    }
}

/// The sha256 of the raw commit object: the subject `commit` (C-9).
pub(crate) async fn commit_digest(session: &Session, id: &ObjectId) -> anyhow::Result<Sha256> {
    if let Some(raw) = session.github.commit(id).await?.raw {
        return Ok(raw.digest_as(id)?);
    }
    let raw = match Checkout::open(&session.runner.variables.workspace).await {
        Ok(checkout) if checkout.has(id).await? => checkout.raw_commit(id).await?,
        _ => git::fetch_commit(&session.clone_url, &session.token, id).await?,
    };
    Ok(raw.digest_as(id)?)
}
