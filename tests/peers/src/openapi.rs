//! Holds recorded requests and answers against GitHub's own description of its REST interface.
//!
//! Source: npm `@octokit/openapi`, OpenAPI 3.0.3; rules of matching from the OpenAPI specification 3.0.3, "Path Templating" and "Parameter Object".

mod route;
mod schema;

use route::{Route, decoded};
use schema::Schemas;
use serde_json::{Map, Value};
use std::path::Path;

/// GitHub's description, ready to judge.
pub struct Description {
    routes: Vec<Route>,
    schemas: Schemas,
}

/// One line of `traffic.jsonl`.
struct Row<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    operation: Option<&'a str>,
    request: &'a Value,
    status: u64,
    response: &'a Value,
}

impl Description {
    /// Reads the description.
    ///
    /// # Panics
    /// If the file can't be read or is no OpenAPI description.
    pub fn load(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{} can't be read: {error}", path.display()));
        let document: Value = serde_json::from_slice(&bytes).expect("the description is JSON");
        let schemas = Schemas::new(document["components"].clone());
        let paths = document["paths"].as_object().expect("the description has paths");
        let mut routes: Vec<Route> = paths
            .iter()
            .flat_map(|(template, operations)| {
                let operations = operations.as_object().into_iter().flatten();
                operations.map(|(method, operation)| Route::new(method, template, operation.clone(), &schemas)).collect::<Vec<_>>()
            })
            .collect();
        routes.sort_by_key(|route| std::cmp::Reverse(route.literal_segments()));
        Self { routes, schemas }
    }

    /// Everything in a recording that the description doesn't allow, one sentence each.
    ///
    /// Shape of a line: `{"method","path","query","operation","requestBody","status","responseBody"}`. `operation` is the path template the
    /// recorder matched, or null; a body is JSON, null for none, or `{"sha256","size"}` for bytes that aren't JSON. Git's own protocol and
    /// release files are pages, not operations, and are passed over.
    pub fn faults(&self, traffic: &str) -> Vec<String> {
        let rows = traffic.lines().enumerate().filter(|(_, line)| !line.is_empty());
        rows.flat_map(|(index, line)| {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("line {} is no JSON: {error}", index + 1));
            let row = Row::read(&value);
            let at = format!("line {}, {} {} ({})", index + 1, row.method, row.path, row.status);
            self.judge(&row).into_iter().map(move |fault| format!("{at}: {fault}"))
        })
        .collect()
    }

    fn judge(&self, row: &Row) -> Vec<String> {
        if row.operation.is_none() && is_page(row.path) {
            return Vec::new();
        }
        let Some((route, values)) = self.routes.iter().find_map(|route| Some((route, route.matches(row.method, row.path)?))) else {
            return vec!["the description has no such operation".to_owned()];
        };
        let mut faults = Vec::new();
        if let Some(operation) = row.operation.filter(|operation| shape(operation) != shape(&route.template)) {
            faults.push(format!("was answered as `{operation}`, and is `{}`", route.template));
        }
        // A request that GitHub refuses needn't be well formed: the refusal is the point.
        if row.status < 400 {
            faults.extend(self.parameters(route, &values, row.query));
            faults.extend(self.request(route, row.request));
        }
        faults.extend(self.response(route, row));
        faults
    }

    fn parameters(&self, route: &Route, in_path: &[(String, String)], query: &str) -> Vec<String> {
        let in_query: Vec<(String, String)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decoded(name), decoded(&value.replace('+', " "))))
            .collect();
        let mut faults = Vec::new();
        for (place, given) in [("path", in_path), ("query", in_query.as_slice())] {
            for (name, value) in given {
                match route.parameter(place, name) {
                    None => faults.push(format!("{place} parameter `{name}` isn't described")),
                    Some(parameter) => {
                        faults.extend(self.schemas.text_faults(&parameter["schema"], value, &format!("{place} parameter `{name}`")));
                    }
                }
            }
        }
        let required = route.parameters.iter().filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
        let missing =
            required.filter_map(|parameter| parameter["name"].as_str()).filter(|name| !in_query.iter().any(|(given, _)| given == name));
        faults.extend(missing.map(|name| format!("query parameter `{name}` is missing")));
        faults
    }

    fn request(&self, route: &Route, body: &Value) -> Vec<String> {
        let described = &route.operation["requestBody"];
        if body.is_null() {
            return if described["required"] == true { vec!["the request has no body".to_owned()] } else { Vec::new() };
        }
        if described.is_null() {
            return if body.as_object().is_some_and(Map::is_empty) {
                Vec::new()
            } else {
                vec!["a request body isn't described".to_owned()]
            };
        }
        let Some(schema) = described.pointer("/content/application~1json/schema") else { return Vec::new() };
        let mut faults = self.schemas.faults(schema, body, "request body");
        let known = self.schemas.properties(schema);
        let unknown =
            body.as_object().into_iter().flatten().map(|(name, _)| name).filter(|name| !known.is_empty() && !known.contains(name.as_str()));
        faults.extend(unknown.map(|name| format!("request body: `{name}` isn't described")));
        faults
    }

    fn response(&self, route: &Route, row: &Row) -> Vec<String> {
        let status = row.status.to_string();
        let Some(described) = route.operation["responses"].get(&status) else {
            // The description leaves most refusals out; they all have one shape.
            return match row.status {
                401 | 403 | 404 | 409 | 422 | 429 | 500..=599 => self.schemas.faults(&basic_error(), row.response, "response body"),
                _ => vec!["this status isn't described".to_owned()],
            };
        };
        let described = self.schemas.resolve(described);
        match described.pointer("/content/application~1json/schema") {
            None if row.response.is_null() || described.get("content").is_some() => Vec::new(),
            None if row.response.as_object().is_some_and(Map::is_empty) || row.status >= 400 => Vec::new(),
            None => vec!["a response body isn't described".to_owned()],
            Some(_) if row.method == "GET" && is_bytes(row.response) => Vec::new(),
            Some(schema) => self.schemas.faults(schema, row.response, "response body"),
        }
    }
}

impl<'a> Row<'a> {
    fn read(value: &'a Value) -> Self {
        let text = |name: &str| value[name].as_str().unwrap_or_else(|| panic!("`{name}` is missing: {value}"));
        Self {
            method: text("method"),
            path: text("path"),
            query: text("query"),
            operation: value["operation"].as_str(),
            request: &value["requestBody"],
            status: value["status"].as_u64().unwrap_or_else(|| panic!("`status` is missing: {value}")),
            response: &value["responseBody"],
        }
    }
}

fn basic_error() -> Value {
    serde_json::json!({"$ref": "#/components/schemas/basic-error"})
}

/// Whether a path is git's own protocol or a file of a release: `/<owner>/<repository>[.git]/…`.
fn is_page(path: &str) -> bool {
    let mut segments = path.trim_start_matches('/').splitn(3, '/');
    let rest = segments.nth(2).unwrap_or_default();
    matches!(rest, "info/refs" | "git-upload-pack" | "git-receive-pack") || rest.starts_with("releases/download/")
}

/// Whether a body stands for bytes that aren't JSON.
fn is_bytes(body: &Value) -> bool {
    body.as_object().is_some_and(|map| map.len() == 2 && map.contains_key("sha256") && map.contains_key("size"))
}

/// A template without the names of its parameters, which are free.
fn shape(template: &str) -> String {
    let segments = template.split('/').map(|segment| if segment.starts_with(['{', ':', '*']) { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}
