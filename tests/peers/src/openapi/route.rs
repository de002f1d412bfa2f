//! One operation of the description and the paths that are its own.

use super::schema::Schemas;
use percent_encoding::percent_decode_str;
use regex::Regex;
use serde_json::Value;

/// One operation: a method and a path template, `/repos/{owner}/{repo}/pulls`.
pub(super) struct Route {
    method: String,
    /// The path template.
    pub(super) template: String,
    /// The Operation Object.
    pub(super) operation: Value,
    /// The Parameter Objects, references resolved.
    pub(super) parameters: Vec<Value>,
    pattern: Regex,
    names: Vec<String>,
}

impl Route {
    /// An operation as the description has it.
    pub(super) fn new(method: &str, template: &str, operation: Value, schemas: &Schemas) -> Self {
        let parameters: Vec<Value> =
            operation["parameters"].as_array().into_iter().flatten().map(|parameter| schemas.resolve(parameter).clone()).collect();
        // `x-multi-segment` is GitHub's own: the value may hold slashes, as a ref and a path do.
        let whole = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name && parameter["x-multi-segment"] == true);
        let mut names = Vec::new();
        let mut pattern = String::from("^");
        for segment in template.split('/').skip(1) {
            pattern.push('/');
            pattern.push_str(&segment_pattern(segment, &mut names, &whole));
        }
        pattern.push('$');
        let pattern = Regex::new(&pattern).expect("an escaped template is a pattern");
        Self { method: method.to_uppercase(), template: template.to_owned(), operation, parameters, pattern, names }
    }

    /// How much of the template is fixed: of two templates that match, the one with more of it is meant.
    pub(super) fn literal_segments(&self) -> usize {
        self.template.split('/').filter(|segment| !segment.contains('{')).count()
    }

    /// The decoded values of the path's parameters, if the request is this operation.
    pub(super) fn matches(&self, method: &str, path: &str) -> Option<Vec<(String, String)>> {
        if method != self.method {
            return None;
        }
        let captures = self.pattern.captures(path)?;
        let values = captures.iter().skip(1).flatten().map(|value| decoded(value.as_str()));
        Some(self.names.iter().cloned().zip(values).collect())
    }

    /// The Parameter Object of this place (`path`, `query`) and name.
    pub(super) fn parameter(&self, place: &str, name: &str) -> Option<&Value> {
        // `labels[]` and `labels` are one parameter.
        let name = name.strip_suffix("[]").unwrap_or(name);
        self.parameters.iter().find(|parameter| parameter["in"] == place && parameter["name"] == name)
    }
}

/// `{a}...{b}` and `{id}.json` occur beside the plain `{id}`.
fn segment_pattern(segment: &str, names: &mut Vec<String>, whole: &dyn Fn(&str) -> bool) -> String {
    let mut pattern = String::new();
    let mut rest = segment;
    while let Some((literal, (name, after))) = rest.split_once('{').and_then(|(literal, after)| Some((literal, after.split_once('}')?))) {
        pattern.push_str(&regex::escape(literal));
        pattern.push_str(if whole(name) { "(.+)" } else { "([^/]+)" });
        names.push(name.to_owned());
        rest = after;
    }
    pattern + &regex::escape(rest)
}

/// Percent-encoding undone.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
