//! A chart's changelog in the form of Keep a Changelog: the section of a version, and its place in the file.

use crate::{
    commit::Change,
    markdown,
    refusal::{Code, Refusal, Result},
};
use chrono::NaiveDate;
use semver::Version;
use std::{collections::BTreeSet, fmt::Write as _};

mod file;

/// What a release without a change that commits name says (RN-T5).
pub const FALLBACK: &str = "Maintenance release without notable changes.";

/// The start of a changelog that doesn't exist yet.
const HEADER: &str = "# Changelog\n\nAll notable changes to this chart are listed here, in the form of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).\n\
                      Versions follow [Semantic Versioning](https://semver.org/spec/v2.0.0.html).\n";

/// The kinds of Keep a Changelog 1.1.0, which are Artifact Hub's too, in the order they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// New features.
    Added,
    /// Changes in what was there.
    Changed,
    /// What will be removed.
    Deprecated,
    /// What was removed.
    Removed,
    /// Bugs fixed.
    Fixed,
    /// Vulnerabilities closed.
    Security,
}

impl Kind {
    /// The six, in order.
    pub const ALL: [Self; 6] = [Self::Added, Self::Changed, Self::Deprecated, Self::Removed, Self::Fixed, Self::Security];

    /// The heading, such as `Added`.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Added => "Added",
            Self::Changed => "Changed",
            Self::Deprecated => "Deprecated",
            Self::Removed => "Removed",
            Self::Fixed => "Fixed",
            Self::Security => "Security",
        }
    }

    /// The kind of a change; `None` for what users of a chart don't notice.
    fn of(change: &Change) -> Option<Self> {
        let is_security = change.scope.as_deref().is_some_and(|scope| scope.eq_ignore_ascii_case("security"));
        let is_dependency = change.scope.as_deref().is_some_and(|scope| scope.to_lowercase().starts_with("deps"));
        match change.kind.as_str() {
            "security" => Some(Self::Security),
            "fix" if is_security => Some(Self::Security),
            "feat" => Some(Self::Added),
            "fix" => Some(Self::Fixed),
            "deprecate" => Some(Self::Deprecated),
            "remove" => Some(Self::Removed),
            "perf" | "refactor" | "revert" => Some(Self::Changed),
            _ if change.is_breaking || is_dependency => Some(Self::Changed),
            _ => None,
        }
    }
}

/// One line of a section.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The heading it stands under.
    pub kind: Kind,
    /// What changed: one line, others' text, not escaped.
    pub description: String,
    /// Whether users must act.
    pub is_breaking: bool,
    /// What they must know, if the commit said.
    pub note: Option<String>,
}

/// What changed in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The version.
    pub version: Version,
    /// The day of the commit that sets it.
    pub date: NaiveDate,
    /// The changes, sorted by kind, in the order of the commits within one; empty for [`FALLBACK`].
    pub entries: Vec<Entry>,
}

/// The section of a version: each change once, though a merge or a squash may tell it twice.
///
/// Changes that users don't notice (`chore`, `ci`, `docs`, `style`, `test`, `build`) are listed only where there is nothing else.
pub fn section(version: &Version, date: NaiveDate, changes: &[Change]) -> Section {
    let mut entries: Vec<_> = changes.iter().filter_map(|change| Some(entry(Kind::of(change)?, change))).collect();
    if entries.is_empty() {
        entries = changes.iter().map(|change| entry(Kind::Changed, change)).collect();
    }
    let mut told = BTreeSet::new();
    entries.retain(|entry| told.insert((entry.kind, without_number(&entry.description).to_owned(), entry.is_breaking)));
    entries.sort_by_key(|entry| entry.kind);
    Section { version: version.clone(), date, entries }
}

impl Section {
    /// The section with its heading, `## [<version>] - <date>`, ending in a line end.
    pub fn markdown(&self) -> String {
        format!("## [{}] - {}\n\n{}\n", self.version, self.date.format("%Y-%m-%d"), self.body())
    }

    /// The section below its heading: what release notes and tag annotation show; no line end at the end.
    pub fn body(&self) -> String {
        if self.entries.is_empty() {
            return FALLBACK.to_owned();
        }
        let mut text = String::new();
        for kind in Kind::ALL {
            let mut entries = self.entries.iter().filter(|entry| entry.kind == kind).peekable();
            if entries.peek().is_some() {
                let _ = write!(text, "### {}\n\n", kind.heading());
                for entry in entries {
                    let _ = writeln!(text, "- {}", entry.markdown());
                }
                text.push('\n');
            }
        }
        text.trim_end().to_owned()
    }
}

impl Entry {
    fn markdown(&self) -> String {
        let mark = if self.is_breaking { "**Breaking:** " } else { "" };
        let note = self.note.as_ref().map_or_else(String::new, |note| format!(" ({})", markdown::line(note)));
        format!("{mark}{}{note}", markdown::line(&self.description))
    }
}

fn entry(kind: Kind, change: &Change) -> Entry {
    let note = change.breaking_note.as_deref().map(markdown::plain).filter(|note| !note.is_empty());
    Entry { kind, description: markdown::plain(&change.description), is_breaking: change.is_breaking, note }
}

/// The description without the `(#12)` that GitHub appends when it squashes.
fn without_number(description: &str) -> &str {
    match description.rsplit_once(" (#") {
        Some((text, number)) if number.strip_suffix(')').is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit())) => text,
        _ => description,
    }
}

/// The changelog with this section in its place: instead of the one for the same version, else before the newest version.
///
/// Every other line is kept, and so are the file's line ends. Doing it twice equals doing it once. Without a changelog, a new one.
///
/// # Errors
/// `changelog/repeated` when the version has more than one section already; `changelog/open-block` when a code block has no end, so that what
/// follows it could not be told from code.
pub fn insert(changelog: Option<&str>, section: &Section) -> Result<String> {
    let Some(text) = changelog.filter(|text| !text.trim().is_empty()) else {
        return Ok(format!("{HEADER}\n{}", section.markdown()));
    };
    if file::ends_in_code(text) {
        let help = "close the block on `main`, through a pull request";
        return Err(Refusal::new(Code::ChangelogOpenBlock, "the changelog has a code block that never ends", help).into());
    }
    let sections = file::sections(text);
    let mut same = sections.iter().filter(|found| found.version == section.version);
    let (replaced, other) = (same.next(), same.next());
    if let Some(other) = other {
        let what = format!("the changelog has a second section for `{}` at line {}", section.version, other.line);
        return Err(Refusal::new(Code::ChangelogRepeated, what, "keep one of them on `main`, through a pull request").into());
    }
    let span = match (replaced, sections.first()) {
        (Some(same), _) => same.start..same.end,
        (None, Some(newest)) => newest.start..newest.start,
        (None, None) => {
            let end = file::end_of_text(text);
            end..end
        }
    };
    Ok(splice(text, span, &section.markdown()))
}

/// The changes of a version as the changelog tells them: all below its heading, up to the next section, links or footer.
///
/// LF line ends, no blank lines around; `None` when the version isn't there, or has nothing below its heading.
pub fn extract(changelog: &str, version: &Version) -> Option<String> {
    let sections = file::sections(changelog);
    let found = sections.iter().find(|section| section.version == *version)?;
    let text = changelog.get(found.body..found.end)?.replace("\r\n", "\n").trim().to_owned();
    Some(text).filter(|text| !text.is_empty())
}

/// The value of the annotation `artifacthub.io/changes`: a YAML list of `kind` and `description`, ending in a line end.
///
/// Every description is a JSON string, which YAML reads as what it is, whatever stands in it.
/// Source: artifacthub.io/docs/topics/annotations/helm.
pub fn artifacthub_changes(section: &Section) -> String {
    let item = |kind: &str, description: &str| format!("- kind: {kind}\n  description: {}\n", serde_json::Value::from(description));
    if section.entries.is_empty() {
        return item("changed", FALLBACK);
    }
    let describe = |entry: &Entry| {
        let mark = if entry.is_breaking { "Breaking: " } else { "" };
        let note = entry.note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
        item(&entry.kind.heading().to_lowercase(), &format!("{mark}{}{note}", entry.description))
    };
    section.entries.iter().map(describe).collect()
}

/// Replaces a span by a section, with one blank line before and after it, in the file's own line ends.
fn splice(text: &str, span: std::ops::Range<usize>, section: &str) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let before = text.get(..span.start).unwrap_or_default();
    let after = text.get(span.end..).unwrap_or_default();
    let mut spliced = before.to_owned();
    if !before.is_empty() {
        let ends = before.bytes().rev().filter(|b| *b != b'\r').take_while(|b| *b == b'\n').count();
        spliced.push_str(&end.repeat(2_usize.saturating_sub(ends)));
    }
    spliced.push_str(&section.replace('\n', end));
    if !after.is_empty() && !after.starts_with(['\n', '\r']) {
        spliced.push_str(end);
    }
    spliced.push_str(after);
    spliced
}

#[cfg(test)]
mod tests;
