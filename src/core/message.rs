//! The commit messages that stages write, and the trailers by which later stages know them (MISSION A.6).

use crate::name::{ChartFolder, ObjectId, ReleaseTag};
use semver::Version;
use std::fmt::Write as _;

/// Trailer of a sync commit: a pull request that brought the change to `integration`, as `#<number>`.
pub const SOURCE_PR: &str = "Source-PR";
/// Trailer of a sync commit: the commit of `integration` whose chart was taken, 40 hex digits.
pub const SOURCE_COMMIT: &str = "Source-Commit";
/// Trailer of a commit that a stage made: the stage's verb. The guard against loops looks for it, not for an author (C-13).
pub const STAGE: &str = "Chartrel-Stage";

/// The most subjects a sync commit lists; the changelog is made from the commits themselves, not from this list.
const SUBJECTS: usize = 100;
/// The longest subject it repeats, in characters.
const SUBJECT_LENGTH: usize = 200;

/// The message of the sync commit, and of enforce's merge: subject, original subjects, trailers.
///
/// Shape: `chore(<folder>): sync from integration`, a list `* <subject>`, then `Source-PR: #<n>` lines and `Source-Commit: <sha>`.
/// The subjects are others' text: one line each, and never a trailer or an instruction to skip CI.
pub fn sync(folder: &ChartFolder, source_prs: &[u64], source_commit: &ObjectId, subjects: &[impl AsRef<str>]) -> String {
    let mut message = format!("chore({folder}): sync from integration\n\n");
    for subject in subjects.iter().take(SUBJECTS) {
        let _ = writeln!(message, "* {}", inert_subject(subject.as_ref()));
    }
    if subjects.len() > SUBJECTS {
        let _ = writeln!(message, "* and {} more", subjects.len() - SUBJECTS);
    }
    if !subjects.is_empty() {
        message.push('\n');
    }
    for number in source_prs {
        let _ = writeln!(message, "{SOURCE_PR}: #{number}");
    }
    let _ = writeln!(message, "{SOURCE_COMMIT}: {source_commit}");
    message
}

/// The message of bump's commit, with the id of the verification it stands on.
pub fn bump(folder: &ChartFolder, version: &Version, verification_id: &str) -> String {
    let id = inert_subject(verification_id);
    format!("chore({folder}): bump version to {version}\n\nAttestation verification: {id}\n\n{STAGE}: bump\n")
}

/// The message of a commit on the publish branch: which tag, which run, which commit of `main`.
pub fn publish(tag: &ReleaseTag, workflow: &str, commit: &ObjectId) -> String {
    let (chart, version, workflow) = (&tag.chart, &tag.version, inert_subject(workflow));
    format!("chore(release): publish {chart} v{version}\n\nTag: {tag}\nWorkflow: {workflow}\nCommit: {commit}\n")
}

/// The value of the last trailer of that name, case ignored.
///
/// Trailers are the lines of the last paragraph, if it isn't the first and each of its lines is `Name: value` or a continuation
/// that starts with a blank. Source: git-interpret-trailers(1), without its tolerance for other lines in between.
pub fn trailer<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    trailers(message).into_iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Every trailer, in order: name and value. Continuation lines are left out of the value.
pub fn trailers(message: &str) -> Vec<(&str, &str)> {
    let lines: Vec<_> = message.trim_end().lines().collect();
    let start = lines.iter().rposition(|line| line.trim().is_empty()).map_or(0, |blank| blank + 1);
    if start == 0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    for line in lines.get(start..).unwrap_or_default() {
        if line.starts_with([' ', '\t']) && !found.is_empty() {
            continue;
        }
        match line.split_once(':') {
            Some((key, value)) if is_token(key) => found.push((key, value.trim())),
            _ => return Vec::new(),
        }
    }
    found
}

/// The pull requests that a sync commit names.
pub fn source_prs(message: &str) -> Vec<u64> {
    let values = trailers(message).into_iter().filter(|(key, _)| key.eq_ignore_ascii_case(SOURCE_PR));
    values.filter_map(|(_, value)| value.strip_prefix('#')?.parse().ok()).collect()
}

/// The commit of `integration` that a sync commit names, if it names exactly one.
pub fn source_commit(message: &str) -> Option<ObjectId> {
    let mut values = trailers(message).into_iter().filter(|(key, _)| key.eq_ignore_ascii_case(SOURCE_COMMIT));
    match (values.next(), values.next()) {
        (Some((_, value)), None) => value.parse().ok(),
        _ => None,
    }
}

fn is_token(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The first line of others' text, without control characters, and without what GitHub takes as an instruction to skip workflows.
///
/// Source: docs.github.com, "Skipping workflow runs": `[skip ci]`, `[ci skip]`, `[no ci]`, `[skip actions]`, `[actions skip]`.
fn inert_subject(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let line: String = line.chars().filter(|c| !c.is_control()).take(SUBJECT_LENGTH).collect();
    ["skip ci", "ci skip", "no ci", "skip actions", "actions skip"].into_iter().fold(line, |line, words| {
        let instruction = format!("[{words}]");
        let mut rest = line.as_str();
        let mut inert = String::with_capacity(line.len());
        while let Some(at) = rest.to_ascii_lowercase().find(&instruction) {
            inert.push_str(rest.get(..at).unwrap_or_default());
            let _ = write!(inert, "({words})");
            rest = rest.get(at + instruction.len()..).unwrap_or_default();
        }
        inert.push_str(rest);
        inert
    })
}

#[cfg(test)]
mod tests;
