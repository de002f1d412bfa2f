//! Chart.yaml as Helm understands it: known keys alone, strings made of whatever YAML made of them.
//!
//! Source: Helm v4.3.1, `pkg/chart/v2/metadata.go`, `dependency.go`; `sigs.k8s.io/yaml` v1.6.0, `convertToJSONableObject`.

use crate::{
    refusal::{Code, Refusal, Refused, Result},
    yaml,
};
use regex::Regex;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// What a key holds.
#[derive(Clone, Copy)]
enum Kind {
    /// A string that Helm cleans of what can't be printed.
    Clean,
    /// A string that it takes as it is.
    Raw,
    Bool,
    CleanStrings,
    RawStrings,
    Annotations,
    Anything,
    /// A list of objects with these keys.
    Objects(&'static [(&'static str, Kind)]),
}

const CHART: [(&str, Kind); 17] = [
    ("name", Kind::Clean),
    ("home", Kind::Clean),
    ("sources", Kind::CleanStrings),
    ("version", Kind::Raw),
    ("description", Kind::Clean),
    ("keywords", Kind::CleanStrings),
    ("maintainers", Kind::Objects(&MAINTAINER)),
    ("icon", Kind::Clean),
    ("apiVersion", Kind::Raw),
    ("condition", Kind::Clean),
    ("tags", Kind::Clean),
    ("appVersion", Kind::Clean),
    ("deprecated", Kind::Bool),
    ("annotations", Kind::Annotations),
    ("kubeVersion", Kind::Clean),
    ("dependencies", Kind::Objects(&DEPENDENCY)),
    ("type", Kind::Raw),
];
const MAINTAINER: [(&str, Kind); 3] = [("name", Kind::Clean), ("email", Kind::Clean), ("url", Kind::Clean)];
const DEPENDENCY: [(&str, Kind); 8] = [
    ("name", Kind::Clean),
    ("version", Kind::Clean),
    ("repository", Kind::Clean),
    ("condition", Kind::Clean),
    ("tags", Kind::CleanStrings),
    ("enabled", Kind::Bool),
    ("import-values", Kind::Anything),
    ("alias", Kind::Raw),
];
const LOCK: [(&str, Kind); 2] = [("digest", Kind::Raw), ("dependencies", Kind::Objects(&LOCKED))];
const LOCKED: [(&str, Kind); 8] = [
    ("name", Kind::Raw),
    ("version", Kind::Raw),
    ("repository", Kind::Raw),
    ("condition", Kind::Raw),
    ("tags", Kind::RawStrings),
    ("enabled", Kind::Bool),
    ("import-values", Kind::Anything),
    ("alias", Kind::Raw),
];

/// The text of a file, without its byte order mark.
///
/// # Errors
/// `yaml/malformed` when it is not UTF-8.
pub(super) fn text<'b>(file: &str, bytes: &'b [u8]) -> Result<&'b str> {
    std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).map_err(|error| {
        let what = format!("{file} is not UTF-8: {error}");
        Refusal::new(Code::YamlMalformed, what, "save the file as UTF-8").into()
    })
}

/// A field that is a string; empty when it is absent.
pub(super) fn text_of<'v>(document: &'v Value, key: &str) -> &'v str {
    document.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Chart.yaml as the JSON that Helm makes of it: empty fields left out, unknown keys dropped.
///
/// # Errors
/// `yaml/malformed`; `chart/bad-field` for each field of another type than Helm's.
pub(super) fn chart_file(bytes: &[u8]) -> Result<Value> {
    let mut document = read("Chart.yaml", bytes, &CHART)?.unwrap_or_default();
    // Helm 2 had charts without it; Helm takes those for v1.
    document.entry("apiVersion").or_insert_with(|| "v1".into());
    Ok(Value::Object(document))
}

/// What requirements.yaml lays over Chart.yaml: any of its fields, as Helm reads it into the same structure.
///
/// # Errors
/// As [`chart_file`].
pub(super) fn requirements(bytes: &[u8]) -> Result<Map<String, Value>> {
    Ok(read("requirements.yaml", bytes, &CHART)?.unwrap_or_default())
}

/// A lock file's digest and dependencies, both always there; `None` when the file says nothing.
///
/// # Errors
/// As [`chart_file`].
pub(super) fn lock(file: &'static str, bytes: &[u8]) -> Result<Option<Map<String, Value>>> {
    let Some(mut lock) = read(file, bytes, &LOCK)? else { return Ok(None) };
    // The digest and the list have no `omitempty` in Helm's structure.
    lock.entry("digest").or_insert_with(|| "".into());
    lock.entry("dependencies").or_insert(Value::Null);
    Ok(Some(lock))
}

fn read(file: &'static str, bytes: &[u8], keys: &[(&str, Kind)]) -> Result<Option<Map<String, Value>>> {
    let mut reading = Reading { file, refusals: Vec::new() };
    let parsed = yaml::documents(text(file, bytes)?, file)?.into_iter().next().unwrap_or(Value::Null);
    let fields = match &parsed {
        Value::Null => None,
        Value::Object(_) => Some(reading.fields(&parsed, keys, "")),
        _ => {
            reading.refuse("", "a mapping");
            None
        }
    };
    Refused::unless_empty(reading.refusals)?;
    Ok(fields)
}

struct Reading {
    file: &'static str,
    refusals: Vec<Refusal>,
}

impl Reading {
    fn refuse(&mut self, place: &str, expected: &str) {
        let file = self.file;
        let what = if place.is_empty() { format!("{file} is not {expected}") } else { format!("`{place}` of {file} is not {expected}") };
        self.refusals.push(Refusal::new(Code::ChartBadField, what, "write it as Helm's documentation of the file has it"));
    }

    fn fields(&mut self, value: &Value, keys: &[(&str, Kind)], place: &str) -> Map<String, Value> {
        let mut map = Map::new();
        let mut given: Vec<_> = value.as_object().into_iter().flatten().collect();
        // Go reads the keys in their order, and of several that differ in case the last.
        given.sort_by(|a, b| a.0.cmp(b.0));
        for (name, found) in given {
            let exact = keys.iter().find(|(key, _)| key == name);
            let Some((key, kind)) = exact.or_else(|| keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))) else { continue };
            let place = if place.is_empty() { (*key).to_owned() } else { format!("{place}.{key}") };
            if let Some(taken) = self.take(found, *kind, &place) {
                map.insert((*key).to_owned(), taken);
            }
        }
        map.retain(|key, value| !is_empty(value) || (keys.len() == LOCK.len() && key == "dependencies"));
        map
    }

    /// A value as its field holds it; `None` for null, which leaves a field as it is.
    fn take(&mut self, value: &Value, kind: Kind, place: &str) -> Option<Value> {
        let taken = match (kind, value) {
            (_, Value::Null) => return None,
            (Kind::Clean, value) => string(value).map(|text| clean(&text).into()),
            (Kind::Raw, value) => string(value).map(Value::String),
            (Kind::Bool, Value::Bool(_)) | (Kind::Anything, Value::Array(_)) => Some(value.clone()),
            (Kind::CleanStrings, Value::Array(items)) => strings(items, clean),
            (Kind::RawStrings, Value::Array(items)) => strings(items, str::to_owned),
            (Kind::Annotations, Value::Object(map)) => annotations(map),
            (Kind::Objects(keys), Value::Array(items)) => return Some(self.objects(items, keys, place)),
            _ => None,
        };
        if taken.is_none() {
            self.refuse(place, kind.expected());
        }
        taken
    }

    fn objects(&mut self, items: &[Value], keys: &[(&str, Kind)], place: &str) -> Value {
        let mut objects = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let place = format!("{place}[{n}]");
            if !item.is_object() {
                self.refuse(&place, "a mapping");
                continue;
            }
            let mut object = self.fields(item, keys, &place);
            if keys.iter().any(|(key, _)| *key == "repository") {
                // These two have no `omitempty` in Helm's structure.
                for key in ["name", "repository"] {
                    object.entry(key).or_insert_with(|| "".into());
                }
            }
            objects.push(Value::Object(object));
        }
        Value::Array(objects)
    }
}

impl Kind {
    const fn expected(self) -> &'static str {
        match self {
            Self::Clean | Self::Raw => "a text",
            Self::Bool => "`true` or `false`",
            Self::CleanStrings | Self::RawStrings => "a list of texts",
            Self::Annotations => "a mapping of texts; quote what is none, and write a list or mapping below `|`",
            Self::Anything | Self::Objects(_) => "a list",
        }
    }
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

fn strings(items: &[Value], each: fn(&str) -> String) -> Option<Value> {
    let text = |item: &Value| if item.is_null() { Some(String::new()) } else { string(item).map(|text| each(&text)) };
    items.iter().map(|item| text(item).map(Value::String)).collect::<Option<Vec<_>>>().map(Value::Array)
}

fn annotations(map: &Map<String, Value>) -> Option<Value> {
    let text = |value: &Value| if value.is_null() { Some(String::new()) } else { string(value) };
    map.iter().map(|(key, value)| Some((key.clone(), Value::String(text(value)?)))).collect::<Option<Map<_, _>>>().map(Value::Object)
}

/// A scalar as a string: numbers and booleans as `sigs.k8s.io/yaml` prints them.
pub(super) fn string(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Number(number) if number.is_f64() => number.as_f64().map(float),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Go's `FormatFloat(f, 'g', -1, 32)`: the shortest decimal of the 32-bit float, with an exponent from a million on and below a ten-thousandth.
#[allow(clippy::cast_possible_truncation, reason = "the loss is what Helm does, and what is reported")]
fn float(number: f64) -> String {
    let short = number as f32;
    if short.is_infinite() {
        return if short > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let scientific = format!("{short:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        format!("{short}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.abs())
    }
}

/// What Go's `unicode.IsPrint` says no to, white space aside.
static UNPRINTABLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\p{C}").ok());

/// Helm's `sanitizeString`: white space becomes a space, what can't be printed goes.
fn clean(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    UNPRINTABLE.as_ref().map_or_else(|| spaced.clone(), |hidden| hidden.replace_all(&spaced, "").into_owned())
}
