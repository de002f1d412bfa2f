//! The fields of Chart.yaml that Helm knows, each of its type.

use crate::refusal::{Code, Refusal, Result};
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Helm v4.3 `chart.Metadata`; what is empty is not written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    version: Version,
    api_version: String,
    home: Option<String>,
    sources: Option<Vec<String>>,
    description: Option<String>,
    keywords: Option<Vec<String>>,
    maintainers: Option<Vec<Maintainer>>,
    icon: Option<String>,
    condition: Option<String>,
    tags: Option<String>,
    app_version: Option<String>,
    deprecated: Option<bool>,
    annotations: Option<BTreeMap<String, String>>,
    kube_version: Option<String>,
    dependencies: Option<Vec<Dependency>>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Maintainer {
    name: Option<String>,
    email: Option<String>,
    url: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Dependency {
    name: String,
    version: Option<String>,
    // Helm writes the repository even when it is empty.
    #[serde(default)]
    repository: String,
    condition: Option<String>,
    tags: Option<Vec<String>>,
    enabled: Option<bool>,
    import_values: Option<Vec<Value>>,
    alias: Option<String>,
}

/// The known fields without the empty ones, and the version.
pub(super) fn read(chart: &Value) -> Result<(Map<String, Value>, Version)> {
    let bad = |error: serde_json::Error| {
        let what = format!("the chart's metadata cannot stand in an index: {error}");
        crate::Refused::from(Refusal::new(Code::IndexBadEntry, what, "mend the field in Chart.yaml"))
    };
    let metadata = Metadata::deserialize(chart).map_err(bad)?;
    let mut fields = serde_json::to_value(&metadata).map_err(bad)?;
    for list in ["maintainers", "dependencies"] {
        for item in fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            omit_empty(item, &["repository"]);
        }
    }
    omit_empty(&mut fields, &[]);
    match fields {
        Value::Object(fields) => Ok((fields, metadata.version)),
        _ => Ok((Map::new(), metadata.version)),
    }
}

fn omit_empty(value: &mut Value, kept: &[&str]) {
    let Value::Object(map) = value else { return };
    map.retain(|key, value| {
        let is_empty = match value {
            Value::Null | Value::Bool(false) => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        !is_empty || kept.contains(&key.as_str())
    });
}
