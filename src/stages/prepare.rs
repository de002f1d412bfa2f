//! A chart laid out for Helm: its files from a commit's blobs, its dependencies resolved and their digests noted.

use crate::content::Content;
use anyhow::Context as _;
use chartrel_clients::helm::Helm;
use chartrel_core::{
    Code, Refusal, Sha256,
    chart::{Chart, FileMode, SourceFile},
    check::Dependency,
    name::ChartFolder,
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A chart that checks can run on and that can be packaged.
pub(crate) struct Prepared {
    /// The chart's folder.
    pub(crate) folder: ChartFolder,
    /// The chart digest, of the committed files alone.
    pub(crate) digest: Sha256,
    /// The chart, resolved dependencies included.
    pub(crate) chart: Chart,
    /// The committed files.
    pub(crate) files: Vec<SourceFile>,
    /// Dependencies that were fetched, with their digests.
    pub(crate) dependencies: Vec<Dependency>,
    /// Where it lies; removed with this value.
    dir: TempDir,
}

impl Prepared {
    /// The folder that Helm reads.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join(self.folder.as_str())
    }

    /// The values files to check with, `ci/*-values.yaml`, sorted.
    pub(crate) fn values(&self) -> Vec<PathBuf> {
        let is_values = |path: &&str| path.starts_with("ci/") && path.ends_with("-values.yaml") && path.matches('/').count() == 1;
        let mut values: Vec<_> = self.files.iter().map(|file| file.path.as_str()).filter(is_values).collect();
        values.sort_unstable();
        values.into_iter().map(|path| self.path().join(path)).collect()
    }
}

/// Lays out a chart and resolves its dependencies.
///
/// # Errors
/// `chart/…` for a chart that can't be packaged; `chart/unreachable-dependency` naming what can't be had.
pub(crate) async fn prepare(folder: &ChartFolder, content: Content, helm: &Helm) -> anyhow::Result<Prepared> {
    let Content { files, digest } = content;
    let mut chart = Chart::load(files.clone())?;
    let dir = TempDir::new().context("no temporary folder for a chart")?;
    let root = dir.path().join(folder.as_str());
    for file in &files {
        write(&root, file).await?;
    }
    let missing: Vec<String> = chart.missing_dependencies().iter().map(ToString::to_string).collect();
    let mut dependencies = Vec::new();
    if !missing.is_empty() {
        let fetched = resolve(&root, helm, folder, &missing).await?;
        dependencies = noted(&fetched)?;
        let all = files.iter().cloned().chain(fetched).collect();
        chart = Chart::load(all)?;
    }
    Ok(Prepared { folder: folder.clone(), digest, chart, files, dependencies, dir })
}

async fn write(root: &Path, file: &SourceFile) -> anyhow::Result<()> {
    let path = root.join(&file.path);
    if let Some(parent) = path.parent() {
        tokio::fs::create_dir_all(parent).await?;
    }
    tokio::fs::write(&path, &file.bytes).await.with_context(|| format!("`{}` could not be laid out", file.path))
}

async fn resolve(root: &Path, helm: &Helm, folder: &ChartFolder, missing: &[String]) -> anyhow::Result<Vec<SourceFile>> {
    let outcome = helm.dependency_build(root).await?;
    if !outcome.ok {
        let what = format!("`{}` depends on {}, which can't be had: {}", folder.path(), missing.join(", "), last_line(&outcome.output()));
        let remedy = "check the repository in Chart.yaml and that it can be reached from here, or commit the dependency below `charts/`";
        return Err(Refusal::new(Code::ChartUnreachableDependency, what, remedy).into());
    }
    let mut fetched = Vec::new();
    let mut entries = tokio::fs::read_dir(root.join("charts")).await?;
    while let Some(entry) = entries.next_entry().await? {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if std::path::Path::new(&name).extension().is_some_and(|end| end == "tgz") {
            let bytes = tokio::fs::read(entry.path()).await?;
            fetched.push(SourceFile { path: format!("charts/{name}"), mode: FileMode::Regular, bytes });
        }
    }
    fetched.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(fetched)
}

fn noted(fetched: &[SourceFile]) -> chartrel_core::Result<Vec<Dependency>> {
    fetched
        .iter()
        .map(|file| {
            let (name, version) = chartrel_core::package::identity(&file.bytes)?;
            Ok(Dependency { name, version, digest: Sha256::of(&file.bytes) })
        })
        .collect()
}

fn last_line(text: &str) -> String {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("Helm said nothing").trim().escape_debug().to_string()
}
