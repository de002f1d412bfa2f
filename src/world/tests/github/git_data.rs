//! Refs, objects and files.

use crate::place::{Place, admin, alice, run, text};
use chartrel_world::github::{Actor, Role};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_ref_below_a_ref_is_refused_and_an_existing_one_too() {
    let place = Place::new().await;
    let sha = place.tip("main").await;
    for (name, expected) in [
        ("refs/heads/integration/nginx", "Reference update failed"),
        ("refs/heads/main", "Reference already exists"),
        ("heads/x", "heads/x is not a valid ref name."),
        ("refs/heads/a..b", "refs/heads/a..b is not a valid ref name."),
    ] {
        let (status, answer) = place.ask(&Actor::App, "POST /git/refs", json!({"ref": name, "sha": sha})).await;
        assert_eq!((status, text(&answer, "/message").as_str()), (422, expected), "{name}");
    }
    let (status, _) = place.ask(&Actor::App, "POST /git/refs", json!({"ref": "refs/heads/charts/nginx", "sha": sha})).await;
    assert_eq!(status, 201);
    let (_, found) = place.ask(&Actor::App, "GET /git/matching-refs/heads/charts", Value::Null).await;
    assert_eq!(text(&found, "/0/ref"), "refs/heads/charts/nginx");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ref_moves_forward_only_unless_forced() {
    let place = Place::new().await;
    let old = place.tip("main").await;
    let new = place.branch(&alice(), "topic", "main").await;
    let path = "/git/refs/heads/topic";
    let (status, answer) = place.ask(&alice(), &format!("PATCH {path}"), json!({"sha": old})).await;
    assert_eq!((status, text(&answer, "/message").as_str()), (422, "Update is not a fast forward"));
    assert_eq!(place.ask(&alice(), &format!("PATCH {path}"), json!({"sha": old, "force": true})).await.0, 200);
    assert_eq!(place.ask(&alice(), &format!("PATCH {path}"), json!({"sha": new})).await.0, 200);
    assert_eq!(place.ask(&alice(), &format!("DELETE {path}"), Value::Null).await.0, 204);
    assert_eq!(place.ask(&alice(), "GET /git/ref/heads/topic", Value::Null).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_is_grafted_whole_and_null_deletes() {
    let place = Place::new().await;
    let tip = place.tip("main").await;
    let (_, whole) = place.ask(&alice(), &format!("GET /git/trees/{tip}?recursive=1"), Value::Null).await;
    let id =
        |path: &str| whole["tree"].as_array().unwrap().iter().find(|entry| entry["path"] == path).map(|entry| text(entry, "/sha")).unwrap();
    let graft = json!({"base_tree": text(&whole, "/sha"), "tree": [
        {"path": "charts/redis", "mode": "040000", "type": "tree", "sha": id("charts/nginx")},
        {"path": "charts/nginx/Chart.yaml", "mode": "100644", "type": "blob", "sha": null},
    ]});
    let (status, made) = place.ask(&alice(), "POST /git/trees", graft).await;
    assert_eq!(status, 201, "{made}");
    let (_, after) = place.ask(&alice(), &format!("GET /git/trees/{}?recursive=1", text(&made, "/sha")), Value::Null).await;
    let paths: Vec<&str> = after["tree"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["type"] == "blob")
        .filter_map(|entry| entry["path"].as_str())
        .collect();
    assert_eq!(paths, [".github/workflows/chartrel.yml", "charts/redis/Chart.yaml"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_the_api_is_its_callers() {
    let place = Place::new().await;
    let tip = place.tip("main").await;
    for (who, name) in [(Actor::App, "chartrel[bot]"), (run(), "github-actions[bot]"), (alice(), "alice")] {
        let sha = place.commit(&who, &tip, ("x", name)).await;
        let (_, commit) = place.ask(&who, &format!("GET /git/commits/{sha}"), Value::Null).await;
        assert_eq!(text(&commit, "/author/name"), name);
        assert_eq!(text(&commit, "/committer/name"), name);
        assert_eq!(commit["verification"]["reason"], "unsigned");
        let (_, commit) = place.ask(&who, &format!("GET /commits/{sha}"), Value::Null).await;
        assert_eq!(text(&commit, "/author/login"), name);
        assert_eq!(text(&commit, "/files/0/filename"), "x");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_object_keeps_date_and_message() {
    let place = Place::new().await;
    let tip = place.tip("main").await;
    let tagger = json!({"name": "bot", "email": "bot@example.com", "date": "2026-01-02T03:04:05Z"});
    let body = json!({"tag": "nginx-v1.0.0", "message": "nginx 1.0.0\n", "object": tip, "type": "commit", "tagger": tagger});
    let (status, tag) = place.ask(&Actor::App, "POST /git/tags", body).await;
    assert_eq!(status, 201, "{tag}");
    let (_, read) = place.ask(&Actor::App, &format!("GET /git/tags/{}", text(&tag, "/sha")), Value::Null).await;
    assert_eq!((text(&read, "/tagger/date"), text(&read, "/message")), ("2026-01-02T03:04:05Z".into(), "nginx 1.0.0\n".into()));
    let body = json!({"ref": "refs/tags/nginx-v1.0.0", "sha": text(&tag, "/sha")});
    let (status, made) = place.ask(&Actor::App, "POST /git/refs", body).await;
    assert_eq!((status, text(&made, "/object/type").as_str()), (201, "tag"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_at_a_ref_and_raw() {
    let place = Place::new().await;
    let (status, file) = place.ask(&alice(), "GET /contents/charts/nginx/Chart.yaml?ref=integration", Value::Null).await;
    assert_eq!((status, text(&file, "/content").as_str()), (200, "bmFtZTogbmdpbngKdmVyc2lvbjogMS4wLjAK\n"));
    let (_, folder) = place.ask(&alice(), "GET /contents/charts", Value::Null).await;
    assert_eq!(text(&folder, "/0/path"), "charts/nginx");
    assert_eq!(place.ask(&alice(), "GET /contents/nothing", Value::Null).await.0, 404);
    assert_eq!(place.ask(&alice(), "GET /contents/charts?ref=nowhere", Value::Null).await.0, 404);
    let url = format!("{}/repos/acme/charts/contents/charts/nginx/Chart.yaml", place.github.api_url());
    let raw = place.client().get(url).header("accept", "application/vnd.github.raw+json").send().await.unwrap();
    assert_eq!(raw.text().await.unwrap(), "name: nginx\nversion: 1.0.0\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_so() {
    let place = Place::new().await;
    let reader = Actor::Person("rita".into(), Role::Read);
    let tip = place.tip("main").await;
    assert_eq!(place.ask(&reader, "POST /git/refs", json!({"ref": "refs/heads/x", "sha": tip})).await.0, 403);
    assert_eq!(place.ask(&alice(), "POST /rulesets", json!({})).await.0, 403);
    assert_eq!(place.ask(&admin(), "GET /actions/secrets", Value::Null).await.0, 404);
    let url = format!("{}/repos/acme/charts/git/refs", place.github.api_url());
    assert_eq!(place.client().post(&url).send().await.unwrap().status(), 401);
    assert_eq!(place.client().post(&url).bearer_auth("stolen").send().await.unwrap().status(), 401);
    let elsewhere = format!("{}/repos/acme/other", place.github.api_url());
    assert_eq!(place.client().get(elsewhere).send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_has_pages_and_every_answer_its_headers() {
    let place = Place::new().await;
    let tip = place.tip("main").await;
    for number in 0..3 {
        place.ask(&alice(), "POST /git/refs", json!({"ref": format!("refs/heads/x/{number}"), "sha": tip})).await;
    }
    let url = format!("{}/repos/acme/charts/git/matching-refs/heads/x/?per_page=2", place.github.api_url());
    let first = place.send(&alice(), ("GET", &url), Value::Null).await;
    let link = first.headers()["link"].to_str().unwrap().to_owned();
    for name in ["x-github-request-id", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        assert!(first.headers().contains_key(name), "{name}");
    }
    let next = link.split(['<', '>']).nth(1).unwrap();
    let second: Value = serde_json::from_slice(&place.send(&alice(), ("GET", next), Value::Null).await.bytes().await.unwrap()).unwrap();
    assert_eq!(text(&second, "/0/ref"), "refs/heads/x/2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_text_or_base64_and_read_folded() {
    let place = Place::new().await;
    let long = "x".repeat(50);
    for (body, expected) in [
        (json!({"content": "text\n"}), "dGV4dAo=\n".to_owned()),
        (json!({"content": "AP8=\n", "encoding": "base64"}), "AP8=\n".to_owned()),
        (json!({"content": long}), format!("{}\neHh4eHg=\n", "eHh4".repeat(15))),
    ] {
        let (status, made) = place.ask(&alice(), "POST /git/blobs", body).await;
        assert_eq!(status, 201, "{made}");
        let (_, read) = place.ask(&alice(), &format!("GET /git/blobs/{}", text(&made, "/sha")), Value::Null).await;
        assert_eq!((text(&read, "/content"), text(&read, "/encoding")), (expected, "base64".into()));
    }
    assert_eq!(place.ask(&alice(), "POST /git/blobs", json!({"content": "!", "encoding": "base64"})).await.0, 422);
}
