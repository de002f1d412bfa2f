//! Chart.yaml: edits that change the lines they mean, and nothing else.

mod flow;
mod write;

use crate::{
    lines::{Line, key_value, lines, parts},
    refusal::{Code, Refusal, Result},
    yaml,
};
use semver::Version;
use serde_json::{Map, Value};
use serde_saphyr::{DuplicateKeyPolicy, options};
use std::ops::Range;

/// Annotation with the changes of a release, a YAML list in a text.
const CHANGES: &str = "artifacthub.io/changes";
/// Annotation that marks a release as not final.
const PRERELEASE: &str = "artifacthub.io/prerelease";

/// What a Chart.yaml is to say afterwards; `None` leaves a value as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    /// The chart's version, written plain.
    pub version: Option<Version>,
    /// The version of the application, written in double quotes: `1.10` is no number.
    pub app_version: Option<String>,
    /// The text of the annotation `artifacthub.io/changes`, a list in YAML of several lines.
    pub changes: Option<String>,
    /// The annotation `artifacthub.io/prerelease`; `false` is written only over a value that is there.
    pub prerelease: Option<bool>,
}

/// Edits the text of a Chart.yaml; line breaks, comments, order and styles of everything else stay.
///
/// What already says what it should is not touched, so a second edit changes nothing.
///
/// # Errors
/// `yaml/malformed`; `chart/duplicate-key`, as readers differ in which one counts; `chart/not-editable` when the edited text
/// would not say exactly what was meant, which is found by reading both (reference helm-oci §3.3).
pub fn edit(chart_yaml: &str, edits: &Edits) -> Result<String> {
    let before = yaml::parse(chart_yaml)?;
    refuse_duplicates(chart_yaml)?;
    let Value::Object(root) = &before else { return Err(not_editable("Chart.yaml is not a mapping")) };
    let meant = meant(root, edits)?;
    let mut text = chart_yaml.to_owned();
    for key in ["version", "appVersion"] {
        if let Some(Value::String(value)) = meant.get(key).filter(|value| root.get(key) != Some(value)) {
            text = set_field(&text, key, value)?;
        }
    }
    let annotations = |map: &Map<String, Value>, key: &str| map.get("annotations").and_then(|all| all.get(key)).cloned();
    for key in [CHANGES, PRERELEASE] {
        let value = annotations(&meant, key).filter(|value| Some(value) != annotations(root, key).as_ref());
        if let Some(Value::String(value)) = value {
            text = set_annotation(&text, key, &value)?;
        }
    }
    let after = yaml::parse(&text).ok().filter(|_| refuse_duplicates(&text).is_ok());
    if after != Some(Value::Object(meant)) {
        return Err(not_editable("Chart.yaml is written in a style in which the edit would change more than it means"));
    }
    Ok(text)
}

/// The content of the file as it is to be.
fn meant(root: &Map<String, Value>, edits: &Edits) -> Result<Map<String, Value>> {
    let mut meant = root.clone();
    if let Some(version) = &edits.version {
        meant.insert("version".to_owned(), Value::String(version.to_string()));
    }
    if let Some(version) = &edits.app_version {
        meant.insert("appVersion".to_owned(), Value::String(version.clone()));
    }
    let has_prerelease = root.get("annotations").is_some_and(|all| all.get(PRERELEASE).is_some());
    let prerelease = edits.prerelease.filter(|&is_set| is_set || has_prerelease).map(|is_set| is_set.to_string());
    for (key, value) in [(CHANGES, edits.changes.clone()), (PRERELEASE, prerelease)] {
        let Some(value) = value else { continue };
        let all = meant.entry("annotations").or_insert(Value::Null);
        if all.is_null() {
            *all = Value::Object(Map::new());
        }
        let Value::Object(all) = all else { return Err(not_editable("`annotations` is not a mapping")) };
        all.insert(key.to_owned(), Value::String(value));
    }
    Ok(meant)
}

fn refuse_duplicates(text: &str) -> Result<()> {
    let strict = options! { budget: None, duplicate_keys: DuplicateKeyPolicy::Error, legacy_octal_numbers: true };
    let read: std::result::Result<Vec<Value>, _> = serde_saphyr::from_multiple_with_options(text, strict);
    read.map(|_| ()).map_err(|error| {
        let why = error.to_string();
        let what = format!("Chart.yaml has a key twice: {}", why.lines().next().unwrap_or_default().trim());
        Refusal::new(Code::ChartDuplicateKey, what, "keep one of the two keys").into()
    })
}

fn not_editable(what: &str) -> crate::Refused {
    Refusal::new(Code::ChartNotEditable, what, "make the edit by hand, or write Chart.yaml with one plain `key: value` a line").into()
}

/// A key of a block mapping with the lines of its value.
struct Entry<'a> {
    /// The key's line.
    line: Line<'a>,
    /// What follows the colon in the key's line.
    rest: &'a str,
    /// Byte offset after the last line of its value.
    end: usize,
}

/// The entry of `key` among lines of one indentation.
fn find<'a>(text: &'a str, range: Range<usize>, indent: usize, key: &str) -> Option<Entry<'a>> {
    let mut found: Option<Entry<'_>> = None;
    for line in lines(text, range.start).take_while(|line| line.start < range.end) {
        let text = line.text.strip_prefix('\u{feff}').unwrap_or(line.text);
        if let Some(entry) = &mut found {
            let is_item = indent == line.indent() && line.text.trim_start().starts_with("- ");
            let is_blank = line.text.trim().is_empty() && line.indent() <= indent;
            if (line.indent() > indent && !is_blank) || (is_item && entry.rest.trim().is_empty()) {
                entry.end = line.end;
            } else if is_blank {
                // The blank lines behind a `|+` are its own.
                let header = parts(entry.rest).1;
                let is_kept = header.starts_with(['|', '>']) && header.contains('+');
                entry.end = if is_kept { line.end } else { entry.end };
            } else {
                break;
            }
        } else if line.indent() == indent
            && let Some((_, rest)) = key_value(text.trim_start_matches(' ')).filter(|(name, _)| name == key)
        {
            found = Some(Entry { line, rest, end: line.end });
        }
    }
    found
}

/// Where the first document ends.
fn document_end(text: &str) -> usize {
    let is_mark =
        |line: &Line<'_>| ["---", "..."].iter().any(|mark| line.text.strip_prefix(mark).is_some_and(|rest| !rest.starts_with('-')));
    let mut has_content = false;
    for line in lines(text, 0) {
        if has_content && is_mark(&line) {
            return line.start;
        }
        let bare = line.text.trim_start_matches('\u{feff}');
        has_content |= !line.is_silent() && !bare.starts_with(['#', '%']) && !bare.starts_with("---");
    }
    text.len()
}

fn line_break(text: &str) -> &'static str {
    if text.split_inclusive('\n').next().is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" }
}

/// Replaces a range of a text; whole lines are written with the file's line break.
fn replace(text: &str, range: Range<usize>, with: &str) -> String {
    let with = with.replace('\n', line_break(text));
    let head = text.get(..range.start).unwrap_or_default();
    let gap = if !with.is_empty() && with.ends_with('\n') && !head.is_empty() && !head.ends_with('\n') { line_break(text) } else { "" };
    format!("{head}{gap}{with}{}", text.get(range.end..).unwrap_or_default())
}

/// Writes a top-level field.
fn set_field(text: &str, key: &str, value: &str) -> Result<String> {
    let end = document_end(text);
    let written = if key == "version" { value.to_owned() } else { write::double_quoted(value) };
    if let Some(entry) = find(text, 0..end, 0, key) {
        return Ok(replace_value(text, &entry, &written));
    }
    let at = find(text, 0..end, 0, "version").map_or(end, |entry| entry.end);
    if find(text, 0..end, 0, "name").is_none() {
        return Err(not_editable("Chart.yaml has no `name:` at the start of a line"));
    }
    Ok(replace(text, at..at, &format!("{key}: {written}\n")))
}

/// Replaces the value of an entry by one that stands in its line; a comment behind it stays.
fn replace_value(text: &str, entry: &Entry<'_>, written: &str) -> String {
    let (lead, value, after) = parts(entry.rest);
    let start = entry.line.start + entry.line.text.len() - entry.rest.len();
    let line_end = start + entry.rest.len();
    let is_one_line = entry.end == entry.line.end;
    let lead = if lead.is_empty() || value.is_empty() && !lead.ends_with(' ') { format!("{lead} ") } else { lead.to_owned() };
    let gap = if after.starts_with('#') { " " } else { "" };
    let after = if is_one_line { after } else { after.trim_end() };
    let mut out = replace(text, start..line_end, &format!("{lead}{written}{gap}{after}"));
    if !is_one_line {
        let grown = out.len() + entry.end - text.len();
        let first_end = entry.line.end + out.len() - text.len();
        out.replace_range(first_end..grown, "");
    }
    out
}

/// Writes an annotation, in the style in which the annotations stand.
fn set_annotation(text: &str, key: &str, value: &str) -> Result<String> {
    let end = document_end(text);
    let Some(all) = find(text, 0..end, 0, "annotations") else {
        if find(text, 0..end, 0, "name").is_none() {
            return Err(not_editable("Chart.yaml has no `name:` at the start of a line"));
        }
        return Ok(replace(text, end..end, &format!("annotations:\n{}", write::annotation(2, key, value))));
    };
    let (_, header, after) = parts(all.rest);
    let rest_start = all.line.start + all.line.text.len() - all.rest.len();
    if header.starts_with('{') && !is_empty_flow(header) {
        let region = rest_start..all.end;
        let flow = text.get(region.clone()).unwrap_or_default();
        let edited = flow::set(flow, key, value).ok_or_else(|| not_editable("`annotations` is a flow mapping that cannot be followed"))?;
        return Ok(format!("{}{edited}{}", text.get(..region.start).unwrap_or_default(), text.get(region.end..).unwrap_or_default()));
    }
    if is_empty_flow(header) || matches!(header, "null" | "~") {
        let comment = if after.trim().is_empty() { String::new() } else { format!(" {}", after.trim()) };
        let written = format!("{comment}\n{}", write::annotation(2, key, value));
        return Ok(replace_lines(text, rest_start..all.line.end, &written));
    }
    if !header.is_empty() {
        return Err(not_editable("`annotations` is not a mapping written in lines"));
    }
    let children = all.line.end..all.end;
    let first = lines(text, children.start).take_while(|line| line.start < children.end).find(|line| !line.is_silent());
    let indent = first.map_or(2, |line| line.indent()).max(1);
    let written = write::annotation(indent, key, value);
    let place = find(text, children.clone(), indent, key).map_or(children.end..children.end, |old| old.line.start..old.end);
    Ok(replace(text, place, &written))
}

fn is_empty_flow(value: &str) -> bool {
    value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).is_some_and(|inner| inner.trim().is_empty())
}

/// Replaces from within a line to the end of a line.
fn replace_lines(text: &str, range: Range<usize>, with: &str) -> String {
    let (head, tail) = (text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default());
    format!("{head}{}{tail}", with.replace('\n', line_break(text)))
}

#[cfg(test)]
mod tests;
