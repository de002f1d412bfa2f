//! What Chart.yaml says, in types; and what a Chart.yaml must say before it is released.

use super::{
    document::{self, text_of},
    trap,
};
use crate::{
    name::ChartName,
    refusal::{Code, Refusal, Refused, Result},
    yaml,
};
use regex::Regex;
use semver::Version;
use serde_json::Value;
use std::{collections::BTreeMap, fmt, sync::LazyLock};

/// What Chart.yaml says of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// The name: the identity in tags, packages and registries.
    pub name: ChartName,
    /// The version.
    pub version: Version,
    /// The version of the application, if the chart names one.
    pub app_version: Option<String>,
    /// One sentence on what it is.
    pub description: String,
    /// Annotations, by which Artifact Hub learns more.
    pub annotations: BTreeMap<String, String>,
    /// Charts it depends on; those of a v1 chart come from its requirements.yaml.
    pub dependencies: Vec<Dependency>,
    /// Everything, as Helm writes it into packages and indexes: known keys that are not empty, each of its type.
    pub document: Value,
}

/// A dependency as Chart.yaml names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The chart's name.
    pub name: String,
    /// The version or range.
    pub version: String,
    /// Where it comes from; empty for a chart below `charts/`.
    pub repository: String,
    /// The name it has in values, if that is another.
    pub alias: Option<String>,
    /// The value that switches it on.
    pub condition: Option<String>,
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = if self.repository.is_empty() { String::new() } else { format!(" from {}", self.repository.escape_debug()) };
        write!(f, "`{}` {}{from}", self.name.escape_debug(), self.version.escape_debug())
    }
}

impl Metadata {
    pub(super) fn of(document: &Value) -> Result<Self> {
        let version = text_of(document, "version");
        let version = Version::parse(version).map_err(|error| {
            let what = format!("Chart.yaml's version `{}` is no SemVer version: {error}", version.escape_debug());
            Refusal::new(Code::ChartBadVersion, what, "write it as `1.2.3`")
        })?;
        let annotations = document.get("annotations").and_then(Value::as_object).into_iter().flatten();
        let dependencies = document.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        Ok(Self {
            name: text_of(document, "name").parse()?,
            version,
            app_version: document.get("appVersion").and_then(Value::as_str).map(str::to_owned),
            description: text_of(document, "description").to_owned(),
            annotations: annotations.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
            dependencies: dependencies.map(Dependency::of).collect(),
            document: document.clone(),
        })
    }
}

impl Dependency {
    fn of(one: &Value) -> Self {
        let given = |key: &str| one.get(key).and_then(Value::as_str).map(str::to_owned);
        let field = |key: &str| given(key).unwrap_or_default();
        Self {
            name: field("name"),
            version: field("version"),
            repository: field("repository"),
            alias: given("alias"),
            condition: given("condition"),
        }
    }
}

/// What is wrong with a Chart.yaml that is about to be released.
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    let text = document::text("Chart.yaml", bytes)?;
    let raw = yaml::documents(text, "Chart.yaml")?.into_iter().next().unwrap_or(Value::Null);
    let document = document::chart_file(bytes)?;
    let mut refusals = trap::traps(text, &raw);
    for (key, code, help) in [
        ("name", Code::ChartNoName, "add `name:`, the chart's name"),
        ("version", Code::ChartNoVersion, "add `version:`, such as `0.1.0`"),
        ("description", Code::ChartNoDescription, "add `description:`, one sentence on what the chart is"),
    ] {
        if text_of(&document, key).trim().is_empty() {
            refusals.push(Refusal::new(code, format!("Chart.yaml has no {key}"), help));
        }
    }
    refusals.extend(annotations(&document));
    refusals.extend(kind(&document));
    Refused::unless_empty(refusals)
}

/// Annotations are the one place where Helm neither cleans texts nor knows the keys: some read otherwise once it has written them.
fn annotations(document: &Value) -> Vec<Refusal> {
    let is_odd = |c: &char| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    let mut refusals = Vec::new();
    for (key, value) in document.get("annotations").and_then(Value::as_object).into_iter().flatten() {
        let shown = key.escape_debug();
        if let Some(odd) = value.as_str().unwrap_or_default().chars().chain(key.chars()).find(is_odd) {
            let what = format!("the annotation `{shown}` has the character `{}`, which Helm does not write back", odd.escape_unicode());
            refusals.push(Refusal::new(Code::ChartBadField, what, "take the character out"));
        }
        if !yaml::is_string_when_plain(key) {
            let what = format!("the annotation `{shown}` has a name that Helm takes for a number or a boolean");
            refusals.push(Refusal::new(Code::ChartBadField, what, "give it a name with your domain, such as `example.org/name`"));
        }
    }
    refusals
}

/// What Helm looks at in every chart: its form, its type and its dependencies.
fn kind(document: &Value) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let api_version = text_of(document, "apiVersion");
    if !matches!(api_version, "v1" | "v2") {
        let what = format!("Chart.yaml's apiVersion is `{}`", api_version.escape_debug());
        refusals.push(Refusal::new(Code::ChartBadApiVersion, what, "write `apiVersion: v2`"));
    }
    let kind = text_of(document, "type");
    if !matches!(kind, "" | "application" | "library") {
        let what = format!("Chart.yaml's type is `{}`", kind.escape_debug());
        refusals.push(Refusal::new(Code::ChartBadType, what, "write `type: application` or `type: library`"));
    }
    refusals.extend(dependencies(document));
    refusals
}

/// No two dependencies go by one name, and an alias is one word.
fn dependencies(document: &Value) -> Vec<Refusal> {
    let (mut seen, mut refusals) = (Vec::new(), Vec::new());
    for one in document.get("dependencies").and_then(Value::as_array).into_iter().flatten() {
        let (name, alias) = (text_of(one, "name"), text_of(one, "alias"));
        if !alias.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            let what = format!("the alias `{}` of the dependency `{}` is not one word", alias.escape_debug(), name.escape_debug());
            refusals.push(Refusal::new(Code::ChartBadField, what, "use letters, digits, `_` and `-`"));
        }
        let goes_by = if alias.is_empty() { name } else { alias };
        if seen.contains(&goes_by) {
            let what = format!("two dependencies of Chart.yaml go by the name `{}`", goes_by.escape_debug());
            refusals.push(Refusal::new(Code::ChartBadField, what, "give one of them another `alias:`"));
        }
        seen.push(goes_by);
    }
    refusals
}

/// Versions as Masterminds/semver v3 reads them loosely (`version.go`, `semVerRegex`).
static LOOSE_VERSION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = r"[0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*";
    Regex::new(&format!(r"^v?[0-9]+(\.[0-9]+)?(\.[0-9]+)?(-{words})?(\+{words})?$")).ok()
});

fn is_loose_version(version: &str) -> bool {
    let parts = version.split('+').next().unwrap_or_default().trim_start_matches('v');
    let (numbers, pre_release) = parts.split_once('-').unwrap_or((parts, ""));
    let is_zero_led = |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit());
    LOOSE_VERSION.as_ref().is_some_and(|shape| shape.is_match(version))
        && numbers.split('.').all(|part| part.parse::<u64>().is_ok())
        && !pre_release.split('.').any(is_zero_led)
}

/// What Helm would not load as a chart below another one.
pub(super) fn check_below(document: &Value) -> Result<()> {
    let mut refusals = kind(document);
    let (name, version) = (text_of(document, "name"), text_of(document, "version"));
    if name.is_empty() || matches!(name, "." | "..") || name.contains('/') {
        let what = format!("the name `{}` of a chart below `charts/` is no chart name", name.escape_debug());
        refusals.push(Refusal::new(Code::ChartBadName, what, "mend the Chart.yaml of that chart"));
    }
    if !is_loose_version(version) {
        let what = format!("the version `{}` of a chart below `charts/` is no version", version.escape_debug());
        refusals.push(Refusal::new(Code::ChartBadVersion, what, "mend the Chart.yaml of that chart"));
    }
    Refused::unless_empty(refusals)
}
