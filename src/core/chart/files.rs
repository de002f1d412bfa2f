//! The files of a chart: what may be one, and which of them are packaged.

use super::ignore::Rules;
use crate::refusal::{Code, Refusal, Result};

/// The largest file of a chart that Helm reads, in bytes (Helm v4.3.1, `MaxDecompressedFileSize`).
pub const FILE_LIMIT: usize = 5 * 1024 * 1024;
/// Helm packages more than this, and can't load it again (`MaxDecompressedChartSize`).
const CHART_LIMIT: usize = 100 * 1024 * 1024;
/// How an LFS pointer begins (git-lfs, `docs/spec.md`).
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1";

/// What git says a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileMode {
    /// A regular file.
    Regular,
    /// A regular file with the executable bit, which a package does not keep.
    Executable,
    /// A symbolic link: Helm would follow it, also out of the chart.
    Symlink,
    /// A submodule: its content is not in this repository.
    Submodule,
}

/// A file of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The path relative to the chart's folder, with `/`.
    pub path: String,
    /// What it is.
    pub mode: FileMode,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What may not be in a chart at all.
pub(super) fn faults(files: &[SourceFile]) -> Vec<Refusal> {
    let mut refusals: Vec<Refusal> = files.iter().filter_map(fault).collect();
    let total: usize = files.iter().map(|file| file.bytes.len()).sum();
    if total > CHART_LIMIT {
        let what = format!("the chart's files have {total} bytes together; Helm cannot load more than {CHART_LIMIT}");
        refusals.push(Refusal::new(Code::ChartTooLarge, what, "take large files out of the chart"));
    }
    refusals
}

fn fault(file: &SourceFile) -> Option<Refusal> {
    let path = file.path.escape_debug();
    if file.path.chars().any(char::is_control)
        || file.path.split('/').any(|part| matches!(part, "" | "." | ".."))
        || file.path.contains('\\')
    {
        return Some(Refusal::new(
            Code::ChartBadPath,
            format!("the path `{path}` cannot be in a package"),
            "rename the file: no control characters, no backslash, no `..`",
        ));
    }
    let not_a_file = match file.mode {
        FileMode::Symlink => "a symlink, which Helm follows, also out of the chart",
        FileMode::Submodule => "a submodule, whose content is not in this repository",
        _ if file.bytes.starts_with(LFS) => "a pointer of git LFS, not the file itself",
        _ if file.bytes.len() > FILE_LIMIT => {
            let what = format!("`{path}` has more than {FILE_LIMIT} bytes, which Helm cannot read");
            return Some(Refusal::new(Code::ChartTooLarge, what, "take the file out of the chart"));
        }
        _ => return None,
    };
    Some(Refusal::new(Code::ChartNotAFile, format!("`{path}` is {not_a_file}"), "commit the file itself"))
}

/// The files that go into the package, in the order Helm walks them, without byte order marks.
pub(super) fn packaged(mut files: Vec<SourceFile>) -> Result<Vec<SourceFile>> {
    let rules = files.iter().find(|file| file.path == ".helmignore").map(|file| Rules::parse(&file.bytes)).transpose()?.unwrap_or_default();
    files.retain(|file| !rules.ignores_below(&file.path));
    // Helm walks each directory by the names in it: a sort by components, not by whole paths.
    files.sort_by(|a, b| a.path.split('/').map(str::as_bytes).cmp(b.path.split('/').map(str::as_bytes)));
    files.iter_mut().for_each(trim);
    Ok(files)
}

/// Helm drops a byte order mark from every file it reads.
pub(crate) fn trim(file: &mut SourceFile) {
    if file.bytes.starts_with(b"\xef\xbb\xbf") {
        file.bytes.drain(..3);
    }
}

/// The refusal of a folder that is no chart.
pub(super) fn no_chart_file() -> Refusal {
    Refusal::new(Code::ChartNoFile, "the chart has no Chart.yaml", "add Chart.yaml with apiVersion, name, version and description")
}
