//! Chart.yaml as Helm understands it: known keys alone, strings made of whatever YAML made of them.
//!
//! Source: Helm v4.3.1, `pkg/chart/v2/metadata.go`; `sigs.k8s.io/yaml` v1.6.0, `convertToJSONableObject`.

use crate::{
    name::ChartName,
    refusal::{Code, Refusal, Refused, Result},
    yaml,
};
use semver::Version;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt};

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
    /// Charts it depends on.
    pub dependencies: Vec<Dependency>,
    /// Everything, as Helm writes it into packages and indexes.
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
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = if self.repository.is_empty() { String::new() } else { format!(" from {}", self.repository.escape_debug()) };
        write!(f, "`{}` {}{from}", self.name.escape_debug(), self.version.escape_debug())
    }
}

impl Metadata {
    pub(super) fn of(document: &Value) -> Result<Self> {
        let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
        let version = text("version");
        let version = Version::parse(version).map_err(|error| {
            let what = format!("Chart.yaml's version `{}` is no SemVer version: {error}", version.escape_debug());
            Refusal::new(Code::ChartBadVersion, what, "write it as `1.2.3`")
        })?;
        let annotations = document.get("annotations").and_then(Value::as_object).into_iter().flatten();
        let dependencies = document.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        let field = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self {
            name: text("name").parse()?,
            version,
            app_version: document.get("appVersion").and_then(Value::as_str).map(str::to_owned),
            description: text("description").to_owned(),
            annotations: annotations.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
            dependencies: dependencies
                .map(|one| Dependency { name: field(one, "name"), version: field(one, "version"), repository: field(one, "repository") })
                .collect(),
            document: document.clone(),
        })
    }
}

/// What a key of Chart.yaml holds.
#[derive(Clone, Copy)]
enum Kind {
    /// A string that Helm cleans of what can't be printed.
    Clean,
    /// A string that it takes as it is.
    Raw,
    Bool,
    Strings,
    Maintainers,
    Annotations,
    Dependencies,
    Anything,
}

const KEYS: [(&str, Kind); 17] = [
    ("name", Kind::Clean),
    ("home", Kind::Clean),
    ("sources", Kind::Strings),
    ("version", Kind::Raw),
    ("description", Kind::Clean),
    ("keywords", Kind::Strings),
    ("maintainers", Kind::Maintainers),
    ("icon", Kind::Clean),
    ("apiVersion", Kind::Raw),
    ("condition", Kind::Clean),
    ("tags", Kind::Clean),
    ("appVersion", Kind::Clean),
    ("deprecated", Kind::Bool),
    ("annotations", Kind::Annotations),
    ("kubeVersion", Kind::Clean),
    ("dependencies", Kind::Dependencies),
    ("type", Kind::Raw),
];
const MAINTAINER: [(&str, Kind); 3] = [("name", Kind::Clean), ("email", Kind::Clean), ("url", Kind::Clean)];
const DEPENDENCY: [(&str, Kind); 8] = [
    ("name", Kind::Clean),
    ("version", Kind::Clean),
    ("repository", Kind::Clean),
    ("condition", Kind::Clean),
    ("tags", Kind::Strings),
    ("enabled", Kind::Bool),
    ("import-values", Kind::Anything),
    ("alias", Kind::Raw),
];

/// Chart.yaml as the JSON that Helm makes of it: empty fields left out, unknown keys dropped.
pub(super) fn document(bytes: &[u8]) -> Result<Value> {
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let mut document = fields(&yaml::parse(&text)?, &KEYS);
    // Helm 2 had charts without it; Helm takes those for v1.
    document.entry("apiVersion").or_insert_with(|| "v1".into());
    Ok(Value::Object(document))
}

/// The dependencies of a list, as Chart.yaml, requirements.yaml and lock files have them.
pub(super) fn dependencies(value: Option<&Value>) -> Value {
    let list = value.and_then(Value::as_array).map(|items| items.iter().map(dependency).collect::<Vec<_>>());
    list.filter(|list| !list.is_empty()).map_or(Value::Null, Value::Array)
}

fn dependency(value: &Value) -> Value {
    let mut map = fields(value, &DEPENDENCY);
    // These two have no `omitempty` in Helm's struct.
    for key in ["name", "repository"] {
        map.entry(key).or_insert_with(|| "".into());
    }
    Value::Object(map)
}

fn fields(value: &Value, keys: &[(&str, Kind)]) -> Map<String, Value> {
    let mut map = Map::new();
    for (name, found) in value.as_object().into_iter().flatten() {
        // Go's JSON matches keys without regard to case, an exact match first.
        let known = keys.iter().find(|(key, _)| key == name).or_else(|| keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)));
        let Some((key, kind)) = known else { continue };
        if let Some(taken) = take(found, *kind).filter(|taken| !is_empty(taken)) {
            map.insert((*key).to_owned(), taken);
        }
    }
    map
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

fn take(value: &Value, kind: Kind) -> Option<Value> {
    let list = |each: fn(&Value) -> Option<Value>| value.as_array().map(|items| Value::Array(items.iter().filter_map(each).collect()));
    match kind {
        Kind::Clean => string(value).map(|text| clean(&text).into()),
        Kind::Raw => string(value).map(Value::String),
        Kind::Bool => value.as_bool().map(Value::Bool),
        Kind::Strings => list(|item| string(item).map(|text| clean(&text).into())),
        Kind::Maintainers => list(|item| Some(Value::Object(fields(item, &MAINTAINER)))),
        Kind::Dependencies => Some(dependencies(Some(value))),
        Kind::Annotations => {
            let rows = value.as_object()?.iter().map(|(key, value)| (key.clone(), Value::String(string(value).unwrap_or_default())));
            Some(Value::Object(rows.collect()))
        }
        Kind::Anything => Some(value.clone()),
    }
}

/// A scalar as a string: numbers and booleans as `sigs.k8s.io/yaml` prints them.
fn string(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Number(number) => Some(
            number
                .as_i64()
                .map(|n| n.to_string())
                .or_else(|| number.as_u64().map(|n| n.to_string()))
                .unwrap_or_else(|| float(number.as_f64().unwrap_or_default())),
        ),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Go's `FormatFloat(f, 'g', -1, 32)`: the shortest decimal of the 32-bit float.
#[allow(clippy::cast_possible_truncation, reason = "the loss is what Helm does, and what is reported")]
fn float(number: f64) -> String {
    let short = number as f32;
    if short.is_infinite() {
        return if short > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let scientific = format!("{short:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..21).contains(&exponent) {
        format!("{short}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.abs())
    }
}

/// Helm's `sanitizeString`: white space becomes a space, what can't be printed goes.
fn clean(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
    };
    text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_hidden(*c)).collect()
}

/// What is wrong with a Chart.yaml that is about to be released.
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).into_owned();
    let raw = yaml::parse(&text)?;
    let document = document(bytes)?;
    let mut refusals: Vec<Refusal> = ["version", "appVersion"].iter().filter_map(|key| retyped(&text, &raw, key)).collect();
    for (key, code, help) in [
        ("name", Code::ChartNoName, "add `name:`, the chart's name"),
        ("version", Code::ChartNoVersion, "add `version:`, such as `0.1.0`"),
        ("description", Code::ChartNoDescription, "add `description:`, one sentence on what the chart is"),
    ] {
        if document.get(key).is_none() {
            refusals.push(Refusal::new(code, format!("Chart.yaml has no {key}"), help));
        }
    }
    let api_version = document.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if !matches!(api_version, "v1" | "v2") {
        let what = format!("Chart.yaml's apiVersion is `{}`", api_version.escape_debug());
        refusals.push(Refusal::new(Code::ChartBadApiVersion, what, "write `apiVersion: v2`"));
    }
    let kind = document.get("type").and_then(Value::as_str).unwrap_or_default();
    if !matches!(kind, "" | "application" | "library") {
        let what = format!("Chart.yaml's type is `{}`", kind.escape_debug());
        refusals.push(Refusal::new(Code::ChartBadType, what, "write `type: application` or `type: library`"));
    }
    Refused::unless_empty(refusals)
}

/// A number that Helm would write differently from what stands in the file: `1.10` becomes `1.1` (helm-oci 2.5).
fn retyped(text: &str, raw: &Value, key: &str) -> Option<Refusal> {
    let value = raw.get(key).filter(|value| value.is_number())?;
    let read = string(value)?;
    let (line, written) = text.lines().enumerate().find_map(|(n, line)| {
        let rest = line.strip_prefix(key)?.trim_start().strip_prefix(':')?;
        Some((n + 1, rest.split(" #").next().unwrap_or(rest).trim().to_owned()))
    })?;
    if read == written {
        return None;
    }
    let what = format!("line {line} of Chart.yaml says `{key}: {written}`, which Helm reads as the number {read}");
    Some(Refusal::new(Code::ChartNumberTrap, what, format!("quote it: `{key}: \"{written}\"`")))
}
