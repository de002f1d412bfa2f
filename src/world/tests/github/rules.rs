//! Rulesets, enforced by who calls.

use crate::place::{Place, admin, alice, run, text};
use chartrel_world::github::{ACTIONS_APP_ID, APP_ID, Actor, Role};
use serde_json::{Value, json};

async fn ruleset(place: &Place, covered: (&str, &str), rules: Value, bypass: Value) -> u64 {
    let (target, pattern) = covered;
    let body = json!({
        "name": format!("{target} {pattern} {rules}"), "target": target, "enforcement": "active", "bypass_actors": bypass,
        "conditions": {"ref_name": {"include": [pattern], "exclude": []}}, "rules": rules,
    });
    let (status, made) = place.ask(&admin(), "POST /rulesets", body).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_u64().unwrap()
}

fn app() -> Value {
    json!([{"actor_id": APP_ID, "actor_type": "Integration", "bypass_mode": "always"}])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restricted_creation_lets_the_app_alone_through() {
    let place = Place::new().await;
    ruleset(&place, ("tag", "refs/tags/*-v*"), json!([{"type": "creation"}]), app()).await;
    let sha = place.tip("main").await;
    let tag = |name: &str| json!({"ref": format!("refs/tags/{name}"), "sha": sha});
    for who in [alice(), admin(), run()] {
        let (status, answer) = place.ask(&who, "POST /git/refs", tag("nginx-v1.0.0")).await;
        let expected = "Repository rule violations found\n\nCannot create ref due to creations being restricted.\n\n";
        assert_eq!((status, text(&answer, "/message").as_str()), (422, expected), "{who:?}");
    }
    assert_eq!(place.ask(&Actor::App, "POST /git/refs", tag("nginx-v1.0.0")).await.0, 201);
    assert_eq!(place.ask(&alice(), "POST /git/refs", tag("note")).await.0, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_and_update_of_a_tag_are_refused_to_everybody() {
    let place = Place::new().await;
    ruleset(&place, ("tag", "refs/tags/*-v*"), json!([{"type": "deletion"}, {"type": "update"}]), json!([])).await;
    let sha = place.tip("main").await;
    let other = place.branch(&alice(), "topic", "main").await;
    place.ask(&Actor::App, "POST /git/refs", json!({"ref": "refs/tags/nginx-v1.0.0", "sha": sha})).await;
    for who in [Actor::App, admin()] {
        assert_eq!(place.ask(&who, "DELETE /git/refs/tags/nginx-v1.0.0", Value::Null).await.0, 422);
        assert_eq!(place.ask(&who, "PATCH /git/refs/tags/nginx-v1.0.0", json!({"sha": other, "force": true})).await.0, 422);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restricted_update_blocks_merges_too() {
    let place = Place::new().await;
    ruleset(&place, ("branch", "refs/heads/integration"), json!([{"type": "update"}]), app()).await;
    place.branch(&alice(), "topic", "integration").await;
    place.pull(&alice(), "topic", "integration").await;
    let (status, answer) = place.ask(&run(), "PUT /pulls/1/merge", Value::Null).await;
    assert_eq!(
        (status, text(&answer, "/message").as_str()),
        (405, "Repository rule violations found\n\nCannot update this protected ref.\n\n")
    );
    assert_eq!(place.ask(&Actor::App, "PUT /pulls/1/merge", Value::Null).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_and_checks_by_the_right_reporter_open_the_way() {
    let place = Place::new().await;
    let reviews = json!({"type": "pull_request", "parameters": {
        "dismiss_stale_reviews_on_push": true, "require_code_owner_review": false, "require_last_push_approval": false,
        "required_approving_review_count": 1, "required_review_thread_resolution": false, "allowed_merge_methods": ["merge", "squash"],
    }});
    let checks = json!({"type": "required_status_checks", "parameters": {
        "required_status_checks": [{"context": "lint", "integration_id": APP_ID}], "strict_required_status_checks_policy": false,
    }});
    ruleset(&place, ("branch", "~DEFAULT_BRANCH"), json!([reviews, checks, {"type": "non_fast_forward"}]), json!([])).await;
    let head = place.branch(&alice(), "topic", "main").await;
    place.pull(&alice(), "topic", "main").await;
    assert_eq!(place.ask(&admin(), "PATCH /git/refs/heads/main", json!({"sha": head})).await.0, 422);
    let merge = async || place.ask(&alice(), "PUT /pulls/1/merge", json!({"sha": head})).await;
    let (status, answer) = merge().await;
    let expected = "Repository rule violations found\n\nAt least 1 approving review is required by reviewers with write access.\n\nRequired status check \"lint\" is expected.\n\n";
    assert_eq!((status, text(&answer, "/message").as_str()), (405, expected));
    let stranger = Actor::Person("rita".into(), Role::Read);
    let bob = Actor::Person("bob".into(), Role::Write);
    for reviewer in [stranger, bob] {
        assert_eq!(place.ask(&reviewer, "POST /pulls/1/reviews", json!({"event": "APPROVE"})).await.0, 200);
    }
    let check = json!({"name": "lint", "head_sha": head, "conclusion": "success"});
    place.ask(&run(), "POST /check-runs", check.clone()).await;
    let (_, answer) = merge().await;
    assert_eq!(text(&answer, "/message"), "Repository rule violations found\n\nRequired status check \"lint\" is expected.\n\n");
    place.ask(&Actor::App, "POST /check-runs", check).await;
    let (_, rebase) = place.ask(&alice(), "PUT /pulls/1/merge", json!({"merge_method": "rebase"})).await;
    assert!(text(&rebase, "/message").contains("Merge method rebase is not allowed"), "{rebase}");
    assert_eq!(merge().await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_dismisses_approvals_where_the_rule_says_so() {
    let place = Place::new().await;
    let rule = json!([{"type": "pull_request", "parameters": {
        "dismiss_stale_reviews_on_push": true, "require_code_owner_review": false, "require_last_push_approval": false,
        "required_approving_review_count": 1, "required_review_thread_resolution": false,
    }}]);
    ruleset(&place, ("branch", "refs/heads/main"), rule, json!([])).await;
    let head = place.branch(&alice(), "topic", "main").await;
    place.pull(&alice(), "topic", "main").await;
    place.ask(&Actor::Person("bob".into(), Role::Write), "POST /pulls/1/reviews", json!({"event": "APPROVE"})).await;
    let next = place.commit(&alice(), &head, ("x", "y")).await;
    place.ask(&alice(), "PATCH /git/refs/heads/topic", json!({"sha": next})).await;
    let (_, reviews) = place.ask(&alice(), "GET /pulls/1/reviews", Value::Null).await;
    assert_eq!(text(&reviews, "/0/state"), "DISMISSED");
    assert_eq!(place.ask(&alice(), "PUT /pulls/1/merge", Value::Null).await.0, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ruleset_can_be_read_changed_and_deleted_but_never_lets_actions_bypass() {
    let place = Place::new().await;
    let id = ruleset(&place, ("branch", "refs/heads/charts/*"), json!([{"type": "creation"}]), app()).await;
    let path = format!("/rulesets/{id}");
    assert!(place.ask(&alice(), &format!("GET {path}"), Value::Null).await.1.get("bypass_actors").is_none());
    assert_eq!(place.ask(&admin(), &format!("GET {path}"), Value::Null).await.1["bypass_actors"][0]["actor_id"].as_u64(), Some(APP_ID));
    let (_, rules) = place.ask(&alice(), "GET /rules/branches/charts/nginx", Value::Null).await;
    assert_eq!((text(&rules, "/0/type"), rules[0]["ruleset_id"].as_u64()), ("creation".into(), Some(id)));
    let actions = json!({"bypass_actors": [{"actor_id": ACTIONS_APP_ID, "actor_type": "Integration", "bypass_mode": "always"}]});
    let (status, answer) = place.ask(&admin(), &format!("PUT {path}"), actions).await;
    assert_eq!(status, 422);
    let expected = "Actor GitHub Actions integration must be part of the ruleset source or owner organization";
    assert_eq!(text(&answer, "/errors/0"), expected);
    assert_eq!(place.ask(&admin(), &format!("PUT {path}"), json!({"enforcement": "disabled"})).await.0, 200);
    assert_eq!(place.ask(&alice(), "GET /rules/branches/charts/nginx", Value::Null).await.1, json!([]));
    assert_eq!(place.ask(&alice(), "GET /rulesets", Value::Null).await.1.as_array().map(Vec::len), Some(1));
    assert_eq!(place.ask(&admin(), &format!("DELETE {path}"), Value::Null).await.0, 204);
    for rules in [json!([{"type": "nonsense"}]), json!([{"type": "pull_request"}])] {
        let body = json!({"name": "x", "target": "branch", "enforcement": "active", "rules": rules});
        assert_eq!(place.ask(&admin(), "POST /rulesets", body).await.0, 422);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_app_nobody_has_its_token_and_no_ruleset_names_it() {
    let place = Place::with(|options| options.app = false).await;
    assert_eq!(place.ask(&Actor::App, "GET /pulls", Value::Null).await.0, 401);
    let body = json!({"name": "x", "target": "branch", "enforcement": "active", "bypass_actors": app(), "rules": [{"type": "update"}]});
    assert_eq!(place.ask(&admin(), "POST /rulesets", body).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_keeps_runs_from_opening_pull_requests() {
    let place = Place::new().await;
    place.branch(&run(), "topic", "main").await;
    let setting = json!({"can_approve_pull_request_reviews": false});
    assert_eq!(place.ask(&admin(), "PUT /actions/permissions/workflow", setting).await.0, 204);
    let (_, shown) = place.ask(&admin(), "GET /actions/permissions/workflow", Value::Null).await;
    assert_eq!(shown["can_approve_pull_request_reviews"], false);
    let (status, answer) = place.ask(&run(), "POST /pulls", json!({"title": "t", "head": "topic", "base": "main"})).await;
    let expected = "GitHub Actions is not permitted to create or approve pull requests.";
    assert_eq!((status, text(&answer, "/message").as_str()), (403, expected));
}
