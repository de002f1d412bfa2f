//! The `on:` of a workflow, as far as it decides whether a run starts: events, activity types, branches and tags.

use super::rules::glob;
use serde_json::{Map, Value};

/// What a workflow asks for; empty when its file cannot be read as YAML (GitHub starts nothing then either).
pub(super) struct Triggers(Map<String, Value>);

impl Triggers {
    /// Reads a workflow's `on:`: one event, a list, or a map with filters.
    pub(super) fn parse(workflow: &str) -> Self {
        let workflow: Value = chartrel_core::yaml::parse(workflow).unwrap_or(Value::Null);
        let events = match triggers_of(&workflow) {
            Some(Value::String(event)) => Map::from_iter([(event.clone(), Value::Null)]),
            Some(Value::Array(events)) => events.iter().filter_map(Value::as_str).map(|event| (event.to_owned(), Value::Null)).collect(),
            Some(Value::Object(events)) => events.clone(),
            _ => Map::new(),
        };
        Self(events)
    }

    /// Whether an event starts a run. `name` is the pushed ref, or a pull request's base branch.
    pub(super) fn asks_for(&self, event: &str, action: &str, name: &str) -> bool {
        let Some(filter) = self.0.get(event) else { return false };
        match event {
            "pull_request" => is_activity(filter, action) && passes(filter, "branches", name),
            "push" => is_pushed(filter, name),
            _ => true,
        }
    }
}

/// The `on:` of a workflow; YAML 1.1 reads the bare word as the boolean true.
pub(super) fn triggers_of(workflow: &Value) -> Option<&Value> {
    workflow.get("on").or_else(|| workflow.get("true"))
}

/// Without `types`, a pull request starts runs when it is opened, moved or reopened.
fn is_activity(filter: &Value, action: &str) -> bool {
    let types = texts(filter.get("types"));
    if types.is_empty() { matches!(action, "opened" | "synchronize" | "reopened") } else { types.iter().any(|kind| kind == action) }
}

/// A filter on branches alone keeps tags out, and the other way round; none of both lets everything in.
fn is_pushed(filter: &Value, git_ref: &str) -> bool {
    let has = |key: &str| filter.get(key).is_some() || filter.get(format!("{key}-ignore")).is_some();
    if let Some(branch) = git_ref.strip_prefix("refs/heads/") {
        return if has("branches") { passes(filter, "branches", branch) } else { !has("tags") };
    }
    let tag = git_ref.strip_prefix("refs/tags/").unwrap_or(git_ref);
    if has("tags") { passes(filter, "tags", tag) } else { !has("branches") }
}

/// `<key>` and `<key>-ignore`; a pattern with `!` takes a name out again.
fn passes(filter: &Value, key: &str, name: &str) -> bool {
    let matches = |pattern: &str| glob(pattern.as_bytes(), name.as_bytes());
    if texts(filter.get(format!("{key}-ignore"))).iter().any(|pattern| matches(pattern)) {
        return false;
    }
    let wanted = texts(filter.get(key));
    let decided = wanted.iter().fold(false, |decided, pattern| match pattern.strip_prefix('!') {
        Some(pattern) if matches(pattern) => false,
        None if matches(pattern) => true,
        _ => decided,
    });
    wanted.is_empty() || decided
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_says_what_starts_it() {
        let filtered = "on:\n  push: {branches: [main, 'charts/**', '!charts/old']}\n  pull_request: {types: [closed]}\n";
        for (workflow, event, action, name, expected) in [
            ("on: push", "push", "", "refs/heads/x", true),
            ("on: push", "pull_request", "opened", "main", false),
            ("on: [push, pull_request]", "pull_request", "opened", "main", true),
            ("on: [push, pull_request]", "pull_request", "closed", "main", false),
            (filtered, "push", "", "refs/heads/main", true),
            (filtered, "push", "", "refs/heads/charts/nginx", true),
            (filtered, "push", "", "refs/heads/charts/old", false),
            (filtered, "push", "", "refs/heads/other", false),
            (filtered, "push", "", "refs/tags/nginx-v1.0.0", false),
            (filtered, "pull_request", "closed", "main", true),
            (filtered, "pull_request", "opened", "main", false),
            (filtered, "workflow_dispatch", "", "refs/heads/main", false),
            ("on:\n  push: {tags: ['*']}", "push", "", "refs/tags/v1", true),
            ("on:\n  push: {tags: ['*']}", "push", "", "refs/heads/main", false),
            ("on:\n  push: {branches-ignore: [main]}", "push", "", "refs/heads/main", false),
            ("on: [", "push", "", "refs/heads/main", false),
        ] {
            assert_eq!(Triggers::parse(workflow).asks_for(event, action, name), expected, "{workflow} {event} {action} {name}");
        }
    }
}
