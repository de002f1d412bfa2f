//! What the texts of a policy must look like.

use crate::stage::Key;

/// What a text must be, and what is said of one that is not.
pub(super) type Rule = (fn(&str) -> bool, &'static str);

pub(super) const REGISTRY: Rule = (is_registry, "not a registry with namespace in lower case, such as `ghcr.io/acme/charts`");

/// The checks that chartrel runs itself.
pub(super) fn is_own(key: &Key) -> bool {
    let is_version = |text: &str| text.strip_prefix('v').is_some_and(|version| semver::Version::parse(version).is_ok());
    match key.as_str() {
        "artifacthub-lint" | "security" | "commit-validation" | "changelog-generation" => true,
        text => key.kubernetes_version().or_else(|| text.strip_prefix("install-test-")).is_some_and(is_version),
    }
}

pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= 100 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

pub(super) fn is_login(text: &str) -> bool {
    let name = text.strip_suffix("[bot]").unwrap_or(text);
    !name.is_empty() && name.len() <= 100 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

pub(super) fn is_path(text: &str) -> bool {
    text.len() <= 200 && text.split('/').all(|word| is_word(word) && word != "." && word != "..")
}

pub(super) fn is_workflow(text: &str) -> bool {
    let name = text.strip_prefix(".github/workflows/").unwrap_or_default();
    let (stem, end) = name.rsplit_once('.').unwrap_or_default();
    is_word(stem) && matches!(end, "yml" | "yaml")
}

pub(super) fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let is_plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~:/%".contains(&b));
    !rest.is_empty() && !rest.starts_with('/') && is_plain
}

pub(super) fn is_registry(text: &str) -> bool {
    let is_plain =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
    let mut words = text.split('/');
    let host = words.next().unwrap_or_default();
    let (name, port) = host.split_once(':').unwrap_or((host, "1"));
    let path: Vec<_> = words.collect();
    is_plain(name) && port.parse::<u16>().is_ok() && !path.is_empty() && path.into_iter().all(is_plain)
}
