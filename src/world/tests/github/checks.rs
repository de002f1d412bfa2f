//! Check runs and statuses.

use crate::place::{Place, alice, run, text};
use chartrel_world::github::{ACTIONS_APP_ID, APP_ID, Actor};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn only_apps_report_checks_and_each_name_shows_its_latest() {
    let place = Place::new().await;
    let sha = place.tip("main").await;
    let check =
        |conclusion: &str| json!({"name": "security", "head_sha": sha, "conclusion": conclusion, "output": {"title": "t", "summary": "s"}});
    let (status, answer) = place.ask(&alice(), "POST /check-runs", check("success")).await;
    assert_eq!((status, text(&answer, "/message").as_str()), (403, "You must authenticate via a GitHub App."));
    for (who, app) in [(Actor::App, APP_ID), (run(), ACTIONS_APP_ID)] {
        let (status, made) = place.ask(&who, "POST /check-runs", check("failure")).await;
        assert_eq!((status, made["app"]["id"].as_u64(), text(&made, "/status")), (201, Some(app), "completed".into()));
    }
    let (_, again) =
        place.ask(&Actor::App, "POST /check-runs", json!({"name": "security", "head_sha": sha, "status": "in_progress"})).await;
    let path = format!("/check-runs/{}", again["id"]);
    assert_eq!(place.ask(&run(), &format!("PATCH {path}"), json!({"conclusion": "success"})).await.0, 403);
    assert_eq!(place.ask(&Actor::App, &format!("PATCH {path}"), json!({"status": "completed"})).await.0, 422);
    assert_eq!(place.ask(&Actor::App, &format!("PATCH {path}"), json!({"conclusion": "success"})).await.0, 200);
    assert_eq!(place.ask(&Actor::App, &format!("GET {path}"), Value::Null).await.0, 200);
    for (query, expected) in [("", 2), ("?filter=all", 3), ("?check_name=lint", 0), ("?app_id=15368", 1)] {
        let (_, found) = place.ask(&alice(), &format!("GET /commits/{sha}/check-runs{query}"), Value::Null).await;
        assert_eq!(found["total_count"].as_u64(), Some(expected), "{query}");
    }
    let (status, _) = place.ask(&Actor::App, "POST /check-runs", json!({"name": "x", "head_sha": "0".repeat(40)})).await;
    assert_eq!(status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_come_to_one_state() {
    let place = Place::new().await;
    let sha = place.tip("main").await;
    for (context, state, combined) in
        [("", "", "pending"), ("a", "success", "success"), ("b", "pending", "pending"), ("a", "failure", "failure")]
    {
        if !context.is_empty() {
            let (status, _) = place.ask(&run(), &format!("POST /statuses/{sha}"), json!({"state": state, "context": context})).await;
            assert_eq!(status, 201);
        }
        let (_, found) = place.ask(&alice(), "GET /commits/main/status", Value::Null).await;
        assert_eq!(text(&found, "/state"), combined);
    }
}
