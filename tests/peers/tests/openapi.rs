//! The judge of recorded requests is itself judged: what GitHub describes passes, anything else is named.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests end like tests")]

use chartrel_peers::{openapi::Description, peer};
use serde_json::{Value, json};
use std::sync::OnceLock;

fn description() -> &'static Description {
    static LOADED: OnceLock<Description> = OnceLock::new();
    LOADED.get_or_init(|| Description::load(&peer("openapi")))
}

fn faults(method: &str, target: &str, request: &Value, answer: &(u16, Value)) -> Vec<String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let row = json!({
        "method": method, "path": path, "query": query, "operation": null,
        "requestBody": request, "status": answer.0, "responseBody": answer.1,
    });
    description().faults(&row.to_string())
}

fn reference() -> Value {
    json!({
        "ref": "refs/heads/charts/nginx", "node_id": "MDM6UmVm", "url": "http://127.0.0.1:1/repos/o/r/git/refs/heads/charts/nginx",
        "object": {"type": "commit", "sha": "aa218f56b14c9653891f9e74264a383fa43fefbd", "url": "http://127.0.0.1:1/repos/o/r/git/commits/aa218f5"},
    })
}

#[test]
fn what_github_describes_passes() {
    let sha = "aa218f56b14c9653891f9e74264a383fa43fefbd";
    for (method, target, request, answer) in [
        ("GET", "/repos/o/r/git/ref/heads/charts/nginx", Value::Null, (200, reference())),
        ("GET", "/repos/o/r/git/ref/heads%2Fcharts%2Fnginx", Value::Null, (200, reference())),
        ("POST", "/repos/o/r/git/refs", json!({"ref": "refs/heads/charts/nginx", "sha": sha}), (201, reference())),
        ("PATCH", "/repos/o/r/git/refs/heads/charts/nginx", json!({"sha": sha, "force": false}), (200, reference())),
        ("DELETE", "/repos/o/r/git/refs/heads/charts/nginx", Value::Null, (204, Value::Null)),
        ("GET", "/repos/o/r/pulls?state=open&per_page=100&head=o%3Async%2Fnginx", Value::Null, (200, json!([]))),
        ("GET", "/repos/o/r/releases/latest", Value::Null, (404, json!({"message": "Not Found", "status": "404"}))),
        ("GET", "/o/r.git/info/refs?service=git-upload-pack", Value::Null, (200, json!({"sha256": "", "size": 1}))),
    ] {
        let found = faults(method, target, &request, &answer);
        assert!(found.is_empty(), "{method} {target}: {found:#?}");
    }
}

#[test]
fn what_github_does_not_describe_is_named() {
    for (method, target, request, answer, expected) in [
        ("GET", "/repos/o/r/lineage", Value::Null, (200, json!({})), "no such operation"),
        ("PUT", "/repos/o/r/git/refs", Value::Null, (200, json!({})), "no such operation"),
        ("GET", "/repos/o/r/pulls?stat=open", Value::Null, (200, json!([])), "query parameter `stat` isn't described"),
        ("GET", "/repos/o/r/pulls?state=opened", Value::Null, (200, json!([])), "query parameter `state`"),
        ("GET", "/repos/o/r/pulls/twelve", Value::Null, (404, json!({"message": "Not Found"})), ""),
        ("GET", "/repos/o/r/pulls/twelve/files", Value::Null, (200, json!([])), "path parameter `pull_number`"),
        ("POST", "/repos/o/r/git/refs", json!({"ref": "refs/heads/a"}), (201, reference()), "\"sha\" is a required property"),
        (
            "POST",
            "/repos/o/r/git/refs",
            json!({"ref": "refs/heads/a", "sha": "b", "forse": true}),
            (201, reference()),
            "`forse` isn't described",
        ),
        ("GET", "/repos/o/r/git/ref/heads/a", Value::Null, (200, json!({"ref": 3})), "response body at `/ref`"),
        ("GET", "/repos/o/r/git/ref/heads/a", Value::Null, (202, reference()), "this status isn't described"),
        ("DELETE", "/repos/o/r/git/refs/heads/a", Value::Null, (204, json!({"gone": true})), "a response body isn't described"),
        ("GET", "/repos/o/r/git/ref/heads/a", Value::Null, (404, json!({"message": 5})), "response body at `/message`"),
    ] {
        let found = faults(method, target, &request, &answer);
        let seen = if expected.is_empty() { found.is_empty() } else { found.iter().any(|fault| fault.contains(expected)) };
        assert!(seen, "{method} {target}: {expected:?} is not in {found:#?}");
    }
}

#[test]
fn an_operation_answered_as_another_is_named() {
    let row = json!({
        "method": "GET", "path": "/repos/o/r/releases/latest", "query": "", "operation": "/repos/{owner}/{repo}/releases/{id}",
        "requestBody": null, "status": 404, "responseBody": {"message": "Not Found"},
    });
    let found = description().faults(&row.to_string());
    assert!(found.iter().any(|fault| fault.contains("was answered as")), "{found:#?}");
}
