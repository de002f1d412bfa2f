//! Rulesets: keeping them, and the effective rules of a branch.
//!
//! Source: GitHub docs, "REST API endpoints for rules".

use super::{
    call::{Answer, Call, Failure, Outcome},
    identity::{ACTIONS_APP_ID, APP_ID, Role},
    objects::timestamp,
    render::node_id,
    state::{Ruleset, World, now},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A creation, or an update that names what changes.
#[derive(Deserialize)]
struct Wanted {
    name: Option<String>,
    target: Option<String>,
    enforcement: Option<String>,
    bypass_actors: Option<Vec<Value>>,
    conditions: Option<Value>,
    rules: Option<Vec<Value>>,
}

/// `GET /rulesets`: without conditions and rules, as GitHub lists them.
pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let mut listed: Vec<Value> = world.rulesets.values().map(|ruleset| ruleset_json(world, ruleset, call)).collect();
    for ruleset in listed.iter_mut().filter_map(Value::as_object_mut) {
        for key in ["conditions", "rules", "bypass_actors", "current_user_can_bypass"] {
            ruleset.remove(key);
        }
    }
    Ok(call.page(&world.api_url(), listed))
}

/// `GET /rulesets/{ruleset_id}`.
pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let ruleset = world.rulesets.get(&call.number("ruleset_id")?).ok_or_else(Failure::not_found)?;
    Ok(Answer::json(200, ruleset_json(world, ruleset, call)))
}

/// `POST /rulesets`.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let wanted: Wanted = call.body()?;
    let name = wanted.name.clone().ok_or_else(|| Failure::invalid("Ruleset", "name", "missing_field", ""))?;
    if world.rulesets.values().any(|ruleset| ruleset.name == name) {
        return Err(Failure::new(422, "Validation Failed: Name must be unique"));
    }
    let conditions = json!({"ref_name": {"include": [], "exclude": []}});
    let blank = Ruleset {
        id: world.next_id(),
        name,
        target: "branch".into(),
        enforcement: String::new(),
        bypass_actors: Vec::new(),
        conditions,
        rules: Vec::new(),
        created_at: now(),
        updated_at: now(),
    };
    let ruleset = changed(world, blank, wanted)?;
    let shown = ruleset_json(world, &ruleset, call);
    world.rulesets.insert(ruleset.id, ruleset);
    Ok(Answer::json(201, shown))
}

/// `PUT /rulesets/{ruleset_id}`.
pub(super) fn update(world: &mut World, call: &Call) -> Outcome {
    let wanted: Wanted = call.body()?;
    let old = world.rulesets.get(&call.number("ruleset_id")?).cloned().ok_or_else(Failure::not_found)?;
    let ruleset = changed(world, old, wanted)?;
    let shown = ruleset_json(world, &ruleset, call);
    world.rulesets.insert(ruleset.id, ruleset);
    Ok(Answer::json(200, shown))
}

/// `DELETE /rulesets/{ruleset_id}`.
pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    world.rulesets.remove(&call.number("ruleset_id")?).ok_or_else(Failure::not_found)?;
    Ok(Answer::empty(204))
}

/// `GET /rules/branches/{branch}`: every active rule for the name, whether the branch exists or not.
pub(super) fn effective(world: &mut World, call: &Call) -> Outcome {
    let name = format!("refs/heads/{}", call.parameter("branch"));
    let detailed = world.rules_for(&name).into_iter().map(|(ruleset, rule)| {
        let mut rule = rule.clone();
        if let Some(fields) = rule.as_object_mut() {
            fields.insert("ruleset_source_type".into(), "Repository".into());
            fields.insert("ruleset_source".into(), world.options.repository.clone().into());
            fields.insert("ruleset_id".into(), ruleset.id.into());
        }
        rule
    });
    Ok(call.page(&world.api_url(), detailed.collect()))
}

/// `GET /immutable-releases`: 404 while they are off.
pub(super) fn immutable(world: &mut World, _: &Call) -> Outcome {
    if !world.immutable_releases {
        return Err(Failure::not_found());
    }
    Ok(Answer::json(200, json!({"enabled": true, "enforced_by_owner": false})))
}

/// `PUT /immutable-releases`.
pub(super) fn enable_immutable(world: &mut World, _: &Call) -> Outcome {
    world.immutable_releases = true;
    Ok(Answer::empty(204))
}

/// `DELETE /immutable-releases`.
pub(super) fn disable_immutable(world: &mut World, _: &Call) -> Outcome {
    world.immutable_releases = false;
    Ok(Answer::empty(204))
}

/// A ruleset with what a request changes, checked as GitHub checks it.
fn changed(world: &World, mut ruleset: Ruleset, wanted: Wanted) -> Result<Ruleset, Failure> {
    let Wanted { name, target, enforcement, bypass_actors, conditions, rules } = wanted;
    ruleset.name = name.unwrap_or(ruleset.name);
    ruleset.target = target.unwrap_or(ruleset.target);
    ruleset.enforcement = enforcement.unwrap_or(ruleset.enforcement);
    ruleset.bypass_actors = bypass_actors.unwrap_or(ruleset.bypass_actors);
    ruleset.conditions = conditions.unwrap_or(ruleset.conditions);
    ruleset.rules = rules.unwrap_or(ruleset.rules);
    ruleset.updated_at = now();
    if !["active", "evaluate", "disabled"].contains(&ruleset.enforcement.as_str()) {
        return Err(Failure::invalid("Ruleset", "enforcement", "invalid", ""));
    }
    if !["branch", "tag"].contains(&ruleset.target.as_str()) {
        return Err(Failure::invalid("Ruleset", "target", "invalid", ""));
    }
    check_actors(world, &mut ruleset.bypass_actors)?;
    ruleset.rules.iter().try_for_each(check_rule)?;
    Ok(ruleset)
}

/// Who may bypass: an App that is installed, and so never GitHub Actions (G7).
fn check_actors(world: &World, actors: &mut [Value]) -> Result<(), Failure> {
    for actor in actors.iter_mut().filter_map(Value::as_object_mut) {
        let kind = actor.get("actor_type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let id = actor.get("actor_id").and_then(Value::as_u64);
        if kind == "Integration" && !(world.options.app && id == Some(APP_ID)) {
            let name = if id == Some(ACTIONS_APP_ID) { "GitHub Actions" } else { "chartrel" };
            let reason = format!("Actor {name} integration must be part of the ruleset source or owner organization");
            let body = json!({
                "message": "Validation Failed", "errors": [reason], "documentation_url": "https://docs.github.com/rest/repos/rules",
                "status": "422",
            });
            return Err(Failure::Answer(Box::new(Answer::json(422, body))));
        }
        let takes_null = matches!(kind.as_str(), "OrganizationAdmin" | "DeployKey");
        if !takes_null && id.is_none() || !KINDS.contains(&kind.as_str()) {
            return Err(Failure::invalid("Ruleset", "bypass_actors", "invalid", ""));
        }
        actor.entry("bypass_mode").or_insert_with(|| "always".into());
        actor.entry("actor_id").or_insert(Value::Null);
    }
    Ok(())
}

const KINDS: &[&str] = &["Integration", "OrganizationAdmin", "RepositoryRole", "Team", "DeployKey", "User"];

/// Parameters each rule must carry, by the description's required fields.
const REQUIRED: &[(&str, &[&str])] = &[
    ("creation", &[]),
    ("deletion", &[]),
    ("update", &[]),
    ("non_fast_forward", &[]),
    ("required_linear_history", &[]),
    ("required_signatures", &[]),
    (
        "pull_request",
        &[
            "dismiss_stale_reviews_on_push",
            "require_code_owner_review",
            "require_last_push_approval",
            "required_approving_review_count",
            "required_review_thread_resolution",
        ],
    ),
    ("required_status_checks", &["required_status_checks", "strict_required_status_checks_policy"]),
];

fn check_rule(rule: &Value) -> Result<(), Failure> {
    let kind = rule.get("type").and_then(Value::as_str).unwrap_or_default();
    let empty = Map::new();
    let parameters = rule.get("parameters").and_then(Value::as_object).unwrap_or(&empty);
    let Some((_, required)) = REQUIRED.iter().find(|(known, _)| *known == kind) else {
        return Err(Failure::new(422, &format!("Invalid rule '{kind}'")));
    };
    match required.iter().find(|key| !parameters.contains_key(**key)) {
        Some(missing) => Err(Failure::new(422, &format!("Invalid rule '{kind}': parameter '{missing}' is missing"))),
        None => Ok(()),
    }
}

/// A ruleset; `bypass_actors` is shown to administrators alone.
fn ruleset_json(world: &World, ruleset: &Ruleset, call: &Call) -> Value {
    let id = ruleset.id;
    let page = world.repository_page(&format!("rules/{id}"));
    let mut shown = json!({
        "id": id, "node_id": node_id("RRS", &id.to_string()), "name": ruleset.name, "target": ruleset.target,
        "source_type": "Repository", "source": world.options.repository, "enforcement": ruleset.enforcement,
        "conditions": ruleset.conditions, "rules": ruleset.rules, "current_user_can_bypass": "never",
        "created_at": timestamp(&ruleset.created_at), "updated_at": timestamp(&ruleset.updated_at),
        "_links": {"self": {"href": world.repository_api(&format!("rulesets/{id}"))}, "html": {"href": page}},
    });
    if let (Some(fields), true) = (shown.as_object_mut(), call.identity.role() == Some(Role::Admin)) {
        fields.insert("bypass_actors".into(), ruleset.bypass_actors.clone().into());
    }
    shown
}
