//! Schemas of OpenAPI 3.0 as JSON Schema 2020-12, and what a value lacks against one.

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// The components of a description, and the validators made of them so far.
pub(super) struct Schemas {
    components: Value,
    made: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Schemas {
    /// The value of `components`.
    pub(super) fn new(components: Value) -> Self {
        Self { components, made: Mutex::default() }
    }

    /// What a reference points to, or the value itself.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value["$ref"].as_str() else { return value };
        let target = reference.strip_prefix("#/components").and_then(|pointer| self.components.pointer(pointer));
        self.resolve(target.unwrap_or_else(|| panic!("`{reference}` points to nothing")))
    }

    /// What the value lacks: one sentence a fault, with the place in the value.
    pub(super) fn faults(&self, schema: &Value, value: &Value, what: &str) -> Vec<String> {
        let validator = self.validator(schema);
        validator
            .iter_errors(value)
            .map(|error| format!("{what} at `{}`: {}", error.instance_path(), shortened(&error.to_string())))
            .collect()
    }

    /// The same for a parameter's text, read as what its schema says it is.
    pub(super) fn text_faults(&self, schema: &Value, text: &str, what: &str) -> Vec<String> {
        let value = match self.resolve(schema)["type"].as_str() {
            Some("integer" | "number") => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            Some("boolean") => text.parse().map_or_else(|_| json!(text), Value::Bool),
            Some("array") => json!(text.split(',').collect::<Vec<_>>()),
            _ => json!(text),
        };
        self.faults(schema, &value, what)
    }

    /// Names of the properties that an object of this schema is described with; empty if any name will do.
    pub(super) fn properties<'a>(&'a self, schema: &'a Value) -> BTreeSet<&'a str> {
        let schema = self.resolve(schema);
        let open = schema["additionalProperties"].is_object() || schema["additionalProperties"] == true;
        if open || ["oneOf", "anyOf", "allOf"].iter().any(|combined| schema.get(*combined).is_some()) {
            return BTreeSet::new();
        }
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.entry(schema.to_string()).or_insert_with(|| {
            let converted = self.closed(schema);
            Arc::new(jsonschema::draft202012::new(&converted).unwrap_or_else(|error| panic!("a described schema is unusable: {error}")))
        }))
    }

    /// The converted schema with everything it refers to under `$defs`.
    fn closed(&self, schema: &Value) -> Value {
        let mut definitions = BTreeMap::new();
        let mut converted = convert(schema);
        let mut wanted = references(&converted);
        while let Some(name) = wanted.pop_first() {
            let target = self.components.pointer(&format!("/schemas/{name}")).unwrap_or_else(|| panic!("there is no schema `{name}`"));
            let target = convert(target);
            wanted.extend(references(&target).into_iter().filter(|other| *other != name && !definitions.contains_key(other)));
            definitions.insert(name, target);
        }
        if let Some(map) = converted.as_object_mut() {
            map.insert("$defs".to_owned(), json!(definitions));
        }
        converted
    }
}

/// A schema of OpenAPI 3.0 in the words of JSON Schema 2020-12.
///
/// 3.0 has `nullable`, lets nothing stand beside `$ref`, and `example` isn't a keyword of JSON Schema.
/// Source: OpenAPI specification 3.0.3, "Schema Object" and "Reference Object".
fn convert(schema: &Value) -> Value {
    let Some(map) = schema.as_object() else { return schema.clone() };
    if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
        return json!({"$ref": reference.replace("#/components/schemas/", "#/$defs/")});
    }
    let mut converted = Map::new();
    for (keyword, value) in map {
        let value = match keyword.as_str() {
            "nullable" | "example" | "examples" | "description" | "title" | "readOnly" | "deprecated" | "externalDocs" => continue,
            "properties" | "patternProperties" => each_member(value),
            "items" | "additionalProperties" | "not" => convert(value),
            "oneOf" | "anyOf" | "allOf" => value.as_array().into_iter().flatten().map(convert).collect(),
            _ => value.clone(),
        };
        // GitHub's alternatives overlap (a plain error is also a rule violation's), so `oneOf` would refuse its own examples.
        let keyword = if keyword == "oneOf" { "anyOf" } else { keyword.as_str() };
        converted.insert(keyword.to_owned(), value);
    }
    if map.get("nullable") == Some(&Value::Bool(true)) { or_null(converted) } else { Value::Object(converted) }
}

fn each_member(properties: &Value) -> Value {
    let members = properties.as_object().into_iter().flatten();
    members.map(|(name, schema)| (name.clone(), convert(schema))).collect::<Map<_, _>>().into()
}

/// The plain case stays plain, since a fault below `anyOf` says little.
fn or_null(mut schema: Map<String, Value>) -> Value {
    let plain = !["enum", "oneOf", "anyOf", "allOf", "not"].iter().any(|keyword| schema.contains_key(*keyword));
    match schema.get("type").cloned() {
        Some(Value::String(name)) if plain => {
            schema.insert("type".to_owned(), json!([name, "null"]));
            Value::Object(schema)
        }
        _ => json!({"anyOf": [{"type": "null"}, schema]}),
    }
}

/// Names of the schemas a converted schema refers to.
fn references(schema: &Value) -> BTreeSet<String> {
    match schema {
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix("#/$defs/")).map(str::to_owned);
            own.into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

/// A whole pull request in a message helps nobody.
fn shortened(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= 300 {
        return text.to_owned();
    }
    let (start, end) =
        (characters.iter().take(150).collect::<String>(), characters.iter().skip(characters.len() - 150).collect::<String>());
    format!("{start} … {end}")
}
