//! The index of a Helm repository, `index.yaml`: one entry spliced into its text, every other byte kept.
//!
//! Helm reads an index strictly: one unknown field and the whole repository fails (reference helm-oci §5.1).
//! An index of 30,000 entries takes a YAML parser seconds, its lines take milliseconds.

mod layout;
mod metadata;

use crate::{
    digest::Sha256,
    lines::lines,
    name::ChartName,
    refusal::{Code, Refusal, Result},
    yaml,
};
use chrono::{DateTime, SecondsFormat, Utc};
use layout::{Block, Item, Layout};
use semver::Version;
use serde_json::{Value, json};
use std::ops::Range;

/// A version of a chart as it stands in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its lines below `entries:` and the chart's name, dash at column 2, with the last line break.
    pub text: String,
    /// SHA-256 of `text`.
    pub digest: Sha256,
    /// The chart's name.
    pub name: ChartName,
    /// The chart's version.
    pub version: Version,
    /// SHA-256 of the package.
    pub package_digest: Sha256,
    /// When the entry was made; the index is `generated` then, too.
    pub created: DateTime<Utc>,
}

/// What came of adding an entry to an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Splice {
    /// The text of the index with the entry.
    Added(String),
    /// The index has the version with this package already.
    AlreadyThere,
}

/// The entry of a package, from the metadata of its Chart.yaml, in the style of `helm repo index`.
///
/// Fields that Helm does not know are left out, as Helm does.
///
/// # Errors
/// `index/bad-entry` when a field has not the type Helm gives it; `chart/bad-name`.
pub fn entry(chart: &Value, package_digest: Sha256, url: &str, created: DateTime<Utc>) -> Result<Entry> {
    let (mut fields, version) = metadata::read(chart)?;
    let name: ChartName = fields.get("name").and_then(Value::as_str).unwrap_or_default().parse().map_err(crate::Refused::from)?;
    fields.insert("created".to_owned(), json!(timestamp(created)));
    fields.insert("digest".to_owned(), json!(package_digest.hex()));
    fields.insert("urls".to_owned(), json!([url]));
    // Lines are folded by their column: only in its place is an entry written as Helm writes it.
    let whole = yaml::emit(&json!({"entries": {name.as_str(): [fields]}}));
    let start = lines(&whole, 0).nth(1).map_or(0, |line| line.end);
    let text = whole.get(start..).unwrap_or_default().to_owned();
    Ok(Entry { digest: Sha256::of(&text), text, name, version, package_digest, created })
}

/// Adds an entry at its place: charts by name, versions with the highest first. `None` is an index that does not exist yet.
///
/// Versions are equal only with the same build metadata: `1.0.0+1` stands beside `1.0.0+2`.
///
/// # Errors
/// `index/other-digest` when the version is there with another package; `index/foreign-style` for what is no index with one field
/// a line, as Helm writes it.
pub fn splice(index: Option<&str>, entry: &Entry) -> Result<Splice> {
    let Some(index) = index else {
        let block = block(entry, 2);
        return Ok(Splice::Added(format!("apiVersion: v1\nentries:\n{block}generated: \"{}\"\n", timestamp(entry.created))));
    };
    let layout = Layout::of(index, entry.name.as_str())?;
    let items = match &layout.block {
        Some(block) => block.items(index)?,
        None => Vec::new(),
    };
    let version = entry.version.to_string();
    if let Some(same) = items.iter().find(|item| item.version == version) {
        return match same.digest.and_then(|text| text.parse::<Sha256>().ok()) {
            Some(digest) if digest == entry.package_digest => Ok(Splice::AlreadyThere),
            _ => Err(other_digest(entry, same.digest)),
        };
    }
    let change = match &layout.block {
        Some(block) => into_block(block, &items, entry),
        None => Change::new(layout.place..layout.place, block(entry, layout.indent)),
    };
    change.verify(index, entry)?;
    let generated = format!("generated: \"{}\"\n", timestamp(entry.created));
    let mut changes = vec![(change.range, change.text), (layout.generated.unwrap_or(index.len()..index.len()), generated)];
    if let Some(header) = layout.empty_header {
        changes.push((header, "entries:\n".to_owned()));
    }
    Ok(Splice::Added(apply(index, changes)))
}

/// The SHA-256 of the package that an index has for a version, if it has one.
///
/// # Errors
/// `index/foreign-style` for what is no index with one field a line; `index/bad-entry` when the entry has no usable digest.
pub fn digest_of(index: &str, chart: &ChartName, version: &Version) -> Result<Option<Sha256>> {
    let Some(block) = Layout::of(index, chart.as_str())?.block else { return Ok(None) };
    let items = block.items(index)?;
    let exact = version.to_string();
    let Some(item) = items.iter().find(|item| item.version == exact) else { return Ok(None) };
    item.digest.and_then(|text| text.parse().ok()).map(Some).ok_or_else(|| {
        let what = format!("the entry of `{chart}` `{version}` in index.yaml has no SHA-256 digest");
        Refusal::new(Code::IndexBadEntry, what, "mend the entry by hand").into()
    })
}

fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn other_digest(entry: &Entry, there: Option<&str>) -> crate::Refused {
    let Entry { name, version, package_digest, .. } = entry;
    let what = format!("index.yaml has `{name}` `{version}` with digest `{}`, not `{}`", there.unwrap_or_default(), package_digest.hex());
    Refusal::new(Code::IndexOtherDigest, what, "release the change as a new version: a published version never changes").into()
}

fn foreign(what: &str) -> crate::Refused {
    let help = "write index.yaml anew with `helm repo index`, or mend it by hand";
    Refusal::new(Code::IndexForeignStyle, format!("index.yaml {what}"), help).into()
}

/// The lines of a new chart with its first entry.
fn block(entry: &Entry, indent: usize) -> String {
    let key = yaml::emit(&json!({entry.name.as_str(): null}));
    let key = key.trim_end().strip_suffix(": null").unwrap_or(entry.name.as_str());
    format!("{}{key}:\n{}", " ".repeat(indent), indented(&entry.text, indent))
}

/// The entry's lines with the dash at a column.
fn indented(text: &str, dash: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("  ") {
            Some(line) => out.extend([" ".repeat(dash).as_str(), line]),
            None => out.push_str(line),
        }
    }
    out
}

/// Lines that replace a range of the index.
struct Change {
    range: Range<usize>,
    text: String,
    /// What is read again: the change with the entries beside it.
    context: Range<usize>,
}

impl Change {
    const fn new(range: Range<usize>, text: String) -> Self {
        let context = Range { start: range.start, end: range.end };
        Self { range, text, context }
    }

    /// Reads the changed lines with their neighbours: the new entry is one of them, whole, and alone new.
    fn verify(&self, index: &str, entry: &Entry) -> Result<()> {
        let part = |range: Range<usize>| index.get(range).unwrap_or_default();
        let ended = |text: &str| if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let (before, after) = (part(self.context.start..self.range.start), part(self.range.end..self.context.end));
        let text = format!("{before}{}{}{after}", ended(before), self.text);
        let value = yaml::parse(&text).map_err(|_| foreign("has entries that cannot be read"))?;
        let list = match &value {
            Value::Object(map) if map.len() == 1 => map.get(entry.name.as_str()),
            other => Some(other),
        };
        let meant = yaml::parse(&entry.text)?;
        let [meant] = meant.as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err(foreign("cannot hold the entry"));
        };
        let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let expected = 1 + usize::from(!before.trim().is_empty()) + usize::from(!after.trim().is_empty());
        if list.len() != expected || list.iter().filter(|item| *item == meant).count() != 1 {
            return Err(foreign("is written in a style in which the entry cannot be added"));
        }
        Ok(())
    }
}

/// The change that adds an entry to the block of its chart.
fn into_block(block: &Block, items: &[Item<'_>], entry: &Entry) -> Change {
    let Some(last) = items.last() else {
        return Change::new(block.range.clone(), self::block(entry, block.indent));
    };
    let order = |item: &Item<'_>| Version::parse(item.version.strip_prefix('v').unwrap_or(item.version)).ok();
    let next = items.iter().position(|item| order(item).is_none_or(|version| version < entry.version)).unwrap_or(items.len());
    let at = items.get(next).map_or(last.end, |item| item.start);
    let start = next.checked_sub(1).and_then(|before| items.get(before)).map_or(at, |item| item.start);
    let end = items.get(next).map_or(at, |item| item.end);
    Change { range: at..at, text: indented(&entry.text, last.dash), context: start..end }
}

/// Replaces ranges of whole lines that do not overlap.
fn apply(index: &str, mut changes: Vec<(Range<usize>, String)>) -> String {
    changes.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(index.len() + changes.iter().map(|(_, text)| text.len()).sum::<usize>() + 1);
    let mut done = 0;
    for (range, text) in changes {
        out.push_str(index.get(done..range.start).unwrap_or_default());
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(&text);
        done = range.end;
    }
    out.push_str(index.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
