//! Check runs: only an App or a run's token may report them.
//!
//! Source: GitHub docs, "REST API endpoints for check runs".

use super::{
    call::{Answer, Call, Failure, Outcome},
    identity::{ACTIONS_APP_ID, APP_ID},
    objects::timestamp,
    render::node_id,
    state::{Check, World, now},
};
use serde_json::{Map, Value, json};

/// What a reporter may set.
const FIELDS: &[&str] = &["name", "details_url", "external_id", "status", "started_at", "conclusion", "completed_at", "output"];

impl Check {
    /// A field as text; empty when it is not set.
    pub(super) fn text(&self, key: &str) -> &str {
        self.fields.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// Takes the fields of a request; a conclusion completes the run.
    fn take(&mut self, given: &Map<String, Value>) -> Result<(), Failure> {
        let kept = given.iter().filter(|(key, _)| FIELDS.contains(&key.as_str()));
        self.fields.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
        if given.contains_key("conclusion") {
            self.fields.insert("status".into(), "completed".into());
        }
        if self.text("status") == "completed" {
            if self.text("conclusion").is_empty() {
                return Err(Failure::unprocessable("Invalid request.\n\n\"conclusion\" wasn't supplied."));
            }
            self.fields.entry("completed_at").or_insert_with(|| timestamp(&now()).into());
        }
        let summary = self.fields.get("output").and_then(|output| output.get("summary")).and_then(Value::as_str).unwrap_or_default();
        if summary.chars().count() > 65_535 {
            return Err(Failure::unprocessable("Invalid request.\n\nOnly 65535 characters are allowed in \"summary\"."));
        }
        Ok(())
    }
}

/// `POST /check-runs`.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let app_id = call.identity.app_id().ok_or_else(|| Failure::new(403, "You must authenticate via a GitHub App."))?;
    let given: Map<String, Value> = call.body()?;
    let text = |key: &str| given.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, head_sha) = (text("name"), text("head_sha"));
    if name.is_empty() || head_sha.is_empty() {
        return Err(Failure::unprocessable("Invalid request.\n\n\"name\", \"head_sha\" weren't supplied."));
    }
    if world.git.commit(&head_sha)?.is_none_or(|commit| commit.id != head_sha) {
        return Err(Failure::unprocessable(&format!("No commit found for SHA: {head_sha}")));
    }
    let fields = Map::from_iter([("status".to_owned(), "queued".into()), ("started_at".to_owned(), timestamp(&now()).into())]);
    let mut check = Check { id: world.next_id(), app_id, head_sha, fields };
    check.take(&given)?;
    let shown = check_json(world, &check);
    world.checks.insert(check.id, check);
    Ok(Answer::created(shown))
}

/// `PATCH /check-runs/{check_run_id}`: by the App that made it.
pub(super) fn update(world: &mut World, call: &Call) -> Outcome {
    let given: Map<String, Value> = call.body()?;
    let mut check = world.checks.get(&call.number("check_run_id")?).cloned().ok_or_else(Failure::not_found)?;
    if call.identity.app_id() != Some(check.app_id) {
        return Err(Failure::new(403, "Invalid app_id `...` - check run can only be modified by the GitHub App that created it."));
    }
    check.take(&given)?;
    let shown = check_json(world, &check);
    world.checks.insert(check.id, check);
    Ok(Answer::json(200, shown))
}

/// `GET /check-runs/{check_run_id}`.
pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let check = world.checks.get(&call.number("check_run_id")?).ok_or_else(Failure::not_found)?;
    Ok(Answer::json(200, check_json(world, check)))
}

/// `GET /commits/{ref}/check-runs`: newest first; of each name and App the latest alone unless `filter=all`.
pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let missing = || Failure::unprocessable(&format!("No commit found for SHA: {}", call.parameter("ref")));
    let id = world.git.commit_id(call.parameter("ref"))?.ok_or_else(missing)?;
    let app_id = call.query("app_id").and_then(|text| text.parse::<u64>().ok());
    let is_latest = call.query("filter") != Some("all");
    let mut seen = std::collections::BTreeSet::new();
    let wanted = |check: &&Check| {
        check.head_sha == id
            && call.query("check_name").is_none_or(|name| check.text("name") == name)
            && call.query("status").is_none_or(|status| check.text("status") == status)
            && app_id.is_none_or(|id| check.app_id == id)
            && (seen.insert((check.text("name").to_owned(), check.app_id)) || !is_latest)
    };
    let checks = world.checks.values().rev().filter(wanted).map(|check| check_json(world, check)).collect();
    Ok(call.counted_page(&world.api_url(), "check_runs", checks))
}

/// A check run, `check-run` of the description.
pub(super) fn check_json(world: &World, check: &Check) -> Value {
    let id = check.id;
    let field = |key: &str| check.fields.get(key).cloned().unwrap_or(Value::Null);
    let output = field("output");
    let part = |key: &str| output.get(key).cloned().unwrap_or(Value::Null);
    let annotations = output.get("annotations").and_then(Value::as_array).map_or(0, Vec::len);
    let (url, page) = (world.repository_api(&format!("check-runs/{id}")), world.repository_page(&format!("runs/{id}")));
    let details = if check.text("details_url").is_empty() { Value::from(page.clone()) } else { field("details_url") };
    json!({
        "id": id, "node_id": node_id("CR", &id.to_string()), "head_sha": check.head_sha, "name": field("name"), "url": url, "html_url": page,
        "details_url": details, "external_id": check.text("external_id"), "status": field("status"), "conclusion": field("conclusion"),
        "started_at": field("started_at"), "completed_at": field("completed_at"), "check_suite": {"id": 6_000_000 + check.app_id},
        "output": {
            "title": part("title"), "summary": part("summary"), "text": part("text"), "annotations_count": annotations,
            "annotations_url": format!("{url}/annotations"),
        },
        "app": app_json(world, check.app_id), "pull_requests": [],
    })
}

/// The App behind a check run.
fn app_json(world: &World, id: u64) -> Value {
    let (slug, name) = match id {
        APP_ID => ("chartrel", "chartrel"),
        ACTIONS_APP_ID => ("github-actions", "GitHub Actions"),
        _ => ("unknown", "unknown"),
    };
    let time = timestamp(&world.created_at);
    let page = format!("{}/apps/{slug}", world.server_url);
    json!({
        "id": id, "slug": slug, "node_id": node_id("A", slug), "owner": world.user(world.options.owner()), "name": name, "description": "",
        "external_url": page, "html_url": page, "created_at": time, "updated_at": time, "events": [],
        "permissions": {"checks": "write", "contents": "write", "metadata": "read", "pull_requests": "write"},
    })
}
