//! YAML as Helm reads and writes it: go-yaml v2 behind `sigs.k8s.io/yaml`, which is YAML 1.1 read into JSON.

mod emit;
mod scalar;

use crate::refusal::{Code, Refusal, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::{DuplicateKeyPolicy, Options, budget, options};

pub use emit::emit;
pub(crate) use emit::natural;
pub(crate) use scalar::{is_number_with_underscores, is_string_when_plain};
/// A value with the line that it stands on, for what [`from_str`] reads.
pub use serde_saphyr::Spanned;

/// Reads the first document of a text.
///
/// YAML 1.1 booleans and octal numbers, merge keys, the last of duplicate keys: as Helm does.
///
/// # Errors
/// `yaml/malformed` with the line.
pub fn parse(text: &str) -> Result<Value> {
    Ok(documents(text, "the YAML")?.into_iter().next().unwrap_or(Value::Null))
}

/// Reads all documents of a text, as [`parse`] reads the first.
///
/// # Errors
/// `yaml/malformed` naming `what`, with the line.
pub fn documents(text: &str, what: &str) -> Result<Vec<Value>> {
    serde_saphyr::from_multiple_with_options(text, helm()).map_err(|error| malformed(what, &error))
}

/// Reads a file of our own into its type: unknown and duplicate keys are errors.
///
/// # Errors
/// `yaml/malformed` naming `what`, with line and column.
pub fn from_str<T: DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_saphyr::from_str(text).map_err(|error| malformed(what, &error))
}

/// The first line of the parser's account has line, column and reason; the rest is a picture for a terminal.
fn malformed(what: &str, error: &serde_saphyr::Error) -> crate::Refused {
    let text = error.to_string();
    let why = text.lines().next().unwrap_or_default();
    let why = why.strip_prefix("error: ").unwrap_or(why);
    Refusal::new(Code::YamlMalformed, format!("{what} cannot be read: {why}"), "mend the line that is named").into()
}

/// Files are bounded where they are read; what is bounded here is what a small file can blow up: nesting and aliases.
///
/// The deepest file known, a CRD, nests 40 times; at 90 a debug build overflows the stack of a thread.
pub(crate) fn helm() -> Options {
    options! {
        budget: budget! {
            max_depth: 64,
            max_buffered_comment_events: usize::MAX,
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            max_recorded_anchor_events: 100_000,
            enforce_alias_anchor_ratio: false,
        },
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_is_read_as_helm_reads_it() {
        for (text, expected) in [
            ("a: yes", json!({"a": true})),
            ("a: off", json!({"a": false})),
            ("a: 0777", json!({"a": 511})),
            ("a: 1\na: 2", json!({"a": 2})),
            ("a: 1\n---\nb: 2\n", json!({"a": 1})),
            ("x: &x {a: 1}\ny: {<<: *x, b: 2}", json!({"x": {"a": 1}, "y": {"a": 1, "b": 2}})),
            ("", Value::Null),
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_line() {
        for (text, line) in [("a: 1\nb: [\n", "line 2"), ("a:\n\tb: 1\n", "line 2"), ("a: .inf\n", "line 1"), ("a: \"\n", "line ")] {
            let refused = parse(text).unwrap_err();
            assert_eq!(refused.violations()[0].code, Code::YamlMalformed);
            assert!(refused.violations()[0].what.contains(line), "{refused}");
        }
    }

    #[test]
    fn a_small_text_cannot_fill_memory_or_the_stack() {
        let mut bomb = "a0: &a0 x\n".to_owned();
        for n in 1..30 {
            let aliases = vec![format!("*a{}", n - 1); 10].join(",");
            bomb.extend([format!("a{n}: &a{n} [{aliases}]\n")]);
        }
        for text in [bomb, "[".repeat(100_000), "- ".repeat(100_000), "- ".repeat(65)] {
            assert_eq!(parse(&text).unwrap_err().violations()[0].code, Code::YamlMalformed, "{text:.20}");
        }
        assert!(parse(&"- ".repeat(64)).is_ok());
    }

    #[test]
    fn many_comments_and_many_nodes_are_no_fault() {
        let text = format!("a:\n{}  b: 1\nlist:\n{}", "  # a comment\n".repeat(1000), "- x\n".repeat(251_000));
        assert_eq!(parse(&text).unwrap()["a"]["b"], 1);
    }

    #[test]
    fn what_is_written_reads_back() {
        let awkward = [
            "on",
            "y",
            "1_000",
            "0o7",
            "1.10",
            "null",
            "~",
            "- a",
            "a: b",
            "a #b",
            " lead",
            "trail ",
            "l1\nl2\n",
            "l1\nl2",
            "🚀",
            "",
            "'",
            "\"",
            "@x",
            "2021-01-01",
            "a\tb",
        ];
        for text in awkward {
            let value = json!({"key": text, "list": [text], "map": {"inner": text}});
            let written = emit(&value);
            assert_eq!(parse(&written).unwrap(), value, "{written}");
        }
    }
}
