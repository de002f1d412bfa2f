//! What a path below `/v2/` means; a repository's name may hold slashes.

use super::answer::Failure;
use chartrel_core::digest::Sha256;
use std::str::FromStr;

/// Bytes a tag may have at most (distribution-spec 1.1, "Pulling manifests").
const TAG_LENGTH: usize = 128;

/// The thing a request is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// `_catalog`.
    Catalog,
    /// `<name>/tags/list`.
    Tags { name: String },
    /// `<name>/blobs/uploads/`.
    Uploads { name: String },
    /// `<name>/blobs/uploads/<id>`.
    Upload { name: String, id: String },
    /// `<name>/blobs/<digest>`.
    Blob { name: String, digest: Sha256 },
    /// `<name>/manifests/<reference>`.
    Manifest { name: String, reference: Reference },
    /// `<name>/referrers/<digest>`.
    Referrers { name: String, digest: Sha256 },
}

/// How a manifest is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reference {
    /// By its bytes.
    Digest(Sha256),
    /// By a name that can move.
    Tag(String),
}

impl Target {
    /// The repository, where the target has one.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Catalog => None,
            Self::Tags { name }
            | Self::Uploads { name }
            | Self::Upload { name, .. }
            | Self::Blob { name, .. }
            | Self::Manifest { name, .. }
            | Self::Referrers { name, .. } => Some(name),
        }
    }
}

impl FromStr for Target {
    type Err = Failure;

    fn from_str(path: &str) -> Result<Self, Failure> {
        if path == "_catalog" {
            return Ok(Self::Catalog);
        }
        if let Some((name, id)) = path.rsplit_once("/blobs/uploads/") {
            let name = self::name(name)?;
            return Ok(if id.is_empty() { Self::Uploads { name } } else { Self::Upload { name, id: id.to_owned() } });
        }
        let (rest, last) = path.rsplit_once('/').ok_or_else(|| Failure::unknown("NAME_UNKNOWN", path))?;
        let (name, kind) = rest.rsplit_once('/').ok_or_else(|| Failure::unknown("NAME_UNKNOWN", path))?;
        match (kind, last) {
            ("tags", "list") => Ok(Self::Tags { name: self::name(name)? }),
            ("blobs", "uploads") => Ok(Self::Uploads { name: self::name(name)? }),
            ("blobs", _) => Ok(Self::Blob { name: self::name(name)?, digest: digest(last)? }),
            ("referrers", _) => Ok(Self::Referrers { name: self::name(name)?, digest: digest(last)? }),
            ("manifests", _) => Ok(Self::Manifest { name: self::name(name)?, reference: last.parse()? }),
            _ => Err(Failure::unknown("NAME_UNKNOWN", path)),
        }
    }
}

impl FromStr for Reference {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        if text.contains(':') {
            return digest(text).map(Self::Digest);
        }
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let starts = text.bytes().next().is_some_and(is_word);
        let is_tag = starts && text.len() <= TAG_LENGTH && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
        if is_tag { Ok(Self::Tag(text.to_owned())) } else { Err(Failure::invalid("MANIFEST_INVALID", text)) }
    }
}

/// Reads a digest; sha256 alone is known, and the prefix is required.
pub(super) fn digest(text: &str) -> Result<Sha256, Failure> {
    let digest = text.starts_with("sha256:").then(|| text.parse().ok()).flatten();
    digest.ok_or_else(|| Failure::invalid("DIGEST_INVALID", text))
}

/// Lower case, digits and single separators inside each part: a capital letter in an owner's name is refused here, as by GHCR.
fn name(text: &str) -> Result<String, Failure> {
    let is_edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let is_part = |part: &str| {
        let inside = part.bytes().all(|byte| is_edge(Some(byte)) || matches!(byte, b'.' | b'_' | b'-'));
        inside && is_edge(part.bytes().next()) && is_edge(part.bytes().last())
    };
    if text.split('/').all(is_part) { Ok(text.to_owned()) } else { Err(Failure::invalid("NAME_INVALID", text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_one_thing() {
        let digest = Sha256::of("x");
        let name = || "acme/charts/nginx".to_owned();
        for (path, target) in [
            ("_catalog".to_owned(), Target::Catalog),
            ("acme/charts/nginx/tags/list".into(), Target::Tags { name: name() }),
            ("acme/charts/nginx/blobs/uploads/".into(), Target::Uploads { name: name() }),
            ("acme/charts/nginx/blobs/uploads".into(), Target::Uploads { name: name() }),
            ("acme/charts/nginx/blobs/uploads/7".into(), Target::Upload { name: name(), id: "7".into() }),
            (format!("acme/charts/nginx/blobs/{digest}"), Target::Blob { name: name(), digest }),
            (format!("acme/charts/nginx/referrers/{digest}"), Target::Referrers { name: name(), digest }),
            (format!("acme/charts/nginx/manifests/{digest}"), Target::Manifest { name: name(), reference: Reference::Digest(digest) }),
            (
                "acme/charts/nginx/manifests/1.0.0_build".into(),
                Target::Manifest { name: name(), reference: Reference::Tag("1.0.0_build".into()) },
            ),
        ] {
            assert_eq!(path.parse::<Target>().ok(), Some(target), "{path}");
        }
    }

    #[test]
    fn what_no_registry_takes_is_refused() {
        for path in [
            "Acme/nginx/tags/list",
            "acme//tags/list",
            "acme/-x/tags/list",
            "acme/manifests/.x",
            "acme/manifests/a+b",
            "acme/blobs/sha512:00",
            "acme/blobs/abc",
            "acme/manifests/",
            "acme",
        ] {
            assert!(path.parse::<Target>().is_err(), "{path}");
        }
    }
}
