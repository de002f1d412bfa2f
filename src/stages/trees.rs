//! Charts as git trees, read and grafted by API: no clone, and no file outside a chart is ever touched.

use crate::session::Session;
use chartrel_clients::github::{NewEntry, TreeEntry};
use chartrel_core::{
    name::{ChartFolder, ObjectId},
    validate::Trees,
};
use std::collections::BTreeSet;

/// The folder all charts lie in.
pub(crate) const CHARTS: &str = "charts";

/// The trees of the chart folders at a commit; names that are no chart folder are passed over.
pub(crate) async fn charts(session: &Session, commit: &ObjectId) -> anyhow::Result<Trees> {
    let root = session.github.commit(commit).await?.tree;
    let entries = children(session, &root, CHARTS).await?;
    Ok(entries.into_iter().filter(|entry| entry.kind == "tree").filter_map(|entry| Some((entry.path.parse().ok()?, entry.sha))).collect())
}

/// The tree of one chart at a commit.
pub(crate) async fn chart(session: &Session, commit: &ObjectId, folder: &ChartFolder) -> anyhow::Result<Option<ObjectId>> {
    Ok(charts(session, commit).await?.remove(folder))
}

async fn children(session: &Session, root: &ObjectId, name: &str) -> anyhow::Result<Vec<TreeEntry>> {
    let entries = session.github.tree(root, false).await?;
    match entries.into_iter().find(|entry| entry.path == name && entry.kind == "tree") {
        Some(entry) => session.github.tree(&entry.sha, false).await,
        None => Ok(Vec::new()),
    }
}

/// Paths that differ between two commits outside one chart, to the depth of a chart's folder.
pub(crate) async fn outside(session: &Session, base: &ObjectId, head: &ObjectId, folder: &ChartFolder) -> anyhow::Result<Vec<String>> {
    let (base, head) = (session.github.commit(base).await?.tree, session.github.commit(head).await?.tree);
    let mut paths = differing(&session.github.tree(&base, false).await?, &session.github.tree(&head, false).await?);
    if paths.remove(CHARTS) {
        let inner = differing(&children(session, &base, CHARTS).await?, &children(session, &head, CHARTS).await?);
        paths.extend(inner.into_iter().filter(|name| name != folder.as_str()).map(|name| format!("{CHARTS}/{name}")));
    }
    Ok(paths.into_iter().collect())
}

fn differing(a: &[TreeEntry], b: &[TreeEntry]) -> BTreeSet<String> {
    let key = |entry: &TreeEntry| (entry.path.clone(), entry.mode.clone(), entry.sha.clone());
    let (a, b): (BTreeSet<_>, BTreeSet<_>) = (a.iter().map(key).collect(), b.iter().map(key).collect());
    a.symmetric_difference(&b).map(|(path, ..)| path.clone()).collect()
}

/// A root tree like `base` with the chart's folder replaced whole, deletions too.
pub(crate) async fn graft(session: &Session, base: &ObjectId, folder: &ChartFolder, chart: &ObjectId) -> anyhow::Result<ObjectId> {
    session.github.create_tree(Some(base), &[folder_entry(folder, chart)]).await
}

/// The entry that puts a chart's tree in its place.
pub(crate) fn folder_entry(folder: &ChartFolder, chart: &ObjectId) -> NewEntry {
    NewEntry { path: folder.path(), mode: "040000".into(), kind: "tree".into(), sha: Some(chart.clone()) }
}
