//! What Artifact Hub accepts: annotations in Chart.yaml, `artifacthub-repo.yml`, `artifacthub-pkg.yml`, and CRDs (MISSION A.13).
//!
//! The rules are those of `ah lint --kind helm` (Artifact Hub 1.21, `internal/tracker/source/helm`), and beyond them those that only show
//! later: links that don't resolve to a name, a licence that is no SPDX expression, a pre-release that is called stable.

use crate::yaml;
use semver::Version;
use serde_json::Value;
use std::collections::BTreeMap;

mod crd;
mod file;
mod image;
mod rendered;

pub use crd::lint_crd;
pub use file::{PackageFacts, lint_package_file, lint_repo_file};
pub use image::is_reference;
pub use rendered::{Rendered, lint_rendered};

/// The prefix of every annotation.
const PREFIX: &str = "artifacthub.io/";

/// Source: artifacthub.io/docs/topics/annotations/helm, "category".
const CATEGORIES: [&str; 9] = [
    "ai-machine-learning",
    "database",
    "integration-delivery",
    "monitoring-logging",
    "networking",
    "security",
    "storage",
    "streaming-messaging",
    "skip-prediction",
];
const KINDS: [&str; 6] = ["added", "changed", "deprecated", "removed", "fixed", "security"];
const CAPABILITIES: [&str; 5] = ["basic install", "seamless upgrades", "full lifecycle", "deep insights", "auto pilot"];

/// A rule of Artifact Hub that isn't met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule: the annotation's name without prefix, or the file's field.
    pub rule: &'static str,
    /// What is wrong, in the words of a refusal.
    pub what: String,
    /// What to do now.
    pub help: String,
}

impl Finding {
    fn new(rule: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { rule, what: what.into(), help: help.into() }
    }
}

/// Checks the annotations of a chart of that version; no finding is a pass, and so is no annotation.
pub fn lint(annotations: &BTreeMap<String, String>, version: &Version) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, text) in annotations {
        match name.strip_prefix(PREFIX) {
            Some("changes") => findings.extend(changes(text)),
            Some("category") => findings.extend(one_of("category", text, &CATEGORIES, false)),
            Some("operatorCapabilities") => findings.extend(one_of("operatorCapabilities", text, &CAPABILITIES, true)),
            Some("operator") => findings.extend(boolean("operator", text).err()),
            Some("containsSecurityUpdates") => findings.extend(boolean("containsSecurityUpdates", text).err()),
            Some("prerelease") => findings.extend(prerelease(text, version)),
            Some("license") => findings.extend(license(text)),
            Some("signKey") => findings.extend(sign_key(text)),
            Some("images") => findings.extend(images(text)),
            Some("crds") => findings.extend(fields("crds", text, &["kind", "version", "name"])),
            Some("crdsExamples") => findings.extend(fields("crdsExamples", text, &["apiVersion", "kind"])),
            Some("links") => findings.extend(fields("links", text, &["name", "url"])),
            Some("maintainers") => findings.extend(fields("maintainers", text, &["name", "email"])),
            Some("recommendations") => findings.extend(fields("recommendations", text, &["url"])),
            Some("screenshots") => findings.extend(fields("screenshots", text, &["url"])),
            _ => {}
        }
    }
    findings
}

/// The items of an annotation that is a YAML list; empty when it is absent or no list ([`lint`] reports that).
fn items(annotations: &BTreeMap<String, String>, name: &'static str) -> Vec<Value> {
    annotations.get(&format!("{PREFIX}{name}")).and_then(|text| list(name, text).ok()).unwrap_or_default()
}

fn list(rule: &'static str, text: &str) -> Result<Vec<Value>, Finding> {
    let help = format!("write `{PREFIX}{rule}: |` and below it a YAML list, indented");
    match yaml::parse(text) {
        Ok(Value::Array(items)) => Ok(items),
        Ok(Value::Null) => Ok(Vec::new()),
        Ok(_) => Err(Finding::new(rule, format!("`{PREFIX}{rule}` is not a YAML list"), help)),
        Err(refused) => {
            let why = refused.violations().first().map_or_else(String::new, |refusal| format!(": {}", refusal.what));
            Err(Finding::new(rule, format!("`{PREFIX}{rule}` is not YAML{why}"), help))
        }
    }
}

/// Each item is an object that has these fields, none of them empty; fields that are URLs are such.
fn fields(rule: &'static str, text: &str, names: &[&str]) -> Vec<Finding> {
    let items = match list(rule, text) {
        Ok(items) => items,
        Err(finding) => return vec![finding],
    };
    let numbered = items.iter().enumerate();
    numbered.flat_map(|(n, item)| item_fields(rule, n + 1, item, names)).collect()
}

fn item_fields(rule: &'static str, number: usize, item: &Value, names: &[&str]) -> Vec<Finding> {
    let Value::Object(_) = item else {
        return vec![Finding::new(
            rule,
            format!("item {number} of `{PREFIX}{rule}` is not an object"),
            format!("give it {}", names.join(" and ")),
        )];
    };
    let check = |name: &&str| {
        let value = text_of(item.get(*name));
        let what = match value.as_deref() {
            None | Some("") => format!("item {number} of `{PREFIX}{rule}` has no `{name}`"),
            Some(url) if *name == "url" && !is_url(url) => {
                format!("item {number} of `{PREFIX}{rule}` has the url `{}`", url.escape_debug())
            }
            Some(_) => return None,
        };
        Some(Finding::new(rule, what, if *name == "url" { "write it as `https://…`" } else { "add it in Chart.yaml" }))
    };
    names.iter().filter_map(check).collect()
}

fn changes(text: &str) -> Vec<Finding> {
    let items = match list("changes", text) {
        Ok(items) => items,
        Err(finding) => return vec![finding],
    };
    if items.iter().any(Value::is_string) {
        let help = "write all items with `kind` and `description`, in quotes where they hold `: ` or ` #`";
        let mixed = items.iter().find(|item| !item.is_string());
        let empty = items.iter().any(|item| item.as_str().is_some_and(|text| text.trim().is_empty()));
        let finding = |what: &str| vec![Finding::new("changes", what, help)];
        return match (mixed, empty) {
            (Some(_), _) => finding("`artifacthub.io/changes` mixes texts and objects"),
            (None, true) => finding("`artifacthub.io/changes` has an empty item"),
            (None, false) => Vec::new(),
        };
    }
    items.iter().enumerate().flat_map(|(n, item)| change(n + 1, item)).collect()
}

fn change(number: usize, item: &Value) -> Vec<Finding> {
    let mut findings = item_fields("changes", number, item, &["description"]);
    if let Some(kind) = text_of(item.get("kind")).filter(|kind| !KINDS.contains(&kind.to_lowercase().as_str()) && !kind.is_empty()) {
        let what = format!("item {number} of `{PREFIX}changes` has the kind `{}`", kind.escape_debug());
        findings.push(Finding::new("changes", what, format!("use one of {}", KINDS.join(", "))));
    }
    match item.get("links") {
        None | Some(Value::Null) => {}
        Some(Value::Array(links)) => {
            findings.extend(links.iter().flat_map(|link| item_fields("changes", number, link, &["name", "url"])));
        }
        Some(_) => {
            let what = format!("the `links` of item {number} of `{PREFIX}changes` are not a list");
            findings.push(Finding::new("changes", what, "write a list of `name` and `url`"));
        }
    }
    findings
}

fn images(text: &str) -> Vec<Finding> {
    let items = match list("images", text) {
        Ok(items) => items,
        Err(finding) => return vec![finding],
    };
    let check = |(n, item): (usize, &Value)| {
        let mut findings = item_fields("images", n + 1, item, &["image"]);
        if let Some(image) = text_of(item.get("image")).filter(|image| !image.is_empty() && !is_reference(image)) {
            let what = format!("item {} of `{PREFIX}images` has the image `{}`, which is no image reference", n + 1, image.escape_debug());
            findings.push(Finding::new("images", what, "write it as `registry/name:tag`"));
        }
        findings
    };
    items.iter().enumerate().flat_map(check).collect()
}

fn one_of(rule: &'static str, text: &str, allowed: &[&str], ignore_case: bool) -> Option<Finding> {
    let value = if ignore_case { text.to_lowercase() } else { text.to_owned() };
    let is_allowed = allowed.contains(&value.as_str());
    let what = format!("`{PREFIX}{rule}` is `{}`", text.escape_debug());
    (!is_allowed).then(|| Finding::new(rule, what, format!("use one of {}", allowed.join(", "))))
}

/// Go's `strconv.ParseBool`, which Artifact Hub reads these annotations with.
fn boolean(rule: &'static str, text: &str) -> Result<bool, Finding> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => {
            Err(Finding::new(rule, format!("`{PREFIX}{rule}` is `{}`", text.escape_debug()), "write `\"true\"` or `\"false\"`, in quotes"))
        }
    }
}

fn prerelease(text: &str, version: &Version) -> Option<Finding> {
    let is_prerelease = !version.pre.is_empty();
    match boolean("prerelease", text) {
        Err(finding) => Some(finding),
        Ok(says) if says == is_prerelease => None,
        Ok(says) => {
            let what = format!("`{PREFIX}prerelease` is `{says}`, and the version is `{version}`");
            Some(Finding::new("prerelease", what, format!("set it to `\"{is_prerelease}\"`, or remove it")))
        }
    }
}

fn license(text: &str) -> Option<Finding> {
    let error = spdx::Expression::parse(text).err()?;
    let what = format!("`{PREFIX}license` is `{}`, no SPDX expression: {}", text.escape_debug(), error.reason);
    Some(Finding::new("license", what, "use an identifier from spdx.org/licenses, such as `Apache-2.0`"))
}

fn sign_key(text: &str) -> Option<Finding> {
    let help = "give it `fingerprint` and `url`, or remove the annotation";
    match yaml::parse(text) {
        // `null` makes Artifact Hub's own parser crash.
        Ok(Value::Object(key)) => match text_of(key.get("url")) {
            Some(url) if is_url(&url) => None,
            Some(url) if !url.is_empty() => {
                Some(Finding::new("signKey", format!("the url of `{PREFIX}signKey` is `{}`", url.escape_debug()), help))
            }
            _ => Some(Finding::new("signKey", format!("`{PREFIX}signKey` has no `url`"), help)),
        },
        _ => Some(Finding::new("signKey", format!("`{PREFIX}signKey` is no YAML object"), help)),
    }
}

/// A scalar as text; `None` for null, lists and objects.
fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests;
