//! What the annotations name, held against what the chart renders (M-259).

use super::{Finding, PREFIX, items, text_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a chart renders, with every values file, CRDs included.
#[derive(Debug, Clone, Copy)]
pub struct Rendered<'a> {
    /// The images of all containers.
    pub images: &'a BTreeSet<String>,
    /// The documents of kind `CustomResourceDefinition`.
    pub crds: &'a [Value],
    /// Example files of the chart, each a path and its documents.
    pub examples: &'a [(String, Value)],
}

/// Checks that listed images and CRDs exist in the rendered chart, and that examples are of a CRD's group, kind and version.
pub fn lint_rendered(annotations: &BTreeMap<String, String>, rendered: Rendered<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for image in items(annotations, "images").iter().filter_map(|item| text_of(item.get("image"))) {
        if !rendered.images.contains(&image) {
            let what = format!("`{PREFIX}images` lists `{}`, and no container of the rendered chart uses it", image.escape_debug());
            findings.push(Finding::new("images", what, "list the image with the tag that the default values render, or remove it"));
        }
    }
    let kinds: Vec<_> = rendered.crds.iter().map(Definition::of).collect();
    for entry in items(annotations, "crds") {
        let [kind, version, name] = ["kind", "version", "name"].map(|field| text_of(entry.get(field)).unwrap_or_default());
        if !kinds.iter().any(|crd| crd.kind == kind && crd.name == name && crd.versions.contains(version.as_str())) {
            let what = format!(
                "`{PREFIX}crds` lists `{}` `{}` (`{}`), which the chart doesn't hold",
                name.escape_debug(),
                version.escape_debug(),
                kind.escape_debug()
            );
            findings.push(Finding::new("crds", what, "list the CRDs of the chart with their kind, version and full name"));
        }
    }
    // A chart whose CRDs come from elsewhere has nothing to hold its examples against.
    if !kinds.is_empty() {
        let listed = items(annotations, "crdsExamples").into_iter().map(|example| (format!("{PREFIX}crdsExamples"), example));
        let files = rendered.examples.iter().cloned();
        findings.extend(listed.chain(files).filter_map(|(place, example)| stray(&place, &example, &kinds)));
    }
    findings
}

struct Definition<'a> {
    name: &'a str,
    group: &'a str,
    kind: &'a str,
    versions: BTreeSet<&'a str>,
}

impl<'a> Definition<'a> {
    fn of(document: &'a Value) -> Self {
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let versions = document.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
        Self {
            name: text("/metadata/name"),
            group: text("/spec/group"),
            kind: text("/spec/names/kind"),
            versions: versions.filter_map(|version| version.get("name")?.as_str()).collect(),
        }
    }
}

fn stray(place: &str, example: &Value, kinds: &[Definition<'_>]) -> Option<Finding> {
    let text = |name: &str| example.get(name).and_then(Value::as_str).unwrap_or_default();
    let (api, kind) = (text("apiVersion"), text("kind"));
    let (group, version) = api.split_once('/').unwrap_or(("", api));
    let is_known = kinds.iter().any(|crd| crd.group == group && crd.kind == kind && crd.versions.contains(version));
    let what = format!(
        "`{}` has an example of `{}` `{}`, of which the chart has no CRD",
        place.escape_debug(),
        api.escape_debug(),
        kind.escape_debug()
    );
    (!is_known).then(|| Finding::new("crdsExamples", what, "write the example for a kind and version that the chart's CRDs serve"))
}
