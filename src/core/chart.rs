//! A chart as Helm loads it: from files in, never from a disk; what Helm would corrupt or follow outside is refused.
//!
//! Source: Helm v4.3.1, `pkg/chart/v2/loader`.

mod document;
mod files;
mod glob;
mod ignore;
mod metadata;
mod trap;
mod tree;

use crate::{
    digest::{Sha256, chart_digest},
    name::{ChartFolder, ChartName},
    refusal::{Code, Refusal, Refused, Result},
};
use semver::Version;
use serde_json::Value;

pub(crate) use files::trim;
pub use files::{FILE_LIMIT, FileMode, SourceFile};
pub use ignore::Rules;
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
    /// Loads a chart from its files; paths are relative to its folder. What `.helmignore` names is not looked at.
    ///
    /// # Errors
    /// All that is wrong with it, each with its own `chart/…` code.
    pub fn load(files: Vec<SourceFile>) -> Result<Self> {
        let files = files::packaged(files)?;
        let mut refusals = files::faults(&files);
        match files.iter().find(|file| file.path == "Chart.yaml").map(|file| metadata::check(&file.bytes)) {
            None => refusals.push(files::no_chart_file()),
            Some(Err(refused)) => refusals.extend(refused.into_violations()),
            Some(Ok(())) => {}
        }
        Refused::unless_empty(refusals)?;
        Self::of(Tree::load(files)?)
    }

    /// Loads a chart from a package, which holds what somebody else released: it need not meet the rules for a release.
    ///
    /// # Errors
    /// What Helm would not load, and a name or version that is none.
    pub(crate) fn unpacked(files: Vec<SourceFile>) -> Result<Self> {
        Self::of(Tree::load(files)?)
    }

    fn of(tree: Tree) -> Result<Self> {
        let metadata = Metadata::of(&tree.document)?;
        Ok(Self { metadata, tree })
    }

    /// Gives the chart another version, as `helm package --version` does.
    pub fn set_version(&mut self, version: Version) {
        self.set("version", &version.to_string());
        self.metadata.version = version;
    }

    /// Gives the chart another version of its application, as `helm package --app-version` does.
    pub fn set_app_version(&mut self, app_version: &str) {
        self.set("appVersion", app_version);
        self.metadata.app_version = Some(app_version.to_owned());
    }

    fn set(&mut self, key: &str, value: &str) {
        for document in [&mut self.tree.document, &mut self.metadata.document] {
            if let Value::Object(fields) = document {
                fields.insert(key.to_owned(), value.into());
            }
        }
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
    let metadata = Metadata::of(&document::chart_file(chart_file)?)?;
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
