use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

fn annotations(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, text)| (format!("{PREFIX}{name}"), (*text).to_owned())).collect()
}

fn rules(name: &str, text: &str) -> Vec<&'static str> {
    lint(&annotations(&[(name, text)]), &Version::new(1, 0, 0)).into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn what_artifact_hub_reads_passes() {
    for (name, text) in [
        ("changes", "- one\n- two"),
        ("changes", "- kind: Added\n  description: x\n  links:\n    - name: y\n      url: https://z"),
        ("changes", "- description: x"),
        ("category", "networking"),
        ("category", "skip-prediction"),
        ("operatorCapabilities", "Deep Insights"),
        ("operator", "T"),
        ("prerelease", "false"),
        ("license", "Apache-2.0"),
        ("license", "MIT OR Apache-2.0"),
        ("signKey", "fingerprint: A\nurl: https://x/y.asc"),
        ("images", "- name: a\n  image: ghcr.io/a/b:1.2.3\n  platforms: [linux/amd64]"),
        ("images", ""),
        ("links", "- name: a\n  url: https://b"),
        ("crds", "- kind: A\n  version: v1\n  name: as.b.c"),
        ("alternativeName", "anything"),
    ] {
        assert_eq!(rules(name, text), Vec::<&str>::new(), "{name}: {text}");
    }
}

#[test]
fn what_artifact_hub_refuses_is_found() {
    for (name, text) in [
        ("changes", "- one\n- kind: added\n  description: x"),
        ("changes", "- kind: improved\n  description: x"),
        ("changes", "- kind: added"),
        ("changes", "- description: x\n  links: [{name: y}]"),
        ("changes", "- description: x\n  links: y"),
        ("changes", "added: x"),
        ("changes", "- a: [\n"),
        ("category", "Networking"),
        ("category", "web"),
        ("operatorCapabilities", "full"),
        ("operator", "yes"),
        ("containsSecurityUpdates", "no"),
        ("prerelease", "true"),
        ("license", "Apache 2"),
        ("signKey", "null"),
        ("signKey", "fingerprint: A"),
        ("signKey", "url: x"),
        ("images", "- name: a"),
        ("images", "- image: A/B"),
        ("images", "image: a"),
        ("links", "- name: a"),
        ("links", "- name: a\n  url: javascript:x"),
        ("links", "- a"),
        ("crds", "- kind: A\n  version: v1"),
        ("screenshots", "- title: a"),
    ] {
        assert_eq!(rules(name, text), [name], "{text}");
    }
}

#[test]
fn all_findings_are_told_not_the_first() {
    let found = lint(&annotations(&[("category", "web"), ("license", "x y"), ("operator", "2")]), &Version::new(1, 0, 0));
    assert_eq!(found.len(), 3);
    let two = lint(&annotations(&[("links", "- name: a\n- url: b")]), &Version::new(1, 0, 0));
    assert_eq!(two.len(), 3);
}

#[test]
fn a_prerelease_is_not_called_stable() {
    let version: Version = "1.0.0-rc.1".parse().unwrap();
    assert_eq!(lint(&annotations(&[("prerelease", "true")]), &version), []);
    let found = lint(&annotations(&[("prerelease", "false")]), &version);
    assert_eq!(found[0].what, "`artifacthub.io/prerelease` is `false`, and the version is `1.0.0-rc.1`");
}

#[test]
fn image_references_are_those_of_registries() {
    let digest = format!("a/b@sha256:{}", "0".repeat(64));
    for (text, expected) in [
        ("nginx", true),
        ("nginx:1.27-alpine", true),
        ("ghcr.io/acme/app:v1", true),
        ("localhost:5000/a/b", true),
        (digest.as_str(), true),
        ("a/b:1@sha256:0", false),
        ("Nginx", false),
        ("", false),
        ("a//b", false),
        ("a b", false),
        ("nginx:", false),
        ("ghcr.io:x/a/b", false),
        ("{{ .Values.image }}", false),
    ] {
        assert_eq!(is_reference(text), expected, "{text}");
    }
}

#[test]
fn the_repository_file_is_checked() {
    for (text, expected) in [
        ("repositoryID: # later\nowners:\n  - name: a\n    email: a@b.c\n", vec![]),
        ("repositoryID: 1a2b3c4d-0000-4000-8000-1a2b3c4d5e6f\nignore:\n  - name: x\n    version: ^0\\.\n", vec![]),
        ("repositoryID: 12\nother: 1", vec!["repositoryID"]),
        ("owners:\n  - name: a", vec!["owners"]),
        ("owners: a@b", vec!["owners"]),
        ("ignore:\n  - version: '('", vec!["ignore", "ignore"]),
        ("- a", vec!["file"]),
        ("", vec!["file"]),
        ("a: [", vec!["file"]),
    ] {
        let found: Vec<_> = lint_repo_file(text).into_iter().map(|finding| finding.rule).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn the_package_file_agrees_with_the_chart() {
    let annotations = annotations(&[("license", "MIT"), ("operator", "true")]);
    let version = Version::new(1, 2, 3);
    let facts = PackageFacts { name: "nginx", version: &version, annotations: &annotations };
    for (text, expected) in [
        ("version: 1.2.3\nname: nginx\nlicense: MIT\noperator: true\nlinks:\n  - name: a\n    url: https://b\n", 0),
        ("version: 1.2.3", 0),
        ("name: nginx", 1),
        ("version: 1.2.2\nname: other\nlicense: Apache-2.0", 3),
        ("version: 1.2.3\nlinks:\n  - url: b", 1),
        ("version: 1.2.3\nlinks: b", 1),
        ("- x", 1),
    ] {
        assert_eq!(lint_package_file(text, facts).len(), expected, "{text}");
    }
}

fn crd(schema: &Value) -> Value {
    json!({"kind": "CustomResourceDefinition", "metadata": {"name": "as.b.c"}, "spec": {"group": "b.c", "names": {"kind": "A"},
        "versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}]}})
}

#[test]
fn a_crd_is_small_and_structural() {
    let object = |properties: Value| json!({"type": "object", "properties": properties});
    for (schema, expected) in [
        (object(json!({"a": {"type": "string"}, "b": {"x-kubernetes-int-or-string": true}})), vec![]),
        (json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}), vec![]),
        (object(json!({"a": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}}})), vec![]),
        (object(json!({"a": {"description": "x"}})), vec!["crd-schema"]),
        (object(json!({"a": {"type": "array", "items": {}}})), vec!["crd-schema"]),
        (json!({"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}), vec!["crd-schema"]),
        (object(json!({"a": {"type": "string", "description": "x".repeat(262_144)}})), vec!["crd-size"]),
    ] {
        let found: Vec<_> = lint_crd(&crd(&schema)).into_iter().map(|finding| finding.rule).collect();
        assert_eq!(found, expected);
    }
    assert_eq!(lint_crd(&json!({"kind": "CustomResourceDefinition", "spec": {"versions": [{"name": "v1"}]}})).len(), 1);
    assert_eq!(lint_crd(&json!({"kind": "CustomResourceDefinition"})).len(), 1);
    assert_eq!(lint_crd(&json!({"kind": "Service"})), []);
}

#[test]
fn what_is_listed_exists_in_the_rendered_chart() {
    let images = BTreeSet::from(["a/b:1".to_owned()]);
    let crds = [crd(&json!({"type": "object"}))];
    let example = |api: &str, kind: &str| json!({"apiVersion": api, "kind": kind});
    let good = annotations(&[
        ("images", "- image: a/b:1"),
        ("crds", "- {kind: A, version: v1, name: as.b.c}"),
        ("crdsExamples", "- {apiVersion: b.c/v1, kind: A}"),
    ]);
    let files = [("examples/a.yaml".to_owned(), example("b.c/v1", "A"))];
    assert_eq!(lint_rendered(&good, Rendered { images: &images, crds: &crds, examples: &files }), []);
    let bad = annotations(&[
        ("images", "- image: a/b:2"),
        ("crds", "- {kind: A, version: v2, name: as.b.c}"),
        ("crdsExamples", "- {apiVersion: b.c/v2, kind: A}"),
    ]);
    let files = [("examples/a.yaml".to_owned(), example("b.c/v1", "B"))];
    let found: Vec<_> =
        lint_rendered(&bad, Rendered { images: &images, crds: &crds, examples: &files }).into_iter().map(|f| f.rule).collect();
    assert_eq!(found, ["images", "crds", "crdsExamples", "crdsExamples"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn no_text_breaks_the_linter(name in prop::sample::select(vec!["changes", "images", "signKey", "license", "crds"]), text in "(?s)([-:\\[{&*!|>#\"' \n]|.){0,12}") {
        let _ = (rules(name, &text), lint_repo_file(&text), is_reference(&text));
    }
}
