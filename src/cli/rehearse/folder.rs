//! The folder that a rehearsal leaves: replaced only where a rehearsal wrote it.

use anyhow::Context as _;
use chartrel_core::{Code, Refusal};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file that says who wrote the folder.
const MARK: &str = ".chartrel-rehearsal";

/// The prepared folder.
pub(crate) struct Out(PathBuf);

impl Out {
    /// Makes the folder anew.
    ///
    /// # Errors
    /// `rehearse/foreign-folder` for one that exists, is not empty, and bears no mark of a rehearsal.
    pub(crate) fn prepare(path: &Path) -> anyhow::Result<Self> {
        let is_ours = path.join(MARK).is_file();
        let is_empty = fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none());
        if path.exists() && !is_ours && !is_empty {
            let what = format!("the folder `{}` exists and was not written by a rehearsal", path.display());
            return Err(Refusal::new(Code::RehearseForeignFolder, what, "give another folder with `--out`, or move this one away").into());
        }
        if is_ours {
            fs::remove_dir_all(path).with_context(|| format!("`{}` cannot be replaced", path.display()))?;
        }
        fs::create_dir_all(path).with_context(|| format!("`{}` cannot be made", path.display()))?;
        let path = path.canonicalize()?;
        fs::write(path.join(MARK), "This folder was written by `chartrel rehearse`; the next rehearsal replaces it.\n")?;
        Ok(Self(path))
    }

    /// A path inside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_somebody_else_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
        let error = Out::prepare(dir.path()).err().unwrap();
        assert_eq!(error.downcast_ref::<Refusal>().unwrap().code, Code::RehearseForeignFolder);
        assert!(dir.path().join("thesis.txt").exists());
    }

    #[test]
    fn the_next_rehearsal_replaces_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let out = Out::prepare(&dir.path().join("r")).unwrap();
        fs::write(out.path("old"), "").unwrap();
        assert!(!Out::prepare(&dir.path().join("r")).unwrap().path("old").exists());
    }
}
