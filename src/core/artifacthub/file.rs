//! The two files beside the annotations: `artifacthub-repo.yml` of a repository, `artifacthub-pkg.yml` of a chart.

use super::{Finding, PREFIX, is_url, text_of};
use crate::yaml;
use regex::Regex;
use semver::Version;
use serde_json::Value;
use std::collections::BTreeMap;

const REPO: &str = "artifacthub-repo.yml";
const PACKAGE: &str = "artifacthub-pkg.yml";

/// Checks `artifacthub-repo.yml`: `repositoryID` (a UUID, may be absent), `owners`, `ignore`.
///
/// Other fields pass, as Artifact Hub reads the file without strictness.
pub fn lint_repo_file(text: &str) -> Vec<Finding> {
    let file = match object(REPO, text) {
        Ok(file) => file,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    if let Some(id) = text_of(file.get("repositoryID")).filter(|id| !id.is_empty() && !is_uuid(id)) {
        let what = format!("`repositoryID` in `{REPO}` is `{}`, no UUID", id.escape_debug());
        findings.push(Finding::new("repositoryID", what, "copy it from the repository's card in Artifact Hub's control panel"));
    }
    for (n, owner) in entries(&file, "owners", &mut findings).iter().enumerate() {
        let email = text_of(owner.get("email"))
            .filter(|email| email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()));
        if email.is_none() {
            findings.push(Finding::new(
                "owners",
                format!("owner {} in `{REPO}` has no `email`", n + 1),
                "add the address of an Artifact Hub account",
            ));
        }
    }
    for (n, ignored) in entries(&file, "ignore", &mut findings).iter().enumerate() {
        if text_of(ignored.get("name")).is_none_or(|name| name.is_empty()) {
            findings.push(Finding::new(
                "ignore",
                format!("entry {} of `ignore` in `{REPO}` has no `name`", n + 1),
                "name the package to ignore",
            ));
        }
        if let Some(pattern) = text_of(ignored.get("version")).filter(|pattern| Regex::new(pattern).is_err()) {
            let what =
                format!("entry {} of `ignore` in `{REPO}` has the version `{}`, no regular expression", n + 1, pattern.escape_debug());
            findings.push(Finding::new("ignore", what, "write it as a regular expression"));
        }
    }
    findings
}

/// What `artifacthub-pkg.yml` has to agree with.
#[derive(Debug, Clone, Copy)]
pub struct PackageFacts<'a> {
    /// The chart's name.
    pub name: &'a str,
    /// The chart's version.
    pub version: &'a Version,
    /// The chart's annotations, which win (C-42).
    pub annotations: &'a BTreeMap<String, String>,
}

/// Checks `artifacthub-pkg.yml` against Chart.yaml: the same version and name, and nothing that contradicts an annotation.
///
/// Artifact Hub doesn't read this file for Helm charts (C-42); people do.
pub fn lint_package_file(text: &str, facts: PackageFacts<'_>) -> Vec<Finding> {
    let file = match object(PACKAGE, text) {
        Ok(file) => file,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    for (field, expected) in [("version", facts.version.to_string()), ("name", facts.name.to_owned())] {
        let stands = text_of(file.get(field));
        if stands.as_deref() != Some(expected.as_str()) && (field == "version" || stands.is_some()) {
            findings.push(differs(field, stands.as_deref(), &expected, "Chart.yaml"));
        }
    }
    for field in ["license", "category", "prerelease", "operator", "containsSecurityUpdates"] {
        let annotation = facts.annotations.get(&format!("{PREFIX}{field}"));
        if let (Some(stands), Some(expected)) = (text_of(file.get(field)), annotation)
            && stands != *expected
        {
            findings.push(differs(field, Some(&stands), expected, "the annotation"));
        }
    }
    for link in entries(&file, "links", &mut findings) {
        if let Some(url) = text_of(link.get("url")).filter(|url| !is_url(url)) {
            findings.push(Finding::new(
                "links",
                format!("a link in `{PACKAGE}` has the url `{}`", url.escape_debug()),
                "write it as `https://…`",
            ));
        }
    }
    findings
}

fn differs(field: &str, stands: Option<&str>, expected: &str, source: &str) -> Finding {
    let stands = stands.map_or_else(|| "absent".to_owned(), |text| format!("`{}`", text.escape_debug()));
    let what = format!("`{field}` in `{PACKAGE}` is {stands}, and {source} says `{}`", expected.escape_debug());
    Finding::new("package-file", what, format!("set it to `{}`", expected.escape_debug()))
}

fn object(file: &str, text: &str) -> Result<Value, Finding> {
    let help = "see artifacthub.io/docs/topics/repositories for its form";
    match yaml::parse(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Finding::new("file", format!("`{file}` is not a YAML object"), help)),
        Err(refused) => {
            let why = refused.violations().first().map_or_else(String::new, |refusal| format!(": {}", refusal.what));
            Err(Finding::new("file", format!("`{file}` is not YAML{why}"), help))
        }
    }
}

fn entries(file: &Value, name: &'static str, findings: &mut Vec<Finding>) -> Vec<Value> {
    match file.get(name) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(_) => {
            findings.push(Finding::new(name, format!("`{name}` is not a list"), "write each entry below it with a leading `- `"));
            Vec::new()
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.concat().bytes().all(|b| b.is_ascii_hexdigit())
}
