//! Conventional commits: what a message says was changed, and whether it may say so.
//!
//! The grammar of a header is git-conventional's; what release-please reads beyond it (merge bodies, squashes, nested commits) and what it
//! misses (upper-case types, `feat!(x):`, reverts, lower-case `breaking change:`) is done here before the grammar sees the text.

use crate::{
    Refused,
    refusal::{Code, Refusal, Result},
};
use semver::Version;

/// The types that a message may have: Angular's, which release-please knows too, and those that name a section of Keep a Changelog.
pub const TYPES: &[&str] =
    &["build", "chore", "ci", "deprecate", "docs", "feat", "fix", "perf", "refactor", "remove", "revert", "security", "style", "test"];

/// A commit as git has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id, for the reader.
    pub id: String,
    /// The whole message.
    pub message: String,
}

/// One change that a message declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The id of its commit.
    pub commit: String,
    /// The type, in lower case: `feat`, `fix`, …; `feature` reads as `feat`.
    pub kind: String,
    /// The scope, never empty.
    pub scope: Option<String>,
    /// The description: one line, never empty, others' text.
    pub description: String,
    /// Whether it breaks: `!`, or a `BREAKING CHANGE:` paragraph.
    pub is_breaking: bool,
    /// What the `BREAKING CHANGE:` paragraph says, in one line.
    pub breaking_note: Option<String>,
    /// The version that a `Release-As:` footer asks for.
    pub release_as: Option<Version>,
}

/// The changes that a commit's message declares, in the order they stand; none when it isn't conventional.
///
/// * What a stage committed is no change of anybody's ([`is_own`]).
/// * `Merge …` subjects are skipped: the body speaks.
/// * A message splits where a paragraph starts with a conventional header, and at `BEGIN_NESTED_COMMIT` … `END_NESTED_COMMIT`.
/// * The `* feat: …` lines that GitHub lists in a squash are the same change told twice; only one that breaks is a change of its own.
/// * `Revert "…"` is a change of kind `revert`.
///
/// Source: release-please 17.9.0, `src/commit.ts`.
pub fn changes(commit: &Commit) -> Vec<Change> {
    let message = commit.message.replace("\r\n", "\n");
    let (outer, nested) = split_nested(&message);
    let mut found = Vec::new();
    for text in std::iter::once(outer).chain(nested) {
        for part in parts(&text).into_iter().filter(|part| !is_own(part)) {
            found.extend(change(&commit.id, &part));
            found.extend(breaking_bullets(&commit.id, &part));
        }
    }
    found
}

/// Whether a message is one that stages write: a sync, a bump, a publication (MISSION A.6).
pub fn is_own(message: &str) -> bool {
    let subject = message.trim_start().lines().next().unwrap_or_default();
    let Some((head, description)) = subject.strip_prefix("chore(").and_then(|rest| rest.split_once("): ")) else { return false };
    let is_release = head == "release" && (description.starts_with("publish ") || description.starts_with("merge "));
    is_release || description == "sync from integration" || description.starts_with("bump version to ")
}

/// Whether a message needs not be conventional: merges and reverts as git and GitHub write them, and what bots wrote (C-46).
///
/// `author` is the login or name; bots end in `[bot]`, which no person's login can.
pub fn is_exempt(message: &str, author: &str) -> bool {
    is_merge(message.trim_start()) || reverted(message.trim_start()).is_some() || author.ends_with("[bot]")
}

/// Checks a title or message: `<type>(<scope>)!: <description>`, scope and `!` optional.
///
/// Rules, by commitlint's names: `header-shape`, `type-case`, `type-enum`, `scope-empty`, `subject-empty`; and `release-as`, a version.
///
/// # Errors
/// `commit/not-conventional`, naming the message and the rule.
pub fn validate(message: &str) -> Result<()> {
    Refused::unless_empty(broken_rule(message).map(|rule| refusal("", message, &rule)).into_iter().collect())
}

/// Checks the messages of commits, each on its own.
///
/// # Errors
/// `commit/not-conventional` for each that is not, naming the commit and the rule.
pub fn validate_all(commits: &[Commit]) -> Result<()> {
    let refusals = commits.iter().filter_map(|commit| {
        let rule = broken_rule(&commit.message)?;
        let id: String = commit.id.chars().take(12).collect();
        Some(refusal(&format!("commit `{id}` "), &commit.message, &rule))
    });
    Refused::unless_empty(refusals.collect())
}

/// A rule that a message breaks, and why.
struct Broken {
    rule: &'static str,
    why: String,
}

fn refusal(whose: &str, message: &str, broken: &Broken) -> Refusal {
    let subject: String = message.trim().lines().next().unwrap_or_default().chars().take(100).collect();
    let what = format!("{whose}`{}` breaks the rule `{}`: {}", subject.escape_debug(), broken.rule, broken.why);
    Refusal::new(
        Code::CommitNotConventional,
        what,
        "write it as `feat(chart): add a value`, then push the reworded commit or edit the title",
    )
}

fn broken_rule(message: &str) -> Option<Broken> {
    let subject = message.lines().next().unwrap_or_default();
    let broken = |rule, why: String| Some(Broken { rule, why });
    let Some((kind, scope, description)) = shape(subject) else {
        return broken("header-shape", "it is not `<type>(<scope>): <description>`".to_owned());
    };
    if kind.chars().any(char::is_uppercase) {
        return broken("type-case", format!("the type `{}` has upper-case letters", kind.escape_debug()));
    }
    if !TYPES.contains(&kind) {
        return broken("type-enum", format!("the type `{}` is none of {}", kind.escape_debug(), TYPES.join(", ")));
    }
    if scope.is_some_and(|scope| scope.trim().is_empty()) {
        return broken("scope-empty", "the scope between `(` and `)` is empty".to_owned());
    }
    if description.trim().is_empty() {
        return broken("subject-empty", "nothing follows the colon".to_owned());
    }
    let rest = message.split_once('\n').map_or("", |(_, rest)| rest);
    footer(rest, "release-as").and_then(|asked| {
        let why = format!("`Release-As: {}` is no version", asked.escape_debug());
        if version(&asked).is_some() { None } else { broken("release-as", why) }
    })
}

/// Type, scope and description of a header whose delimiters are in place, whatever stands between them.
fn shape(subject: &str) -> Option<(&str, Option<&str>, &str)> {
    let (head, description) = subject.split_once(':')?;
    let head = head.strip_suffix('!').unwrap_or(head);
    let (kind, scope) = match head.split_once('(') {
        Some((kind, rest)) => (kind, Some(rest.strip_suffix(')')?)),
        None => (head, None),
    };
    let is_word = !kind.is_empty() && kind.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    let is_scope = scope.is_none_or(|scope| !scope.contains(['(', ')']));
    // Conventional Commits 1.0.0 §1 and §5: a colon and a space.
    let is_spaced = description.is_empty() || description.starts_with(' ');
    (is_word && is_scope && is_spaced).then_some((kind, scope, description))
}

/// The text outside of nested commits, and each nested commit.
fn split_nested(message: &str) -> (String, Vec<String>) {
    let mut pieces = message.split("BEGIN_NESTED_COMMIT");
    let mut outer = pieces.next().unwrap_or_default().to_owned();
    let mut nested = Vec::new();
    for piece in pieces {
        let (inside, after) = piece.split_once("END_NESTED_COMMIT").unwrap_or((piece, ""));
        nested.push(inside.trim().to_owned());
        outer.push_str(after);
    }
    (outer, nested)
}

/// The parts of a message that each start with a header: the first paragraph, and every later one that is a conventional header of its own.
fn parts(message: &str) -> Vec<String> {
    let mut paragraphs =
        message.split("\n\n").map(|paragraph| paragraph.trim_matches('\n')).filter(|paragraph| !paragraph.trim().is_empty());
    let mut first = paragraphs.next().unwrap_or_default();
    if is_merge(first.trim_start()) {
        first = paragraphs.next().unwrap_or_default();
    }
    let mut parts = vec![first.trim_start().to_owned()];
    for paragraph in paragraphs {
        let is_header = header(paragraph.lines().next().unwrap_or_default()).is_some_and(|header| TYPES.contains(&header.kind.as_str()));
        match parts.last_mut() {
            Some(part) if !is_header => {
                part.push_str("\n\n");
                part.push_str(paragraph);
            }
            _ => parts.push(paragraph.to_owned()),
        }
    }
    parts
}

fn change(commit: &str, part: &str) -> Option<Change> {
    let (subject, rest) = part.split_once('\n').unwrap_or((part, ""));
    let header = header(subject).or_else(|| {
        let description = format!("revert \"{}\"", reverted(subject)?);
        Some(Header { kind: "revert".to_owned(), scope: None, description, is_breaking: false })
    })?;
    let note = footer(rest, "breaking change").or_else(|| footer(rest, "breaking-change")).or_else(|| footer(rest, "breaking changes"));
    Some(Change {
        commit: commit.to_owned(),
        kind: header.kind,
        scope: header.scope,
        description: header.description,
        is_breaking: header.is_breaking || note.is_some(),
        breaking_note: note.filter(|note| !note.is_empty()),
        release_as: footer(rest, "release-as").and_then(|asked| version(&asked)),
    })
}

/// A squash lists its commits as `* <header>`: one that breaks must not be lost under a title that doesn't say so.
fn breaking_bullets(commit: &str, part: &str) -> Vec<Change> {
    let headers = part.lines().skip(1).filter_map(|line| header(line.strip_prefix("* ")?)).filter(|header| header.is_breaking);
    let change = |header: Header| Change {
        commit: commit.to_owned(),
        kind: header.kind,
        scope: header.scope,
        description: header.description,
        is_breaking: true,
        breaking_note: None,
        release_as: None,
    };
    headers.map(change).collect()
}

/// A header that the grammar accepted.
struct Header {
    kind: String,
    scope: Option<String>,
    description: String,
    is_breaking: bool,
}

fn header(line: &str) -> Option<Header> {
    let line = bang_after_scope(line.trim());
    let commit = git_conventional::Commit::parse(&line).ok()?;
    let kind = commit.type_().as_str().to_lowercase();
    let is_word = kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    // `https://…` is a link, not a type.
    if !is_word || commit.description().trim().is_empty() || commit.description().starts_with("//") {
        return None;
    }
    Some(Header {
        kind: if kind == "feature" { "feat".to_owned() } else { kind },
        scope: commit.scope().map(|scope| scope.as_str().trim().to_owned()).filter(|scope| !scope.is_empty()),
        description: commit.description().trim().to_owned(),
        is_breaking: commit.breaking(),
    })
}

/// `feat!(x): y`, a common slip, as `feat(x)!: y`.
fn bang_after_scope(line: &str) -> String {
    match line.split_once("!(") {
        Some((kind, rest)) if !kind.contains([':', ' ', '(']) => {
            rest.split_once("):").map_or_else(|| line.to_owned(), |(scope, description)| format!("{kind}({scope})!:{description}"))
        }
        _ => line.to_owned(),
    }
}

/// The value of a footer, case ignored, at the start of any line: up to the next blank line or footer, as one line. The last one wins.
fn footer(text: &str, name: &str) -> Option<String> {
    let lines: Vec<_> = text.lines().collect();
    let value = |line: &str| {
        let (token, value) = line.trim_start_matches(['*', ' ']).split_once(':')?;
        token.trim_end_matches('*').eq_ignore_ascii_case(name).then(|| value.trim_start_matches('*').trim().to_owned())
    };
    let (at, first) = lines.iter().enumerate().rev().find_map(|(at, line)| Some((at, value(line)?)))?;
    let more = lines.get(at + 1..).unwrap_or_default().iter().take_while(|line| !line.trim().is_empty() && !is_footer(line));
    Some(more.fold(first, |text, line| format!("{text} {}", line.trim())).trim().to_owned())
}

fn is_footer(line: &str) -> bool {
    let token = line.split_once(": ").or_else(|| line.split_once(" #")).map(|(token, _)| token);
    token.is_some_and(|token| token.starts_with(char::is_alphabetic) && token.chars().all(|c| c.is_alphanumeric() || c == '-'))
}

fn version(text: &str) -> Option<Version> {
    let text = text.trim();
    Version::parse(text.strip_prefix(['v', 'V']).unwrap_or(text)).ok()
}

fn is_merge(message: &str) -> bool {
    ["Merge pull request #", "Merge branch ", "Merge branches ", "Merge remote-tracking branch ", "Merge tag ", "Merge commit "]
        .iter()
        .any(|start| message.starts_with(start))
}

/// The subject that a `Revert "…"` takes back.
fn reverted(message: &str) -> Option<&str> {
    let rest = message.lines().next()?.strip_prefix("Revert \"")?;
    Some(rest.rsplit_once('"')?.0).filter(|subject| !subject.trim().is_empty())
}

#[cfg(test)]
mod tests;
