//! What is contributed in a rehearsal: the example's change, the repository's own last commit on charts, or a small one made for it.

use super::seed::{commit, git};
use anyhow::Context as _;
use chartrel_core::{Code, Refusal, commit as conventional};
use std::path::Path;

/// A contribution.
#[derive(Debug, Clone)]
pub(crate) struct Contribution {
    /// Title of the pull request.
    pub(crate) title: String,
    /// The charts' folders.
    pub(crate) charts: Vec<String>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// The example's two charts get a feature and a fix.
    Example,
    /// The charts as they are at this commit of the copied repository.
    Commit(String),
    /// A comment is added to the values of one chart.
    Small,
}

impl Contribution {
    /// The built-in one: a feature in one chart and a fix in another, in one pull request.
    pub(crate) fn example() -> Self {
        Self {
            title: "feat: let both charts carry labels of their own".into(),
            charts: vec!["beacon".into(), "tide".into()],
            kind: Kind::Example,
        }
    }

    /// What it is, in words.
    pub(crate) fn about(&self) -> String {
        let charts = self.charts.join("`, `");
        match &self.kind {
            Kind::Example => format!("one pull request changes `{charts}`"),
            Kind::Commit(id) => format!("its commit {} on `{charts}` is the contribution", &id[..12.min(id.len())]),
            Kind::Small => format!("a comment is added to the values of `{charts}`, as a small contribution"),
        }
    }

    /// Makes the commits on a branch that starts at `main`, and leaves the clone there.
    pub(crate) fn make(&self, dir: &Path) -> anyhow::Result<()> {
        git(dir, &["checkout", "--quiet", "-B", "feat/contribution", "main"])?;
        match &self.kind {
            Kind::Example => {
                append(dir, "charts/beacon/values.yaml", "\n# Labels for every object of the release.\nextraLabels: {}\n")?;
                replace(
                    dir,
                    "charts/beacon/templates/deployment.yaml",
                    "  labels:\n",
                    "  labels:\n    {{- with .Values.extraLabels }}{{- toYaml . | nindent 4 }}{{- end }}\n",
                )?;
                commit(dir, "feat(beacon): add labels of one's own")?;
                replace(dir, "charts/tide/templates/configmap.yaml", "{{ .Values.message }}", "{{ .Values.message | quote }}")?;
                commit(dir, "fix(tide): quote the message")
            }
            Kind::Commit(id) => {
                for chart in &self.charts {
                    git(dir, &["rm", "-r", "--quiet", "--ignore-unmatch", "--", &format!("charts/{chart}")])?;
                    git(dir, &["checkout", "--quiet", id, "--", &format!("charts/{chart}")])?;
                }
                commit(dir, &self.title)
            }
            Kind::Small => {
                append(dir, &format!("charts/{}/values.yaml", self.charts[0]), "\n# Rehearsed with chartrel.\n")?;
                commit(dir, &self.title)
            }
        }
    }
}

/// Finds the contribution in a copied repository; the copy's `main` is set back to before it.
pub(crate) fn of(dir: &Path) -> anyhow::Result<Contribution> {
    let charts = charts(dir, "HEAD")?;
    let Some(first) = charts.first().cloned() else {
        let what = "the repository has no chart below `charts/`";
        return Err(
            Refusal::new(Code::RehearseNoCharts, what, "put each chart into a folder of its own, `charts/<chart>/Chart.yaml`").into()
        );
    };
    let newest = git(dir, &["log", "-1", "--first-parent", "--format=%H %P%x00%s", "--", "charts"])?;
    let (ids, subject) = newest.trim().split_once('\0').context("the history of `charts/` cannot be read")?;
    let mut ids = ids.split(' ');
    let (id, parent) = (ids.next().unwrap_or_default().to_owned(), ids.next().filter(|id| !id.is_empty()).map(str::to_owned));
    let changed = match &parent {
        Some(parent) => changed(dir, parent, &id, &charts)?,
        None => Vec::new(),
    };
    match parent.filter(|_| !changed.is_empty()) {
        Some(parent) => {
            git(dir, &["checkout", "--quiet", "-B", "main", &parent])?;
            Ok(Contribution { title: title(subject, &changed), charts: changed, kind: Kind::Commit(id) })
        }
        None => Ok(Contribution { title: format!("fix({first}): explain a value"), charts: vec![first], kind: Kind::Small }),
    }
}

/// The folders below `charts/` that hold a Chart.yaml.
fn charts(dir: &Path, commit: &str) -> anyhow::Result<Vec<String>> {
    let list = git(dir, &["ls-tree", "-r", "--name-only", commit, "--", "charts"])?;
    let folders = list.lines().filter_map(|path| path.strip_prefix("charts/")?.strip_suffix("/Chart.yaml"));
    Ok(folders.filter(|folder| !folder.contains('/')).map(str::to_owned).collect())
}

fn changed(dir: &Path, parent: &str, id: &str, charts: &[String]) -> anyhow::Result<Vec<String>> {
    let paths = git(dir, &["diff", "--name-only", parent, id, "--", "charts"])?;
    Ok(charts.iter().filter(|chart| paths.lines().any(|path| path.starts_with(&format!("charts/{chart}/")))).cloned().collect())
}

/// The commit's own subject where it is conventional, else one that says what it is.
fn title(subject: &str, charts: &[String]) -> String {
    if conventional::validate(subject).is_ok() { subject.to_owned() } else { format!("fix({}): contribute the last change", charts[0]) }
}

fn append(dir: &Path, path: &str, text: &str) -> anyhow::Result<()> {
    let path = dir.join(path);
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(&path, before + text).with_context(|| format!("`{}` cannot be written", path.display()))
}

fn replace(dir: &Path, path: &str, from: &str, to: &str) -> anyhow::Result<()> {
    let path = dir.join(path);
    let before = std::fs::read_to_string(&path)?;
    anyhow::ensure!(before.contains(from), "the example's `{}` has no `{}`", path.display(), from.escape_debug());
    Ok(std::fs::write(&path, before.replacen(from, to, 1))?)
}
