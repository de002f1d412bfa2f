//! `chartrel index`: packages added to an index.yaml, every other byte kept.
//!
//! An entry is `created` at `SOURCE_DATE_EPOCH`, else at the time of the files in its package; so adding again changes nothing.

use anyhow::Context as _;
use chartrel_core::{
    Code, Refusal, Refused, Sha256,
    index::{self, Splice},
    name::ReleaseTag,
    package,
};
use chrono::{DateTime, Utc};
use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

/// Which index, and what is added to it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The index.yaml; made if it is not there
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Packages to add
    #[arg(long, required = true, num_args = 1.., value_name = "PACKAGE")]
    add: Vec<PathBuf>,
    /// Address of the folder that the packages are served from; without it the index names them relative to itself
    #[arg(long)]
    url: Option<String>,
}

/// Adds all packages, or none if one of them is refused.
///
/// # Errors
/// [`Refused`] with what is wrong with packages and index; else when the disk fails.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let entries = entries(&args)?;
    // A link to an index is kept, and what it leads to is written.
    let path = args.file.canonicalize().unwrap_or(args.file);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let lock = fs::File::open(parent).with_context(|| format!("`{}` cannot be opened", parent.display()))?;
    // Another chartrel that writes this index waits, and reads what this one wrote.
    lock.lock().with_context(|| format!("`{}` cannot be locked", parent.display()))?;
    let mut text = read(&path)?;
    let mut added = Vec::new();
    for entry in &entries {
        if let Splice::Added(with) = index::splice(text.as_deref(), entry)? {
            text = Some(with);
            added.push(format!("{} {}", entry.name, entry.version));
        }
    }
    let mut out = std::io::stdout().lock();
    match text {
        Some(text) if !added.is_empty() => {
            replace(&path, text.as_bytes())?;
            writeln!(out, "{}: added {}", path.display(), added.join(", "))?;
        }
        _ => writeln!(out, "{}: nothing to do, every package is there", path.display())?,
    }
    Ok(())
}

fn entries(args: &Args) -> anyhow::Result<Vec<index::Entry>> {
    let (mut entries, mut refusals) = (Vec::new(), Vec::new());
    let epoch = super::package::epoch()?;
    for path in &args.add {
        let bytes = fs::read(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
        match entry(path, &bytes, args.url.as_deref(), epoch) {
            Ok(entry) => entries.push(entry),
            Err(refused) => refusals.extend(refused.into_violations().into_iter().map(|mut refusal| {
                refusal.what = format!("in `{}`: {}", path.display(), refusal.what);
                refusal
            })),
        }
    }
    Refused::unless_empty(refusals)?;
    Ok(entries)
}

fn entry(path: &Path, bytes: &[u8], url: Option<&str>, epoch: Option<i64>) -> chartrel_core::Result<index::Entry> {
    let contents = package::read(bytes)?;
    let name = ReleaseTag { chart: contents.metadata.name.clone(), version: contents.metadata.version.clone() }.package();
    if path.file_name().is_none_or(|actual| actual != name.as_str()) {
        let what = format!("the package is called otherwise than `{name}`, which its Chart.yaml makes it");
        return Err(Refusal::new(Code::InputInvalid, what, "rename the file").into());
    }
    let url = url.map_or_else(|| name.clone(), |url| format!("{}/{name}", url.trim_end_matches('/')));
    let created: DateTime<Utc> = DateTime::from_timestamp(epoch.unwrap_or(contents.time), 0).unwrap_or_default();
    index::entry(&contents.metadata.document, Sha256::of(bytes), &url, created)
}

/// Only an index that is definitely not there is begun anew.
fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => {
            let not_text = |_| {
                let what = format!("`{}` is not UTF-8", path.display());
                Refusal::new(Code::IndexForeignStyle, what, "write index.yaml anew with `helm repo index`")
            };
            Ok(Some(String::from_utf8(bytes).map_err(not_text)?))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("`{}` cannot be read", path.display())),
    }
}

/// Writes a file so that a reader sees the old or the new one, never a part; a file with these bytes is left alone.
///
/// # Errors
/// When the folder cannot be written to.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let there = fs::metadata(path);
    let is_as_long = there.as_ref().is_ok_and(|there| there.len() == bytes.len() as u64);
    if is_as_long && fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let failed = || format!("`{}` cannot be written", path.display());
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.prefix(".chartrel-").tempfile_in(parent).with_context(failed)?;
    if let Ok(there) = there {
        file.as_file().set_permissions(there.permissions()).with_context(failed)?;
    }
    file.write_all(bytes).with_context(failed)?;
    file.as_file().sync_all().with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(())
}
