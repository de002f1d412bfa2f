//! The keys that a policy may have, and what is said of one that is none of them.

use crate::{
    refusal::{Code, Refusal},
    yaml::Spanned,
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::fmt;

/// Every key, with the keys above it; `*` stands for a name of the adopter's choice.
const KEYS: &[&str] = &[
    "version",
    "branches.main",
    "branches.integration",
    "branches.release",
    "branches.chart",
    "branches.sync",
    "branches.publish",
    "bot",
    "checks.required",
    "signers.workflows",
    "signers.refs",
    "signers.released",
    "signers.revoked",
    "signers.files",
    "signers.issuer",
    "signers.keys.*.workflow",
    "signers.keys.*.ref",
    "trust.trusted-root",
    "trust.signing-config",
    "runners",
    "break-glass.enabled",
    "publish.oci",
    "publish.mirrors",
    "publish.repository-url",
    "publish.repository-name",
    "publish.s3.bucket",
    "publish.s3.region",
    "publish.s3.distribution",
    "version-options.bump-minor-pre-major",
    "version-options.bump-patch-for-minor-pre-major",
];

/// The mappings of a document; everything else is passed over.
pub(super) enum Node {
    /// A mapping, with the line of each key.
    Map(Vec<(Spanned<String>, Node)>),
    /// Anything else.
    Other,
}

/// One refusal for each key that a policy does not have.
pub(super) fn unknown(node: &Node) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    walk(node, &mut Vec::new(), &mut refusals);
    refusals
}

fn walk(node: &Node, path: &mut Vec<String>, refusals: &mut Vec<Refusal>) {
    let Node::Map(entries) = node else { return };
    let known = below(path);
    // Below a leaf there is nothing to know: that it is no mapping is said by whoever reads the leaf.
    if known.is_empty() {
        return;
    }
    for (key, value) in entries {
        if !known.contains(&"*") && !known.contains(&key.value.as_str()) {
            refusals.push(refusal(key, path, &known));
            continue;
        }
        path.push(key.value.clone());
        walk(value, path, refusals);
        path.pop();
    }
}

/// The keys that may stand below a path.
fn below(path: &[String]) -> Vec<&'static str> {
    let mut found: Vec<_> = KEYS.iter().filter_map(|key| next(key, path)).collect();
    found.dedup();
    found
}

fn next(key: &'static str, path: &[String]) -> Option<&'static str> {
    let mut words = key.split('.');
    let is_below = path.iter().all(|word| words.next().is_some_and(|known| known == "*" || known == word));
    if is_below { words.next() } else { None }
}

fn refusal(key: &Spanned<String>, path: &[String], known: &[&str]) -> Refusal {
    let place = if path.is_empty() { "the policy".to_owned() } else { format!("`{}`", path.join(".").escape_debug()) };
    let what = format!("line {} of `{}`: {place} has no key `{}`", key.referenced.line(), super::PATH, key.value.escape_debug());
    let help = match nearest(&key.value, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use one of `{}`", known.join("`, `")),
    };
    Refusal::new(Code::PolicyUnknownKey, what, help)
}

/// The known word that the fewest changes make of this one, if a third of it is enough.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.get(..60).unwrap_or(word);
    let near = known.iter().map(|one| (distance(word, one), *one)).min()?;
    (near.0 <= near.1.len().div_ceil(3)).then_some(near.1)
}

/// How many letters are to be put in, left out or replaced to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut next = vec![above + 1];
        for ((corner, up), target) in row.iter().zip(row.iter().skip(1)).zip(&other) {
            let left = next.last().copied().unwrap_or_default();
            next.push((corner + usize::from(letter != *target)).min(up + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping, a list or a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_words_counts_their_letters() {
        for (one, other, expected) in [("", "", 0), ("main", "main", 0), ("mian", "main", 2), ("require", "required", 1), ("", "abc", 3)] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn a_word_that_is_near_to_none_has_no_suggestion() {
        assert_eq!(nearest("requird", &["required"]), Some("required"));
        assert_eq!(nearest("colour", &["required", "main"]), None);
    }
}
