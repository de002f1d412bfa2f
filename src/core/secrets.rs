//! Secrets in files: shapes that are a private key or an access token and nothing else.

use regex::bytes::Regex;
use std::sync::LazyLock;

/// Something that looks like a secret; what it says is never repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The line, from 1.
    pub line: usize,
    /// What kind it is.
    pub kind: &'static str,
}

/// Shapes whose issuers fixed them so that scanners can tell them (GitHub, AWS, Slack, npm); a PEM private key is told by its body.
static SHAPES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s*(?:\\n)?\s*[A-Za-z0-9+/=]{40}", "a private key"),
        (r"\bgh[pousr]_[A-Za-z0-9]{36}\b", "a token for GitHub"),
        (r"\bgithub_pat_[A-Za-z0-9_]{82}\b", "a token for GitHub"),
        (r"\bAKIA[0-9A-Z]{16}\b", "an access key for AWS"),
        (r"\bxox[abprs]-[0-9A-Za-z-]{20,}\b", "a token for Slack"),
        (r"\bnpm_[A-Za-z0-9]{36}\b", "a token for npm"),
    ]
    .into_iter()
    .filter_map(|(shape, kind)| Some((Regex::new(shape).ok()?, kind)))
    .collect()
});

/// AWS's own example, which stands in half the world's documentation.
const EXAMPLE: &[u8] = b"AKIAIOSFODNN7EXAMPLE";

/// Finds what looks like a secret.
pub fn find(bytes: &[u8]) -> Vec<Found> {
    let line_of = |at: usize| bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    let mut found: Vec<Found> = SHAPES
        .iter()
        .flat_map(|(shape, kind)| {
            shape.find_iter(bytes).filter(|hit| hit.as_bytes() != EXAMPLE).map(|hit| Found { line: line_of(hit.start()), kind })
        })
        .collect();
    found.sort_by_key(|one| one.line);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_compiles() {
        assert_eq!(SHAPES.len(), 6);
    }

    #[test]
    fn secrets_are_found_by_line_and_kind() {
        let token = format!("ghp_{}", "a1".repeat(18));
        let key = format!("key: |\n  -----BEGIN RSA PRIVATE KEY-----\n  {}\n", "M".repeat(64));
        for (text, expected) in [
            (format!("a: 1\ntoken: {token}\n"), Some((2, "a token for GitHub"))),
            (key, Some((2, "a private key"))),
            ("id: AKIAIOSFODNN7EXAMPLE".to_owned(), None),
            ("help: put `-----BEGIN PRIVATE KEY-----` here".to_owned(), None),
        ] {
            let found = find(text.as_bytes());
            assert_eq!(found.first().map(|one| (one.line, one.kind)), expected, "{text}");
        }
    }
}
