//! A chart's folder on the disk, read as Helm walks it, except that nothing is followed out of it.

use anyhow::Context as _;
use chartrel_core::{
    Code, Refusal, Refused,
    chart::{FILE_LIMIT, FileMode, Rules, SourceFile},
};
use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// The files of a chart that its `.helmignore` leaves in.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// The files; links and submodules stand among them as such, for the chart to refuse.
    pub(super) files: Vec<SourceFile>,
    /// When the newest of them was changed, in seconds since 1970.
    pub(super) newest: i64,
}

impl Folder {
    /// Reads a folder; what is ignored is not even opened.
    ///
    /// # Errors
    /// [`Refused`] for what cannot be in a chart and has no place in [`SourceFile`]; else when the disk fails.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        if !root.is_dir() {
            let what = format!("`{}` is no folder", root.display());
            return Err(Refusal::new(Code::InputInvalid, what, "name the folder that holds Chart.yaml").into());
        }
        let ignore = root.join(".helmignore");
        let rules = match fs::read(&ignore) {
            Ok(bytes) => Rules::parse(&bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Rules::default(),
            Err(error) => return Err(error).with_context(|| format!("`{}` cannot be read", ignore.display())),
        };
        let mut walk = Walk { rules, folder: Self::default(), refusals: Vec::new() };
        walk.descend(root, "")?;
        Refused::unless_empty(walk.refusals)?;
        Ok(walk.folder)
    }
}

struct Walk {
    rules: Rules,
    folder: Folder,
    refusals: Vec<Refusal>,
}

impl Walk {
    fn descend(&mut self, folder: &Path, prefix: &str) -> anyhow::Result<()> {
        let failed = || format!("`{}` cannot be read", folder.display());
        for entry in fs::read_dir(folder).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            let Ok(name) = entry.file_name().into_string() else {
                let what = format!("the name of `{}` is not UTF-8", entry.path().display());
                self.refusals.push(Refusal::new(Code::ChartBadPath, what, "rename the file"));
                continue;
            };
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().with_context(failed)?;
            // Git's own folder is in no commit, and so in no package.
            if path == ".git" || self.rules.ignores(&path, kind.is_dir()) {
                continue;
            }
            if kind.is_dir() && !entry.path().join(".git").exists() {
                self.descend(&entry.path(), &format!("{path}/"))?;
            } else {
                self.take(&entry.path(), path, kind)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, at: &PathBuf, path: String, kind: fs::FileType) -> anyhow::Result<()> {
        let mut file = SourceFile { path, mode: FileMode::Regular, bytes: Vec::new() };
        if kind.is_symlink() {
            file.mode = FileMode::Symlink;
        } else if kind.is_dir() {
            file.mode = FileMode::Submodule;
        } else if kind.is_file() {
            let failed = || format!("`{}` cannot be read", at.display());
            let opened = fs::File::open(at).with_context(failed)?;
            let changed = opened.metadata().and_then(|metadata| metadata.modified()).with_context(failed)?;
            let seconds = changed.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            self.folder.newest = self.folder.newest.max(i64::try_from(seconds).unwrap_or_default());
            // One byte more than a chart's file may have: enough to be refused.
            opened.take(FILE_LIMIT as u64 + 1).read_to_end(&mut file.bytes).with_context(failed)?;
        } else {
            let what = format!("`{}` is neither a file nor a folder", file.path.escape_debug());
            self.refusals.push(Refusal::new(Code::ChartNotAFile, what, "take it out of the chart, or name it in .helmignore"));
            return Ok(());
        }
        self.folder.files.push(file);
        Ok(())
    }
}
