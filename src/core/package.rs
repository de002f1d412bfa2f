//! A package: byte for byte the tar that `helm package` writes for the same files and times, in a gzip that never varies.
//!
//! Source: Helm v4.3.1, `pkg/chart/v2/util/save.go`; Go's `archive/tar` for the headers.

mod header;
mod unpack;

use crate::{
    chart::{Chart, Metadata, SourceFile, Tree},
    digest::Sha256,
    refusal::{Code, Refusal, Result},
    yaml,
};
use chrono::DateTime;
use flate2::{Compression, GzBuilder};
use serde_json::Value;
use std::io::Write as _;

/// The largest package that is read, in bytes, as it is and unpacked (Helm v4.3.1, `MaxDecompressedChartSize`).
pub const LIMIT: usize = 100 * 1024 * 1024;
/// Helm's extra field, a well-formed subfield since v4.2.4.
const EXTRA: &[u8] = b"rr\x28\x00aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=";

/// A package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// `<name>-<version>.tgz`.
    pub name: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Sha256,
}

/// Packages a chart; every file gets the same time.
///
/// # Errors
/// When the chart misses a dependency, or is too large for Helm to load again.
pub fn package(chart: &Chart, epoch_seconds: i64) -> Result<Package> {
    let tar = tar(chart, epoch_seconds)?;
    let mut gzip = GzBuilder::new().extra(EXTRA).comment("Helm").mtime(0).operating_system(255).write(Vec::new(), Compression::default());
    let bytes = gzip.write_all(&tar).and_then(|()| gzip.finish()).map_err(|error| {
        Refusal::new(
            Code::PackageUnreadable,
            format!("the package could not be compressed: {error}"),
            "this is a fault of chartrel; please report it",
        )
    })?;
    let metadata = &chart.metadata;
    Ok(Package { name: format!("{}-{}.tgz", metadata.name, metadata.version), digest: Sha256::of(&bytes), bytes })
}

/// The uncompressed tar of a package.
///
/// # Errors
/// As [`package`].
pub fn tar(chart: &Chart, epoch_seconds: i64) -> Result<Vec<u8>> {
    let missing: Vec<String> = chart.missing_dependencies().iter().map(ToString::to_string).collect();
    if !missing.is_empty() {
        let what = format!("`charts/` misses {}", missing.join(", "));
        return Err(Refusal::new(Code::ChartMissingDependency, what, "run `helm dependency build`, or commit the dependency").into());
    }
    let mut out = Writer { out: Vec::new(), time: epoch_seconds.max(0).unsigned_abs() };
    out.chart(&chart.tree, "");
    // A tar ends with two empty blocks.
    out.out.extend([0; 1024]);
    if out.out.len() > LIMIT {
        let what = format!("the chart unpacks to {} bytes; Helm cannot load more than {LIMIT}", out.out.len());
        return Err(Refusal::new(Code::ChartTooLarge, what, "take large files out of the chart").into());
    }
    Ok(out.out)
}

struct Writer {
    out: Vec<u8>,
    time: u64,
}

impl Writer {
    /// Order of entries: Chart.yaml, Chart.lock, values, schema, templates, files, then the charts below.
    fn chart(&mut self, chart: &Tree, prefix: &str) {
        let base = format!("{prefix}{}", chart.name());
        self.file(&format!("{base}/Chart.yaml"), yaml::emit(&chart_file(chart)).as_bytes());
        if let Some(lock) = chart.lock.as_ref().filter(|_| !chart.is_v1()) {
            let mut lock = lock.clone();
            lock.insert("generated".into(), self.generated().into());
            self.file(&format!("{base}/Chart.lock"), yaml::emit(&Value::Object(lock)).as_bytes());
        }
        let (values, schema) = (("values.yaml", &chart.values), ("values.schema.json", &chart.schema));
        for (name, bytes) in [values, schema] {
            if let Some(bytes) = bytes {
                self.file(&format!("{base}/{name}"), bytes);
            }
        }
        for file in chart.templates.iter().chain(&chart.files) {
            self.file(&format!("{base}/{}", file.path), &file.bytes);
        }
        for below in &chart.subcharts {
            self.chart(below, &format!("{base}/charts/"));
        }
    }

    fn generated(&self) -> String {
        let seconds = i64::try_from(self.time).unwrap_or_default();
        DateTime::from_timestamp(seconds, 0).unwrap_or_default().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    fn file(&mut self, name: &str, bytes: &[u8]) {
        header::write(&mut self.out, name, bytes.len() as u64, self.time);
        self.out.extend_from_slice(bytes);
        self.out.resize(self.out.len().next_multiple_of(512), 0);
    }
}

/// Chart.yaml of a v1 chart does not carry the dependencies that its requirements.yaml names.
fn chart_file(chart: &Tree) -> Value {
    let mut document = chart.document.clone();
    if let Value::Object(map) = &mut document
        && chart.is_v1()
    {
        map.remove("dependencies");
    }
    document
}

/// What a package holds.
#[derive(Debug, Clone)]
pub struct Contents {
    /// What its Chart.yaml says.
    pub metadata: Metadata,
    /// Its files, relative to the chart's folder.
    pub files: Vec<SourceFile>,
    /// The time of its Chart.yaml, in seconds since 1970.
    pub time: i64,
}

/// Reads a package that somebody hands us.
///
/// # Errors
/// `package/unreadable` for anything but a gzipped tar of one chart within the limits; `chart/…` for a chart that Helm would not load,
/// whose name is no chart name, or whose version is no SemVer version.
pub fn read(bytes: &[u8]) -> Result<Contents> {
    let unpacked = unpack::unpack(bytes)?;
    let chart = Chart::unpacked(unpacked.files.clone())?;
    Ok(Contents { metadata: chart.metadata, files: unpacked.files, time: unpacked.time })
}

/// The name and the version that a package's Chart.yaml gives it, as text: others' charts have names and versions of every form.
///
/// # Errors
/// As [`read`], but for the forms of name and version.
pub fn identity(bytes: &[u8]) -> Result<(String, String)> {
    let document = Tree::load(unpack::unpack(bytes)?.files)?.document;
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok((text("name"), text("version")))
}

/// The files of a packed chart below another one.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Vec<SourceFile>> {
    unpack::unpack(bytes).map(|unpacked| unpacked.files)
}

#[cfg(test)]
mod tests;
