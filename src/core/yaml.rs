//! YAML as Helm reads and writes it: go-yaml v2 behind `sigs.k8s.io/yaml`, which is YAML 1.1 read into JSON.

mod emit;
mod scalar;

use crate::refusal::{Code, Refusal, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::{DuplicateKeyPolicy, Options, options};

pub use emit::emit;
pub(crate) use emit::natural;
/// A value with the line that it stands on, for what [`from_str`] reads.
pub use serde_saphyr::Spanned;

/// Reads the first document of a text.
///
/// YAML 1.1 booleans and octal numbers, merge keys, the last of duplicate keys: as Helm does.
///
/// # Errors
/// `yaml/malformed` with the line.
pub fn parse(text: &str) -> Result<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, helm()).map_err(|error| malformed("the YAML", &error))?;
    Ok(documents.into_iter().next().unwrap_or(Value::Null))
}

/// Reads a file of our own into its type: unknown and duplicate keys are errors.
///
/// # Errors
/// `yaml/malformed` naming `what`, with line and column.
pub fn from_str<T: DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_saphyr::from_str(text).map_err(|error| malformed(what, &error))
}

fn malformed(what: &str, error: &serde_saphyr::Error) -> crate::Refused {
    let text = error.to_string();
    let why: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(4).collect();
    Refusal::new(Code::YamlMalformed, format!("{what} cannot be read: {}", why.join(" ")), "mend the line that is named").into()
}

fn helm() -> Options {
    options! {
        // Files are bounded where they are read; a large index has more nodes than the default budget allows.
        budget: None,
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
        let refused = parse("a: 1\nb: [\n").unwrap_err();
        assert_eq!(refused.violations()[0].code, Code::YamlMalformed);
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
