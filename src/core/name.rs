//! Names that others chose, parsed once at the edge: charts, repositories, tags, git objects.

use crate::refusal::{Code, Refusal};
use semver::Version;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Defines a newtype over `String` with a checking `FromStr`, its inverse `Display`, and serde through both.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $check:expr, $code:expr, $what:literal, $help:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Refusal;

            fn from_str(text: &str) -> Result<Self, Refusal> {
                let is_good: fn(&str) -> bool = $check;
                if is_good(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Refusal::new($code, format!(concat!("`{}` is not ", $what), text.escape_debug()), $help))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse().map_err(|refusal: Refusal| refusal.what)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_type!(
    /// A chart's name, from Chart.yaml: the identity in tags, packages and registries.
    ///
    /// Shape: `^[a-z0-9][a-z0-9.-]*$`, and usable in a git ref (no `..`, no `.lock` or `.` at the end).
    ChartName, is_chart_name, Code::ChartBadName, "a chart name",
    "use lower-case letters, digits, `-` and `.`, starting with a letter or digit"
);

text_type!(
    /// The folder of a chart below `charts/`: the identity in paths, branches and commit subjects.
    ///
    /// Shape: as [`ChartName`].
    ChartFolder, is_chart_name, Code::ChartBadName, "a usable chart folder",
    "use lower-case letters, digits, `-` and `.`, starting with a letter or digit"
);

text_type!(
    /// A git object id: 40 lower-case hex digits (SHA-1).
    ObjectId, |text| text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
    Code::InputInvalid, "a git object id", "write the full 40 hex digits"
);

impl ChartFolder {
    /// The path from the repository's root, `charts/<folder>`; also the name of the subject in statements.
    pub fn path(&self) -> String {
        format!("charts/{self}")
    }
}

fn is_chart_name(text: &str) -> bool {
    let starts_well = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    starts_well
        && text.len() <= 250
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-')
        && !text.contains("..")
        && !text.ends_with('.')
        && std::path::Path::new(text).extension().is_none_or(|end| end != "lock")
}

/// A repository on GitHub, `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Repository {
    owner: String,
    name: String,
}

impl Repository {
    /// The owner as GitHub writes it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The name without the owner.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for Repository {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let is_word = |word: &str| {
            !word.is_empty() && word != "." && word != ".." && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match text.split_once('/') {
            Some((owner, name)) if is_word(owner) && is_word(name) => Ok(Self { owner: owner.to_owned(), name: name.to_owned() }),
            _ => {
                let what = format!("`{}` is not a repository", text.escape_debug());
                Err(Refusal::new(Code::InputInvalid, what, "write it as `owner/name`"))
            }
        }
    }
}

impl TryFrom<String> for Repository {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|refusal: Refusal| refusal.what)
    }
}

impl From<Repository> for String {
    fn from(repository: Repository) -> Self {
        repository.to_string()
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// A release tag, `<chart>-v<version>`.
///
/// A chart may itself be called `foo-v2`: the version is what follows the last `-v` after which a SemVer version stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseTag {
    /// The chart's name.
    pub chart: ChartName,
    /// The released version.
    pub version: Version,
}

impl ReleaseTag {
    /// `<chart>-<version>.tgz`, the name of the package.
    pub fn package(&self) -> String {
        format!("{}-{}.tgz", self.chart, self.version)
    }
}

impl FromStr for ReleaseTag {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        text.rmatch_indices("-v")
            .find_map(|(at, _)| {
                let version = Version::parse(&text[at + 2..]).ok()?;
                Some(Self { chart: text[..at].parse().ok()?, version })
            })
            .ok_or_else(|| {
                let what = format!("`{}` is not a release tag", text.escape_debug());
                Refusal::new(Code::InputInvalid, what, "write it as `<chart>-v<version>`")
            })
    }
}

impl TryFrom<String> for ReleaseTag {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|refusal: Refusal| refusal.what)
    }
}

impl From<ReleaseTag> for String {
    fn from(tag: ReleaseTag) -> Self {
        tag.to_string()
    }
}

impl fmt::Display for ReleaseTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-v{}", self.chart, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chart_names_are_plain_and_yield_refs() {
        for (text, is_good) in [
            ("nginx", true),
            ("foo-v2", true),
            ("a.b", true),
            ("", false),
            ("-x", false),
            ("Foo", false),
            ("a..b", false),
            ("a.", false),
            ("a.lock", false),
            ("a/b", false),
            ("a\nb", false),
            ("日本語", false),
        ] {
            assert_eq!(text.parse::<ChartName>().is_ok(), is_good, "{text}");
        }
    }

    #[test]
    fn a_release_tag_splits_at_its_version() {
        for (text, expected) in [
            ("foo-v1.2.3", Some(("foo", "1.2.3"))),
            ("foo-v2-v1.0.0", Some(("foo-v2", "1.0.0"))),
            ("foo-v1.0.0-v2", Some(("foo", "1.0.0-v2"))),
            ("x-10.0.0-v1.0.0", Some(("x-10.0.0", "1.0.0"))),
            ("foo-1.0.0", None),
            ("foo-v1", None),
            ("-v1.0.0", None),
        ] {
            let parsed = text.parse::<ReleaseTag>().ok();
            assert_eq!(
                parsed.as_ref().map(|t| (t.chart.as_str(), t.version.to_string())),
                expected.map(|(c, v)| (c, v.to_owned())),
                "{text}"
            );
            if let Some(tag) = parsed {
                assert_eq!(tag.to_string(), text);
            }
        }
    }

    #[test]
    fn a_repository_is_two_plain_words() {
        assert_eq!("acme/charts".parse::<Repository>().unwrap().to_string(), "acme/charts");
        for text in ["acme", "acme/", "/x", "a/b/c", "a b/c", "../x"] {
            assert!(text.parse::<Repository>().is_err(), "{text}");
        }
    }
}
