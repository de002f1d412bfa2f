//! Commit statuses.
//!
//! Source: GitHub docs, "REST API endpoints for commit statuses".

use super::{
    call::{Answer, Call, Failure, Outcome},
    objects::timestamp,
    render::node_id,
    state::{Status, World, now},
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Creation {
    state: String,
    context: Option<String>,
    description: Option<String>,
    target_url: Option<String>,
}

/// `POST /statuses/{sha}`.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let wanted: Creation = call.body()?;
    let sha = call.parameter("sha").to_owned();
    if world.git.commit(&sha)?.is_none_or(|commit| commit.id != sha) {
        return Err(Failure::unprocessable(&format!("No commit found for SHA: {sha}")));
    }
    if !["error", "failure", "pending", "success"].contains(&wanted.state.as_str()) {
        return Err(Failure::invalid("Status", "state", "custom", "state is not included in the list"));
    }
    if wanted.description.as_deref().is_some_and(|text| text.chars().count() > 140) {
        return Err(Failure::invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)"));
    }
    let context = wanted.context.unwrap_or_else(|| "default".into());
    if world.statuses.iter().filter(|status| status.sha == sha && status.context == context).count() >= 1_000 {
        return Err(Failure::invalid("Status", "sha", "custom", "This SHA and context has reached the maximum number of statuses."));
    }
    let (description, target_url) = (wanted.description, wanted.target_url);
    let (login, app_id) = (call.identity.login().to_owned(), call.identity.app_id());
    let status =
        Status { id: world.next_id(), sha, state: wanted.state, context, description, target_url, login, app_id, created_at: now() };
    let mut shown = status_json(world, &status);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("creator".into(), world.user(&status.login));
    }
    world.statuses.push(status);
    Ok(Answer::created(shown))
}

/// `GET /commits/{ref}/status`: the newest status of every context, and what they come to.
pub(super) fn combined(world: &mut World, call: &Call) -> Outcome {
    let sha = world.git.commit_id(call.parameter("ref"))?.ok_or_else(Failure::not_found)?;
    let mut newest = std::collections::BTreeMap::new();
    for status in world.statuses.iter().filter(|status| status.sha == sha) {
        newest.insert(&status.context, status);
    }
    let has = |state: &str| newest.values().any(|status| status.state == state);
    let state = match () {
        () if has("failure") || has("error") => "failure",
        () if newest.is_empty() || has("pending") => "pending",
        () => "success",
    };
    let statuses: Vec<Value> = newest.values().map(|status| status_json(world, status)).collect();
    let commit = world.repository_api(&format!("commits/{sha}"));
    let repository = world.repository(&world.options.repository);
    Ok(Answer::json(
        200,
        json!({
            "state": state, "statuses": statuses, "sha": sha, "total_count": statuses.len(), "repository": repository,
            "commit_url": commit, "url": format!("{commit}/status"),
        }),
    ))
}

fn status_json(world: &World, status: &Status) -> Value {
    let time = timestamp(&status.created_at);
    json!({
        "id": status.id, "node_id": node_id("SC", &status.id.to_string()), "url": world.repository_api(&format!("statuses/{}", status.sha)),
        "avatar_url": format!("{}/avatars/{}", world.server_url, super::encode::path(&status.login)), "state": status.state,
        "description": status.description, "target_url": status.target_url, "context": status.context, "created_at": time, "updated_at": time,
    })
}
