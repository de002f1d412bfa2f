//! SHA-256 digests, and the digest of a chart.

use crate::refusal::{Code, Refusal};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use std::{fmt, str::FromStr};

/// A SHA-256 digest.
///
/// Shape: written `sha256:` and 64 lower-case hex digits (OCI image-spec 1.1, descriptor.md, "Digests"); read with or without the prefix.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of some bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(sha2::Sha256::digest(bytes.as_ref()).into())
    }

    /// 64 lower-case hex digits, without a prefix, as in-toto and `sha256sum` write it.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// The 32 bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let mut bytes = [0; 32];
        let is_lower = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_lower || hex::decode_to_slice(digits, &mut bytes).is_err() {
            let what = format!("`{text}` is not a sha256 digest");
            return Err(Refusal::new(Code::InputInvalid, what, "write `sha256:` and 64 lower-case hex digits"));
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|refusal: Refusal| serde::de::Error::custom(refusal.what))
    }
}

/// Digest of a chart: the SHA-256 of the lines `<sha256>  <path>\n` of its files, sorted by path bytes.
///
/// What `sha256sum` prints over the sorted files, hashed again; the in-toto `dirHash1` construction. Paths are from the
/// repository's root (`charts/<folder>/…`). It survives squash, rebase and the split by chart, which commit ids do not.
pub fn chart_digest<'a>(files: impl IntoIterator<Item = (&'a str, Sha256)>) -> Sha256 {
    let mut files: Vec<_> = files.into_iter().collect();
    files.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let mut lines = String::new();
    for (path, digest) in files {
        lines.extend([digest.hex().as_str(), "  ", path, "\n"]);
    }
    Sha256::of(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_what_it_writes() {
        let digest = Sha256::of("chart");
        assert_eq!(digest.to_string().parse::<Sha256>(), Ok(digest));
        assert_eq!(digest.hex().parse::<Sha256>(), Ok(digest));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for text in ["", "sha256:", "sha256:AB", &"g".repeat(64), &"A".repeat(64), &"a".repeat(63)] {
            assert!(text.parse::<Sha256>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_chart_digest_is_that_of_sha256sum_over_the_sorted_files() {
        // printf a > a; printf b > b; sha256sum a b | sha256sum
        let files = [("b", Sha256::of("b")), ("a", Sha256::of("a"))];
        let lines = format!("{}  a\n{}  b\n", Sha256::of("a").hex(), Sha256::of("b").hex());
        assert_eq!(chart_digest(files), Sha256::of(lines));
    }
}
