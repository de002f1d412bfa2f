//! Which acts start which runs.

use crate::place::{Place, alice, git, run, text};
use chartrel_world::github::{Actor, GitHub};
use serde_json::{Value, json};

fn started(github: &GitHub) -> Vec<String> {
    github.take_runs().iter().map(|run| format!("{} {} {}", run.event, run.action, run.git_ref)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_the_app_start_runs_and_a_runs_own_token_none() {
    for (who, starts) in [(alice(), true), (Actor::App, true), (run(), false)] {
        let place = Place::new().await;
        let head = place.branch(&who, "topic", "integration").await;
        assert!(started(&place.github).is_empty(), "the filter names no topic branches");
        let number = place.pull(&who, "topic", "integration").await;
        let next = place.commit(&who, &head, ("x", "y")).await;
        place.ask(&who, "PATCH /git/refs/heads/topic", json!({"sha": next})).await;
        place.ask(&who, &format!("PUT /pulls/{number}/merge"), json!({"sha": next})).await;
        let expected =
            ["pull_request opened refs/pull/1/merge", "pull_request synchronize refs/pull/1/merge", "push  refs/heads/integration"];
        let expected: &[&str] = if starts { &expected } else { &[] };
        assert_eq!(started(&place.github), expected, "{who:?}");
        assert!(started(&place.github).is_empty(), "runs are taken once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatch_starts_a_run_whoever_asks() {
    let place = Place::new().await;
    let dispatches = "/actions/workflows/chartrel.yml/dispatches";
    let (status, _) = place.ask(&run(), &format!("POST {dispatches}"), json!({"ref": "main", "inputs": {"stage": "enforce"}})).await;
    assert_eq!(status, 204);
    let runs = place.github.take_runs();
    assert_eq!(runs[0].inputs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>(), ["pr=", "stage=enforce"]);
    assert_eq!((runs[0].git_ref.as_str(), runs[0].sha.clone()), ("refs/heads/main", place.tip("main").await));
    assert_eq!(runs[0].payload["inputs"]["stage"], "enforce");
    let (status, shown) = place.ask(&run(), &format!("GET /actions/runs/{}", runs[0].id), Value::Null).await;
    assert_eq!((status, text(&shown, "/event")), (200, "workflow_dispatch".into()));
    assert_eq!(place.ask(&run(), "GET /actions/runs?event=workflow_dispatch", Value::Null).await.1["total_count"], 1);
    let details = json!({"ref": "main", "inputs": {"stage": "enforce"}, "return_run_details": true});
    assert_eq!(place.ask(&run(), &format!("POST {dispatches}"), details).await.0, 200);
    for (path, body, expected) in [
        (dispatches, json!({"ref": "main", "inputs": {"oops": "1"}}), 422),
        (dispatches, json!({"ref": "nowhere"}), 422),
        ("/actions/workflows/other.yml/dispatches", json!({"ref": "main"}), 404),
    ] {
        assert_eq!(place.ask(&run(), &format!("POST {path}"), body).await.0, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_ref_with_the_workflow_runs() {
    let place = Place::new().await;
    let tip = place.tip("integration").await;
    let (_, base) = place.ask(&alice(), &format!("GET /git/commits/{tip}"), Value::Null).await;
    let tree = json!({"base_tree": text(&base, "/tree/sha"), "tree": [{"path": ".github", "mode": "040000", "type": "tree", "sha": null}]});
    let (_, tree) = place.ask(&alice(), "POST /git/trees", tree).await;
    let commit = json!({"message": "chore: none", "tree": text(&tree, "/sha"), "parents": [tip]});
    let (_, commit) = place.ask(&alice(), "POST /git/commits", commit).await;
    let moved = place.ask(&alice(), "PATCH /git/refs/heads/integration", json!({"sha": text(&commit, "/sha")})).await;
    assert_eq!(moved.0, 200);
    assert!(started(&place.github).is_empty());
    let dispatch = json!({"ref": "integration", "inputs": {"stage": "x"}});
    assert_eq!(place.ask(&alice(), "POST /actions/workflows/chartrel.yml/dispatches", dispatch).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_the_repository_itself_starts_nothing() {
    let place = Place::new().await;
    let seed = place.dir.path().join("seed");
    place.write("seed", "x", "y");
    git(&seed, &["add", "-A"]);
    git(&seed, &["commit", "-qm", "feat: x"]);
    git(&seed, &["push", "-q", place.github.git_dir().to_str().unwrap(), "main:integration"]);
    assert!(started(&place.github).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_head_closes_its_pull_request() {
    let place = Place::new().await;
    place.branch(&alice(), "topic", "main").await;
    place.pull(&alice(), "topic", "main").await;
    assert_eq!(place.ask(&alice(), "DELETE /git/refs/heads/topic", Value::Null).await.0, 204);
    let (_, pull) = place.ask(&alice(), "GET /pulls/1", Value::Null).await;
    assert_eq!((text(&pull, "/state"), pull["merged"].as_bool()), ("closed".into(), Some(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_contains_the_head_merges_the_pull_request() {
    let place = Place::new().await;
    let head = place.branch(&alice(), "topic", "main").await;
    place.pull(&alice(), "topic", "main").await;
    assert_eq!(place.ask(&alice(), "PATCH /git/refs/heads/main", json!({"sha": head})).await.0, 200);
    let (_, pull) = place.ask(&alice(), "GET /pulls/1", Value::Null).await;
    assert_eq!((pull["merged"].as_bool(), text(&pull, "/merge_commit_sha")), (Some(true), head));
}
