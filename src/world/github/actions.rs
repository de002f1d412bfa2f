//! Dispatching the workflow, and runs as the API shows them.
//!
//! Source: GitHub docs, "REST API endpoints for workflows" and "for workflow runs".

use super::{
    call::{Answer, Call, Failure, Outcome},
    events::WORKFLOW,
    render::node_id,
    run::Run,
    state::World,
    triggers::{Triggers, triggers_of},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The workflow's id.
const WORKFLOW_ID: u64 = 8_000_001;

#[derive(Deserialize)]
struct Dispatch {
    r#ref: String,
    #[serde(default)]
    inputs: BTreeMap<String, Value>,
    #[serde(default)]
    return_run_details: bool,
}

#[derive(Deserialize)]
struct Permissions {
    can_approve_pull_request_reviews: Option<bool>,
}

/// `POST /actions/workflows/{workflow_id}/dispatches`: 204, or 200 with the run when asked for.
pub(super) fn dispatch(world: &mut World, call: &Call) -> Outcome {
    let wanted: Dispatch = call.body()?;
    let name = call.parameter("workflow_id");
    if !WORKFLOW.ends_with(&format!("/{name}")) && name != WORKFLOW_ID.to_string() {
        return Err(Failure::not_found());
    }
    let short = wanted.r#ref.strip_prefix("refs/heads/").or_else(|| wanted.r#ref.strip_prefix("refs/tags/")).unwrap_or(&wanted.r#ref);
    let full = if world.tip(short)?.is_some() { format!("refs/heads/{short}") } else { format!("refs/tags/{short}") };
    let no_ref = || Failure::unprocessable(&format!("No ref found for: {}", wanted.r#ref));
    let commit = world.git.read(&format!("{full}^{{commit}}"))?.ok_or_else(no_ref)?;
    let file = world.git.read(&format!("{}:{WORKFLOW}", commit.id))?.ok_or_else(Failure::not_found)?;
    if !Triggers::parse(&String::from_utf8_lossy(&file.body)).asks_for("workflow_dispatch", "", &full) {
        return Err(Failure::unprocessable("Workflow does not have 'workflow_dispatch' trigger"));
    }
    if wanted.inputs.len() > 25 {
        return Err(Failure::unprocessable("You may only define up to 25 `inputs` for a `workflow_dispatch` event"));
    }
    let known = declared_inputs(&String::from_utf8_lossy(&file.body));
    let unknown: Vec<&str> = wanted.inputs.keys().filter(|key| !known.contains_key(*key)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(Failure::unprocessable(&format!("Unexpected inputs provided: {unknown:?}")));
    }
    // Inputs are strings to a run; those not given have their default.
    let given = wanted.inputs.into_iter().map(|(key, value)| (key, value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    let inputs: BTreeMap<String, String> = known.into_iter().chain(given).collect();
    world.dispatched(&call.identity, (&full, &commit.id), inputs);
    let Some(run) = world.runs.last().filter(|_| wanted.return_run_details) else { return Ok(Answer::empty(204)) };
    let (url, page) =
        (world.repository_api(&format!("actions/runs/{}", run.id)), world.repository_page(&format!("actions/runs/{}", run.id)));
    Ok(Answer::json(200, json!({"workflow_run_id": run.id, "run_url": url, "html_url": page})))
}

/// The inputs a workflow declares for a dispatch, with their defaults.
fn declared_inputs(workflow: &str) -> BTreeMap<String, String> {
    let workflow: Value = chartrel_core::yaml::parse(workflow).unwrap_or(Value::Null);
    let on = triggers_of(&workflow);
    let inputs = on.and_then(|on| on.pointer("/workflow_dispatch/inputs")).and_then(Value::as_object);
    let default = |input: &Value| match input.get("default") {
        Some(Value::String(text)) => text.clone(),
        Some(value) if !value.is_null() => value.to_string(),
        _ => String::new(),
    };
    inputs.into_iter().flatten().map(|(key, input)| (key.clone(), default(input))).collect()
}

/// `GET /actions/runs/{run_id}`.
pub(super) fn run(world: &mut World, call: &Call) -> Outcome {
    let id = call.number("run_id")?;
    let run = world.runs.iter().find(|run| run.id == id).ok_or_else(Failure::not_found)?;
    Ok(Answer::json(200, run_json(world, run)?))
}

/// `GET /actions/runs`, newest first.
pub(super) fn runs(world: &mut World, call: &Call) -> Outcome {
    let wanted =
        |run: &&Run| call.query("event").is_none_or(|event| run.event == event) && call.query("head_sha").is_none_or(|sha| run.sha == sha);
    let runs = world.runs.iter().rev().filter(wanted).map(|run| run_json(world, run)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(call.counted_page(&world.api_url(), "workflow_runs", runs))
}

/// `GET /actions/permissions/workflow`.
pub(super) fn permissions(world: &mut World, _: &Call) -> Outcome {
    let body = json!({"default_workflow_permissions": "read", "can_approve_pull_request_reviews": world.actions_open_pulls});
    Ok(Answer::json(200, body))
}

/// `PUT /actions/permissions/workflow`.
pub(super) fn set_permissions(world: &mut World, call: &Call) -> Outcome {
    let wanted: Permissions = call.body()?;
    world.actions_open_pulls = wanted.can_approve_pull_request_reviews.unwrap_or(world.actions_open_pulls);
    Ok(Answer::empty(204))
}

fn run_json(world: &World, run: &Run) -> anyhow::Result<Value> {
    let id = run.id;
    let (url, page) = (world.repository_api(&format!("actions/runs/{id}")), world.repository_page(&format!("actions/runs/{id}")));
    let branch = if run.head_ref.is_empty() { run.git_ref.strip_prefix("refs/heads/") } else { Some(run.head_ref.as_str()) };
    let commit = world.git.commit(&run.sha)?;
    let head = commit.as_ref().map(|commit| {
        let person = |signature: &super::objects::Signature| json!({"name": signature.name, "email": signature.email});
        json!({
            "id": commit.id, "tree_id": commit.tree, "message": commit.message, "timestamp": super::objects::timestamp(&commit.committer.date),
            "author": person(&commit.author), "committer": person(&commit.committer),
        })
    });
    let repository = world.repository(&world.options.repository);
    let actor = world.user(&run.actor);
    Ok(json!({
        "id": id, "name": "chartrel", "node_id": node_id("WFR", &id.to_string()), "head_branch": branch, "head_sha": run.sha, "path": run.workflow,
        "run_number": run.number, "run_attempt": run.attempt, "event": run.event, "status": "completed", "conclusion": "success",
        "workflow_id": WORKFLOW_ID, "url": url, "html_url": page, "pull_requests": [], "created_at": run.created_at, "updated_at": run.created_at,
        "jobs_url": format!("{url}/jobs"), "logs_url": format!("{url}/logs"), "artifacts_url": format!("{url}/artifacts"),
        "check_suite_url": world.repository_api(&format!("check-suites/{id}")), "cancel_url": format!("{url}/cancel"),
        "rerun_url": format!("{url}/rerun"), "workflow_url": world.repository_api(&format!("actions/workflows/{WORKFLOW_ID}")),
        "head_commit": head, "repository": repository, "head_repository": repository, "actor": actor, "triggering_actor": actor,
        "display_title": commit.map_or_else(String::new, |commit| commit.message.lines().next().unwrap_or_default().to_owned()),
        "run_started_at": run.created_at,
    }))
}
