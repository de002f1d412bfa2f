//! A chart as `helm push` (v4.3.1, `pkg/registry/client.go` and `chart.go`) makes an artifact of it.

use super::{Artifact, Descriptor, Manifest, go_json, stamp};
use chrono::{DateTime, Utc};
use semver::Version;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// The metadata in the order of Helm's struct (`pkg/chart/v2/metadata.go`); empty values are left out.
const FIELDS: [&str; 17] = [
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
];
const MAINTAINER: [&str; 3] = ["name", "email", "url"];
const DEPENDENCY: [&str; 8] = ["name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias"];

/// The tag of a version: `+`, which no tag may hold, becomes `_`, as Helm does.
pub fn tag(version: &Version) -> String {
    version.to_string().replace('+', "_")
}

/// The artifact that `helm push` makes of a package whose Chart.yaml says `metadata`; the layer is the package itself.
///
/// `metadata` is Chart.yaml as JSON, as Helm reads it. `created` is the one time in it, so the digest is the same on every run.
pub fn helm_artifact(metadata: &Value, package: &[u8], created: DateTime<Utc>) -> Artifact {
    let config = go_json(&ordered(metadata, &FIELDS));
    let manifest = Manifest {
        schema_version: 2,
        media_type: None,
        artifact_type: None,
        config: Descriptor::of(CONFIG, &config),
        layers: vec![Descriptor::of(CHART, package)],
        subject: None,
        annotations: annotations(metadata, created),
    };
    Artifact::new(&manifest, config)
}

/// An object whose keys come in a fixed order, which JSON maps here don't keep.
struct Ordered<'a>(Vec<(&'a str, Field<'a>)>);

#[derive(Serialize)]
#[serde(untagged)]
enum Field<'a> {
    Plain(&'a Value),
    Empty(&'static str),
    Many(Vec<Ordered<'a>>),
}

impl Serialize for Ordered<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

fn ordered<'a>(value: &'a Value, fields: &[&'a str]) -> Ordered<'a> {
    let kept = fields.iter().filter_map(|field| {
        let held = value.get(field).filter(|held| !is_empty(held));
        match (*field, held) {
            ("maintainers", Some(Value::Array(items))) => Some((*field, many(items, &MAINTAINER))),
            ("dependencies", Some(Value::Array(items))) => Some((*field, many(items, &DEPENDENCY))),
            (_, Some(held)) => Some((*field, Field::Plain(held))),
            // Go writes these two of a dependency even when they are empty.
            ("name" | "repository", None) if fields == DEPENDENCY => Some((*field, Field::Empty(""))),
            _ => None,
        }
    });
    Ordered(kept.collect())
}

fn many<'a>(items: &'a [Value], fields: &[&'a str]) -> Field<'a> {
    Field::Many(items.iter().map(|item| ordered(item, fields)).collect())
}

/// What Go's `omitempty` leaves out.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// `generateOCIAnnotations`: the chart's own annotations may replace all but title and version.
fn annotations(metadata: &Value, created: DateTime<Utc>) -> BTreeMap<String, String> {
    let text = |key: &str| metadata.get(key).and_then(Value::as_str).unwrap_or_default();
    let list = |key: &str| metadata.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let created = stamp(created);
    let source = list("sources").first().and_then(Value::as_str).unwrap_or_default();
    let authors = list("maintainers").iter().map(author).collect::<Vec<_>>().join(", ");
    let facts = [
        ("description", text("description")),
        ("title", text("name")),
        ("version", text("version")),
        ("url", text("home")),
        ("created", &created),
        ("source", source),
        ("authors", &authors),
    ];
    let named = facts.into_iter().filter(|(_, value)| !value.trim().is_empty());
    let mut all: BTreeMap<_, _> = named.map(|(key, value)| (format!("org.opencontainers.image.{key}"), value.to_owned())).collect();
    let own = metadata.get("annotations").and_then(Value::as_object).map_or_else(Map::new, Clone::clone);
    for (key, value) in own {
        let is_fixed = matches!(key.as_str(), "org.opencontainers.image.title" | "org.opencontainers.image.version");
        if let (false, Value::String(value)) = (is_fixed, value) {
            all.insert(key, value);
        }
    }
    all
}

fn author(maintainer: &Value) -> String {
    let text = |key: &str| maintainer.get(key).and_then(Value::as_str).unwrap_or_default();
    match (text("name"), text("email")) {
        (name, "") => name.to_owned(),
        (name, email) => format!("{name} ({email})"),
    }
}
