//! A package taken apart: a hostile one is refused, before it fills memory or reaches out of the chart's folder.
//!
//! Source: Helm v4.3.1, `pkg/chart/loader/archive/archive.go`.

use super::LIMIT;
use crate::{
    chart::{FILE_LIMIT, FileMode, SourceFile, trim},
    refusal::{Code, Refusal, Result},
};
use flate2::read::MultiGzDecoder;
use std::{collections::BTreeSet, io::Read as _};

/// More files than this are no chart.
const FILES: usize = 20_000;

/// The files of a packed chart, without their first folder.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    /// In the order of the archive.
    pub(super) files: Vec<SourceFile>,
    /// The time of Chart.yaml, in seconds since 1970.
    pub(super) time: i64,
}

pub(super) fn unpack(bytes: &[u8]) -> Result<Unpacked> {
    if bytes.len() > LIMIT {
        return Err(unreadable(format!("the package has {} bytes, more than {LIMIT}", bytes.len())));
    }
    let tar = inflate(bytes)?;
    let mut archive = tar::Archive::new(tar.as_slice());
    let (mut unpacked, mut seen) = (Unpacked::default(), BTreeSet::new());
    for entry in archive.entries().map_err(|error| no_tar(&error))? {
        let mut entry = entry.map_err(|error| no_tar(&error))?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        let path = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| unreadable("a path in the package is not UTF-8"))?;
        if !kind.is_file() && !kind.is_contiguous() {
            return Err(unreadable(format!("`{}` in the package is no file", path.escape_debug())));
        }
        let path = inner(&path)?;
        if entry.size() > FILE_LIMIT as u64 {
            return Err(unreadable(format!("`{}` in the package has more than {FILE_LIMIT} bytes", path.escape_debug())));
        }
        if path == "Chart.yaml" {
            unpacked.time = entry.header().mtime().ok().and_then(|time| i64::try_from(time).ok()).unwrap_or_default();
        }
        if !seen.insert(path.clone()) {
            return Err(unreadable(format!("`{}` stands in the package twice", path.escape_debug())));
        }
        let mut file = SourceFile { path, mode: FileMode::Regular, bytes: Vec::new() };
        entry.read_to_end(&mut file.bytes).map_err(|error| no_tar(&error))?;
        trim(&mut file);
        unpacked.files.push(file);
        if unpacked.files.len() > FILES {
            return Err(unreadable(format!("the package has more than {FILES} files")));
        }
    }
    if unpacked.files.is_empty() {
        return Err(unreadable("the package holds no file"));
    }
    Ok(unpacked)
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut tar = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(LIMIT as u64 + 1).read_to_end(&mut tar);
    read.map_err(|error| unreadable(format!("the package is no gzip: {error}")))?;
    if tar.len() > LIMIT {
        return Err(unreadable(format!("the package unpacks to more than {LIMIT} bytes")));
    }
    Ok(tar)
}

/// A path without its first folder; none leads out of it, and none is written in a way that two readers take differently.
fn inner(path: &str) -> Result<String> {
    let shown = path.escape_debug();
    let Some((folder, inner)) = path.split_once('/') else {
        return Err(unreadable(format!("`{shown}` lies beside the chart's folder")));
    };
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    if !is_plain(folder) || !inner.split('/').all(is_plain) || path.contains('\\') || path.chars().any(char::is_control) {
        return Err(unreadable(format!("the path `{shown}` in the package is not a plain one")));
    }
    Ok(inner.to_owned())
}

fn no_tar(error: &std::io::Error) -> crate::Refused {
    unreadable(format!("the package is no tar: {error}"))
}

fn unreadable(why: impl Into<String>) -> crate::Refused {
    Refusal::new(Code::PackageUnreadable, why, "give a chart package, made by `helm package` or `chartrel package`").into()
}
