//! A chart as Helm loads it: from files in, never from a disk; what Helm would corrupt or follow outside is refused.
//!
//! Source: Helm v4.3.1, `pkg/chart/v2/loader`.

mod files;
mod ignore;
mod metadata;
mod tree;

use crate::{
    digest::{Sha256, chart_digest},
    name::{ChartFolder, ChartName},
    refusal::{Code, Refusal, Refused, Result},
};
use semver::Version;

pub use files::{FileMode, SourceFile};
pub use metadata::{Dependency, Metadata};
pub(crate) use tree::Tree;

/// A chart that can be packaged.
#[derive(Debug, Clone)]
pub struct Chart {
    /// What Chart.yaml says.
    pub metadata: Metadata,
    pub(crate) tree: Tree,
}

impl Chart {
    /// Loads a chart from its files; paths are relative to its folder.
    ///
    /// # Errors
    /// All that is wrong with it, each with its own `chart/…` code.
    pub fn load(files: Vec<SourceFile>) -> Result<Self> {
        let mut refusals = files::faults(&files);
        let chart_file = files.iter().find(|file| file.path == "Chart.yaml").map(|file| file.bytes.clone());
        match chart_file.map(|bytes| metadata::check(&bytes)) {
            None => refusals.push(files::no_chart_file()),
            Some(Err(refused)) => refusals.extend(refused.into_violations()),
            Some(Ok(())) => {}
        }
        Refused::unless_empty(refusals)?;
        let tree = Tree::load(files::packaged(files)?)?;
        let metadata = Metadata::of(&tree.document)?;
        Ok(Self { metadata, tree })
    }

    /// The dependencies that Chart.yaml names and `charts/` does not hold.
    pub fn missing_dependencies(&self) -> Vec<&Dependency> {
        self.metadata.dependencies.iter().filter(|one| !self.tree.subcharts.iter().any(|chart| chart.name() == one.name)).collect()
    }
}

/// Name and version of a Chart.yaml, for who needs no more of the chart.
///
/// # Errors
/// As [`Chart::load`], for Chart.yaml alone.
pub fn identity(chart_file: &[u8]) -> Result<(ChartName, Version)> {
    metadata::check(chart_file)?;
    let metadata = Metadata::of(&metadata::document(chart_file)?)?;
    Ok((metadata.name, metadata.version))
}

/// The chart digest of the files git tracks below a chart's folder.
///
/// # Errors
/// `chart/not-a-file` for a symlink, a submodule or an LFS pointer, `chart/bad-path` for a path that can't be trusted (DESIGN §6).
pub fn digest(folder: &ChartFolder, files: &[SourceFile]) -> Result<Sha256> {
    Refused::unless_empty(files::faults(files))?;
    if files.is_empty() {
        let what = format!("`{}` holds no file", folder.path());
        return Err(Refusal::new(Code::ChartNoFile, what, "give the folder of a chart").into());
    }
    let rows: Vec<_> = files.iter().map(|file| (format!("{}/{}", folder.path(), file.path), Sha256::of(&file.bytes))).collect();
    Ok(chart_digest(rows.iter().map(|(path, digest)| (path.as_str(), *digest))))
}

#[cfg(test)]
mod tests;
