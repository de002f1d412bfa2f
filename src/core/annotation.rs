//! The annotation of a release tag: lineage, changelog and source, as people read them and as later stages parse them (MISSION A.3).

use crate::{
    changelog, map, markdown,
    name::{ObjectId, ReleaseTag},
    refusal::{Code, Refusal},
    stage::{Key, Stage},
    statement::Reference,
};
use std::{collections::BTreeMap, fmt, str::FromStr};

const LINEAGE: &str = "Attestation Lineage:";
const REFERENCES: &str = "CHARTREL_LINEAGE ";
const BREAK_GLASS: &str = "Break-Glass: ";
const CHANGELOG: &str = "Changelog:";

/// What a release tag says.
///
/// Shape (lines of `…` repeat; the two in brackets may be absent):
/// ```text
/// Release: <chart> v<version>
///
/// Attestation Lineage:
/// - Workflow 1: <id>
/// - Workflow 5: <id>
/// - <key>: <id> …
///
/// [CHARTREL_LINEAGE {"attestations":{"<key>":<reference>…},"version":1}]
///
/// [Break-Glass: <reason>]
///
/// Changelog:
/// <changelog>
///
/// Source PR: #<number>
/// Commit: <sha>
/// ```
/// The changelog is others' text. All that is parsed stands before its heading or in the last two lines, so it can forge nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The tag.
    pub tag: ReleaseTag,
    /// Key to attestation id.
    pub attestations: BTreeMap<Key, String>,
    /// How each is found and recognised.
    pub references: BTreeMap<Key, Reference>,
    /// The changes; written trimmed and with LF line ends, and never empty.
    pub changelog: String,
    /// The pull request that brought the release to `main`; `None` for a break-glass commit that had none.
    pub source_pr: Option<u64>,
    /// The tagged commit.
    pub commit: ObjectId,
    /// The stated reason of a break-glass release.
    pub break_glass: Option<String>,
}

impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Release: {} v{}\n\n{LINEAGE}", self.tag.chart, self.tag.version)?;
        for stage in [Stage::Validate, Stage::Bump] {
            if let Some(id) = self.attestations.get(&stage.overall()) {
                writeln!(f, "- Workflow {}: {}", stage.number(), markdown::plain(id))?;
            }
        }
        for (key, id) in in_order(&self.attestations) {
            writeln!(f, "- {key}: {}", markdown::plain(id))?;
        }
        if !self.references.is_empty() {
            writeln!(f, "\n{REFERENCES}{}", map::references_to_line(&self.references))?;
        }
        if let Some(reason) = &self.break_glass {
            writeln!(f, "\n{BREAK_GLASS}{}", markdown::plain(reason))?;
        }
        let changelog = self.changelog.replace("\r\n", "\n");
        let changelog = if changelog.trim().is_empty() { changelog::FALLBACK } else { changelog.trim() };
        let source = self.source_pr.map_or_else(|| "none".to_owned(), |number| format!("#{number}"));
        writeln!(f, "\n{CHANGELOG}\n{changelog}\n\nSource PR: {source}\nCommit: {}", self.commit)
    }
}

/// Checks first, then the stages in order, each with its link last.
fn in_order(attestations: &BTreeMap<Key, String>) -> Vec<(&Key, &String)> {
    let mut entries: Vec<_> = attestations.iter().collect();
    entries.sort_by_key(|(key, _)| (!key.is_check(), key.stage(), key.overall_of().is_some()));
    entries
}

impl FromStr for Annotation {
    type Err = Refusal;

    /// Reads an annotation; besides the form above, `PR: #<n>` for `Source PR: #<n>` (C-24).
    fn from_str(text: &str) -> Result<Self, Refusal> {
        let text = text.replace("\r\n", "\n");
        let lines: Vec<_> = text.trim_end().lines().collect();
        let (tag, head, changelog, foot) = split(&lines)?;
        let mut annotation = Self {
            tag,
            attestations: BTreeMap::new(),
            references: BTreeMap::new(),
            changelog,
            source_pr: source_pr(foot.0)?,
            commit: value(foot.1, "Commit: ").and_then(|sha| sha.parse().ok()).ok_or_else(|| unexpected(foot.1, "`Commit: <sha>`"))?,
            break_glass: None,
        };
        for line in head.iter().filter(|line| !line.trim().is_empty()) {
            annotation.read_line(line)?;
        }
        Ok(annotation)
    }
}

impl Annotation {
    fn read_line(&mut self, line: &str) -> Result<(), Refusal> {
        if let Some(json) = line.strip_prefix(REFERENCES) {
            self.references = map::references_from_line(json).map_err(|why| malformed(format!("its references can't be read: {why}")))?;
            return Ok(());
        }
        if let Some(reason) = line.strip_prefix(BREAK_GLASS) {
            self.break_glass = Some(reason.to_owned());
            return Ok(());
        }
        let entry = line.strip_prefix("- ").and_then(|entry| entry.split_once(": "));
        let (key, id) = entry.and_then(|(name, id)| Some((key(name)?, id.trim()))).ok_or_else(|| unexpected(line, "`- <key>: <id>`"))?;
        match self.attestations.insert(key.clone(), id.to_owned()) {
            Some(other) if other != id => Err(malformed(format!("`{key}` has two ids, `{other}` and `{id}`"))),
            _ => Ok(()),
        }
    }
}

/// Tag, lines of the lineage, changelog, and the last two lines.
type Parts<'a> = (ReleaseTag, &'a [&'a str], String, (&'a str, &'a str));

fn split<'a>(lines: &'a [&'a str]) -> Result<Parts<'a>, Refusal> {
    let first = lines.first().copied().unwrap_or_default();
    let tag = value(first, "Release: ").and_then(|name| {
        let (chart, version) = name.rsplit_once(" v")?;
        Some(ReleaseTag { chart: chart.parse().ok()?, version: version.parse().ok()? })
    });
    let tag = tag.ok_or_else(|| unexpected(first, "`Release: <chart> v<version>`"))?;
    let at = |heading: &str| {
        lines.iter().position(|line| line.trim_end() == heading).ok_or_else(|| malformed(format!("it has no line `{heading}`")))
    };
    let (lineage, changelog) = (at(LINEAGE)?, at(CHANGELOG)?);
    let gap = lines.get(1..lineage).unwrap_or_default();
    if let Some(line) = gap.iter().find(|line| !line.trim().is_empty()) {
        return Err(unexpected(line, "the attestation lineage"));
    }
    let head = lines.get(lineage + 1..changelog).ok_or_else(|| malformed("its changelog stands before its lineage"))?;
    match lines.get(changelog + 1..) {
        Some([middle @ .., source, commit]) => Ok((tag, head, middle.join("\n").trim().to_owned(), (source, commit))),
        _ => Err(malformed("it doesn't end in `Source PR: #<number>` and `Commit: <sha>`")),
    }
}

/// The key of `Workflow 5`, or of a key written out.
fn key(name: &str) -> Option<Key> {
    match name.strip_prefix("Workflow ") {
        Some(number) => Stage::ALL.into_iter().find(|stage| stage.number().to_string() == number).map(Stage::overall),
        None => name.parse().ok(),
    }
}

fn source_pr(line: &str) -> Result<Option<u64>, Refusal> {
    let source = value(line, "Source PR: ").or_else(|| value(line, "PR: "));
    match source {
        Some("none") => Ok(None),
        _ => {
            source.and_then(|text| text.strip_prefix('#')?.parse().ok()).map(Some).ok_or_else(|| unexpected(line, "`Source PR: #<number>`"))
        }
    }
}

fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix(name).map(str::trim)
}

fn unexpected(line: &str, expected: &str) -> Refusal {
    malformed(format!("it has `{}` where {expected} should stand", line.escape_debug()))
}

fn malformed(why: impl AsRef<str>) -> Refusal {
    let what = format!("the tag's annotation can't be read: {}", why.as_ref());
    Refusal::new(Code::AnnotationMalformed, what, "only tags that chartrel made can be released; merge to `main` and let `tag` make one")
}

#[cfg(test)]
mod tests;
