//! Opening, changing, reviewing and merging pull requests.

use crate::place::{Place, alice, git, run, text};
use chartrel_world::github::{Actor, ForkPull, Role};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_is_guarded_by_the_head_and_makes_a_merge_commit() {
    let place = Place::new().await;
    let before = place.tip("integration").await;
    let head = place.branch(&alice(), "topic", "integration").await;
    let number = place.pull(&alice(), "topic", "integration").await;
    let path = format!("/pulls/{number}/merge");
    let (status, answer) = place.ask(&Actor::App, &format!("PUT {path}"), json!({"sha": before})).await;
    assert_eq!((status, text(&answer, "/message").as_str()), (409, "Head branch was modified. Review and try the merge again."));
    assert_eq!(place.ask(&Actor::App, &format!("GET {path}"), Value::Null).await.0, 404);
    let (status, answer) = place.ask(&Actor::App, &format!("PUT {path}"), json!({"sha": head})).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(place.ask(&Actor::App, &format!("GET {path}"), Value::Null).await.0, 204);
    let tip = place.tip("integration").await;
    assert_eq!(text(&answer, "/sha"), tip);
    let (_, commit) = place.ask(&Actor::App, &format!("GET /git/commits/{tip}"), Value::Null).await;
    assert_eq!([text(&commit, "/parents/0/sha"), text(&commit, "/parents/1/sha")], [before, head]);
    assert_eq!(text(&commit, "/message"), "Merge pull request #1 from acme/topic\n\ntake topic");
    let (_, pull) = place.ask(&Actor::App, &format!("GET /pulls/{number}"), Value::Null).await;
    assert_eq!((pull["merged"].as_bool(), text(&pull, "/merge_commit_sha"), text(&pull, "/state")), (Some(true), tip, "closed".into()));
    assert_eq!(place.ask(&Actor::App, &format!("PUT {path}"), json!({})).await.0, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn squash_and_rebase_make_new_commits() {
    let place = Place::new().await;
    for (method, title) in [("squash", "take topic-squash (#1)"), ("rebase", "feat: change charts/nginx/values.yaml")] {
        let branch = format!("topic-{method}");
        let head = place.branch(&alice(), &branch, "main").await;
        let number = place.pull(&alice(), &branch, "main").await;
        let (status, answer) = place.ask(&alice(), &format!("PUT /pulls/{number}/merge"), json!({"merge_method": method})).await;
        assert_eq!(status, 200, "{answer}");
        let tip = place.tip("main").await;
        let (_, commit) = place.ask(&alice(), &format!("GET /commits/{tip}"), Value::Null).await;
        assert_eq!(commit["parents"].as_array().map(Vec::len), Some(1), "{method}");
        assert!(text(&commit, "/commit/message").starts_with(title), "{commit}");
        let (_, pulls) = place.ask(&alice(), &format!("GET /commits/{tip}/pulls"), Value::Null).await;
        assert_eq!(pulls[0]["number"].as_u64(), Some(number), "{method}");
        let (_, commits) = place.ask(&alice(), &format!("GET /pulls/{number}/commits"), Value::Null).await;
        assert_eq!((text(&commits, "/0/sha"), commits.as_array().map(Vec::len)), (head, Some(1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_not_mergeable() {
    let place = Place::new().await;
    for branch in ["one", "other"] {
        place.branch(&alice(), branch, "main").await;
    }
    let first = place.pull(&alice(), "one", "main").await;
    let second = place.pull(&alice(), "other", "main").await;
    assert_eq!(place.ask(&alice(), &format!("PUT /pulls/{first}/merge"), Value::Null).await.0, 200);
    let (_, pull) = place.ask(&alice(), &format!("GET /pulls/{second}"), Value::Null).await;
    assert_eq!((pull["mergeable"].as_bool(), text(&pull, "/mergeable_state")), (Some(false), "dirty".into()));
    let (status, answer) = place.ask(&alice(), &format!("PUT /pulls/{second}/merge"), Value::Null).await;
    assert_eq!((status, text(&answer, "/message").as_str()), (405, "Pull Request is not mergeable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_can_be_asked_for_and_polled() {
    let place = Place::new().await;
    let head = place.branch(&alice(), "topic", "main").await;
    let number = place.pull(&alice(), "topic", "main").await;
    let path = format!("/pulls/{number}/merge-async");
    let (status, wrong) = place.ask(&alice(), &format!("PUT {path}"), json!({"sha": "0".repeat(40)})).await;
    assert_eq!(status, 202);
    let (_, result) = place.ask(&alice(), &format!("GET {path}/{}", text(&wrong, "/details/uuid")), Value::Null).await;
    assert_eq!(text(&result, "/status"), "failed");
    let (_, asked) = place.ask(&alice(), &format!("PUT {path}"), json!({"sha": head, "merge_method": "squash"})).await;
    let (_, result) = place.ask(&alice(), &format!("GET {path}/{}", text(&asked, "/details/uuid")), Value::Null).await;
    assert_eq!((text(&result, "/status"), text(&result, "/details/sha")), ("merged".into(), place.tip("main").await));
    assert_eq!(place.ask(&alice(), &format!("PUT {path}"), Value::Null).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_is_said() {
    let place = Place::new().await;
    place.branch(&alice(), "topic", "main").await;
    place.pull(&alice(), "topic", "main").await;
    for (head, base, expected) in [
        ("topic", "main", "A pull request already exists for acme:topic."),
        ("integration", "main", "No commits between main and integration"),
    ] {
        let (status, answer) = place.ask(&alice(), "POST /pulls", json!({"title": "x", "head": head, "base": base})).await;
        assert_eq!((status, text(&answer, "/errors/0/message").as_str()), (422, expected));
    }
    let (status, answer) = place.ask(&alice(), "POST /pulls", json!({"title": "x", "head": "nothing", "base": "main"})).await;
    assert_eq!((status, text(&answer, "/errors/0/field").as_str()), (422, "head"));
    let long = json!({"body": "x".repeat(65_537)});
    assert_eq!(place.ask(&alice(), "PATCH /pulls/1", long).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_filtered_by_state_head_and_base() {
    let place = Place::new().await;
    for branch in ["one", "other"] {
        place.branch(&alice(), branch, "main").await;
        place.pull(&alice(), branch, "main").await;
    }
    assert_eq!(place.ask(&alice(), "PATCH /pulls/1", json!({"state": "closed", "title": "new"})).await.0, 200);
    for (query, expected) in [
        ("", vec![2]),
        ("?state=all", vec![2, 1]),
        ("?state=all&direction=asc", vec![1, 2]),
        ("?state=closed", vec![1]),
        ("?state=all&head=acme:one", vec![1]),
        ("?state=all&head=mallory:one", vec![]),
        ("?base=integration", vec![]),
    ] {
        let (_, pulls) = place.ask(&alice(), &format!("GET /pulls{query}"), Value::Null).await;
        let numbers: Vec<u64> = pulls.as_array().unwrap().iter().filter_map(|pull| pull["number"].as_u64()).collect();
        assert_eq!(numbers, expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_their_own_and_comments_can_be_changed() {
    let place = Place::new().await;
    place.branch(&alice(), "topic", "main").await;
    place.pull(&alice(), "topic", "main").await;
    let bob = Actor::Person("bob".into(), Role::Write);
    let approve = json!({"event": "APPROVE", "body": "good"});
    let (status, answer) = place.ask(&alice(), "POST /pulls/1/reviews", approve.clone()).await;
    assert_eq!((status, text(&answer, "/message").as_str()), (422, "Can not approve your own pull request"));
    assert_eq!(place.ask(&bob, "POST /pulls/1/reviews", approve).await.0, 200);
    let (_, reviews) = place.ask(&bob, "GET /pulls/1/reviews", Value::Null).await;
    assert_eq!((text(&reviews, "/0/state"), text(&reviews, "/0/user/login")), ("APPROVED".into(), "bob".into()));
    let (status, comment) = place.ask(&run(), "POST /issues/1/comments", json!({"body": "refused"})).await;
    assert_eq!(status, 201);
    let path = format!("/issues/comments/{}", comment["id"]);
    assert_eq!(place.ask(&run(), &format!("PATCH {path}"), json!({"body": "superseded"})).await.0, 200);
    let (_, comments) = place.ask(&bob, "GET /issues/1/comments", Value::Null).await;
    assert_eq!((text(&comments, "/0/body"), text(&comments, "/0/user/login")), ("superseded".into(), "github-actions[bot]".into()));
    assert_eq!(place.ask(&bob, &format!("GET {path}"), Value::Null).await.0, 200);
    assert_eq!(place.ask(&run(), "POST /issues/9/comments", json!({"body": "x"})).await.0, 404);
    let (_, files) = place.ask(&bob, "GET /pulls/1/files", Value::Null).await;
    assert_eq!((text(&files, "/0/filename"), text(&files, "/0/status")), ("charts/nginx/values.yaml".into(), "added".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_asks_from_another_repository() {
    let place = Place::new().await;
    let seed = place.dir.path().join("seed");
    place.write("seed", "charts/nginx/Chart.yaml", "name: nginx\nversion: 1.0.1\n");
    git(&seed, &["commit", "-qam", "fix: it"]);
    git(&seed, &["push", "-q", place.github.git_dir().to_str().unwrap(), "HEAD:refs/world/fork"]);
    let sha = git(&seed, &["rev-parse", "HEAD"]);
    let pull = ForkPull {
        repository: "mallory/charts".into(),
        branch: "integration".into(),
        sha: sha.clone(),
        base: "integration".into(),
        title: "fix: it".into(),
        body: "please".into(),
    };
    let number = place.github.open_from_fork(&pull).unwrap();
    let (_, pull) = place.ask(&alice(), &format!("GET /pulls/{number}"), Value::Null).await;
    assert_eq!((text(&pull, "/head/repo/full_name"), text(&pull, "/head/label")), ("mallory/charts".into(), "mallory:integration".into()));
    assert_ne!(pull["head"]["repo"]["id"], pull["base"]["repo"]["id"]);
    let url = format!("{}/repos/mallory/charts", place.github.api_url());
    assert_eq!(place.client().get(url).send().await.unwrap().status(), 200);
    let runs = place.github.take_runs();
    assert_eq!(runs.iter().map(|run| (run.event.as_str(), run.read_only)).collect::<Vec<_>>(), [("pull_request", true)]);
    let token = Actor::Actions { run_id: runs[0].id };
    assert_eq!(place.ask(&token, &format!("POST /issues/{number}/comments"), json!({"body": "hi"})).await.0, 403);
    let (status, _) = place.ask(&alice(), &format!("PUT /pulls/{number}/merge"), json!({"sha": sha})).await;
    assert_eq!(status, 200);
}
