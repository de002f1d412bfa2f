//! Custom resource definitions: small enough for a chart, and with a structural schema (M-262).

use super::Finding;
use serde_json::Value;

/// The most bytes a CRD may have as JSON: what fits into the annotation of `kubectl apply`.
///
/// Source: Kubernetes 1.34, `TotalAnnotationSizeLimitB`.
const LIMIT: usize = 262_144;

/// Checks one document of kind `CustomResourceDefinition`; another kind passes.
///
/// Source: kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions, "Specifying a structural schema".
pub fn lint_crd(document: &Value) -> Vec<Finding> {
    if document.get("kind").and_then(Value::as_str) != Some("CustomResourceDefinition") {
        return Vec::new();
    }
    let name = document.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("without name").escape_debug().to_string();
    let mut findings = Vec::new();
    let size = document.to_string().len();
    if size > LIMIT {
        let what = format!("the CRD `{name}` has {size} bytes as JSON, and {LIMIT} are allowed");
        findings.push(Finding::new("crd-size", what, "shorten the descriptions in its schema, or split it"));
    }
    let versions = document.pointer("/spec/versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if versions.is_empty() {
        let what = format!("the CRD `{name}` has no `spec.versions`");
        findings.push(Finding::new("crd-schema", what, "write it for `apiextensions.k8s.io/v1`"));
    }
    for version in versions {
        let label = version.get("name").and_then(Value::as_str).unwrap_or_default().escape_debug();
        let fault = match version.pointer("/schema/openAPIV3Schema") {
            Some(schema) => fault(schema, "openAPIV3Schema", 0),
            None => Some("it has none".to_owned()),
        };
        if let Some(fault) = fault {
            let what = format!("the schema of version `{label}` of the CRD `{name}` is not structural: {fault}");
            findings.push(Finding::new("crd-schema", what, "give every field a `type`, outside of `allOf`, `anyOf`, `oneOf` and `not`"));
        }
    }
    findings
}

/// The first place where a schema is not structural.
fn fault(schema: &Value, path: &str, depth: usize) -> Option<String> {
    if depth > 100 {
        return Some(format!("`{path}` is nested too deeply"));
    }
    let is_set = |name: &str| schema.get(name).and_then(Value::as_bool) == Some(true);
    let has_type = schema.get("type").and_then(Value::as_str).is_some_and(|kind| !kind.is_empty());
    if !has_type && !is_set("x-kubernetes-int-or-string") && !is_set("x-kubernetes-preserve-unknown-fields") {
        return Some(format!("`{}` has no `type`", path.escape_debug()));
    }
    if schema.get("properties").is_some() && schema.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false)) {
        return Some(format!("`{}` has both `properties` and `additionalProperties`", path.escape_debug()));
    }
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let named = properties.map(|(name, schema)| (format!("{path}.{name}"), schema));
    let items = schema.get("items").map(|schema| (format!("{path}[]"), schema));
    let more = schema.get("additionalProperties").filter(|schema| schema.is_object()).map(|schema| (format!("{path}.*"), schema));
    named.chain(items).chain(more).find_map(|(path, schema)| fault(schema, &path, depth + 1))
}
