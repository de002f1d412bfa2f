//! Where the sections of a changelog stand, by headings and never by what merely looks like one.

use crate::markdown::{self, Fence};
use semver::Version;

/// The section of a version, in bytes of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) version: Version,
    /// The line of its heading, from 1.
    pub(super) line: usize,
    /// Where its heading starts.
    pub(super) start: usize,
    /// Where what is below the heading starts.
    pub(super) body: usize,
    /// Where it ends: blank lines before the next section are not part of it.
    pub(super) end: usize,
}

/// The sections in the order of the file.
///
/// A section ends before the next heading of its level or above, the heading of another version, a rule (`---`), or the link definitions
/// and comments at the end of the file.
pub(super) fn sections(text: &str) -> Vec<Section> {
    let end_of_text = end_of_text(text);
    let mut sections: Vec<Section> = Vec::new();
    let mut open: Option<usize> = None;
    for line in lines(text).into_iter().filter(|line| line.start < end_of_text) {
        let version = line.heading.and_then(|(level, title)| Some((level, version(title).filter(|_| level <= 3)?)));
        let closes = open.is_some_and(|level| line.is_rule || line.heading.is_some_and(|(other, _)| other <= level));
        if closes || version.is_some() {
            end_last(&mut sections, open.take(), text, line.start);
        }
        if let Some((level, version)) = version {
            open = Some(level);
            sections.push(Section { version, line: line.number, start: line.start, body: line.end, end: end_of_text });
        }
    }
    end_last(&mut sections, open, text, end_of_text);
    sections
}

/// Where the text ends and link definitions, comments and blank lines alone follow.
pub(super) fn end_of_text(text: &str) -> usize {
    let last = lines(text).into_iter().rev().find(|line| line.is_code || !is_tail(text.get(line.start..line.end).unwrap_or_default()));
    last.map_or(0, |line| line.end)
}

/// Whether a code block is still open where the file ends.
pub(super) fn ends_in_code(text: &str) -> bool {
    let mut fence = Fence::default();
    for line in text.lines() {
        fence.holds(line);
    }
    fence.close().is_some()
}

struct Line<'a> {
    number: usize,
    start: usize,
    end: usize,
    heading: Option<(usize, &'a str)>,
    is_rule: bool,
    is_code: bool,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut fence = Fence::default();
    let mut lines = Vec::new();
    let mut start = 0;
    let mut is_after_blank = true;
    for (index, raw) in text.split_inclusive('\n').enumerate() {
        let content = raw.trim_end_matches(['\n', '\r']);
        let is_code = fence.holds(content);
        let heading = if is_code { None } else { markdown::heading(content) };
        // Below a line of text, `---` would underline a heading (CommonMark 0.31, 4.3).
        let is_rule = !is_code && is_after_blank && is_rule(content);
        lines.push(Line { number: index + 1, start, end: start + raw.len(), heading, is_rule, is_code });
        start += raw.len();
        is_after_blank = content.trim().is_empty();
    }
    lines
}

fn end_last(sections: &mut [Section], open: Option<usize>, text: &str, at: usize) {
    if let (Some(_), Some(last)) = (open, sections.last_mut()) {
        let held = text.get(last.body..at).unwrap_or_default().trim_end();
        // The line end after the last line of text belongs to the section.
        let end = last.body + held.len();
        let rest = text.get(end..at).unwrap_or_default();
        let line_end = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        last.end = if held.is_empty() { last.body } else { end + line_end };
    }
}

/// The version that a heading names: `[1.2.3] - 2026-01-01`, `v1.2.3 (2026-01-01)`, `[1.2.3](https://…)`, `nginx-v1.2.3`.
fn version(title: &str) -> Option<Version> {
    let title = title.trim_start_matches('[');
    let word = title.split(|c: char| matches!(c, ']' | '(') || c.is_whitespace()).next()?;
    let bare = word.strip_prefix('v').unwrap_or(word);
    Version::parse(bare).ok().or_else(|| Some(word.parse::<crate::name::ReleaseTag>().ok()?.version))
}

fn is_rule(line: &str) -> bool {
    let marks: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    marks.len() >= 3 && ['-', '*', '_'].iter().any(|mark| marks.chars().all(|c| c == *mark))
}

fn is_tail(line: &str) -> bool {
    let line = line.trim();
    let is_comment = line.starts_with("<!--") && line.ends_with("-->");
    line.is_empty() || is_comment || (line.starts_with('[') && line.contains("]: "))
}
