//! What a rehearsal leaves behind.

use crate::place::{Place, alice, run};
use serde_json::{Value, json};
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_a_line_and_no_token_is_in_it() {
    let place = Place::new().await;
    place.branch(&alice(), "topic", "main").await;
    place.pull(&alice(), "topic", "main").await;
    place.ask(&run(), "GET /nothing", Value::Null).await;
    let traffic = fs::read_to_string(place.dir.path().join("state/traffic.jsonl")).unwrap();
    let lines: Vec<Value> = traffic.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let opened = lines.iter().find(|line| line["method"] == "POST" && line["path"] == "/repos/acme/charts/pulls").unwrap();
    assert_eq!(opened["operation"], "/repos/{owner}/{repo}/pulls");
    assert_eq!((opened["status"].as_u64(), &opened["requestBody"]["head"]), (Some(201), &json!("topic")));
    assert_eq!(lines.last().map(|line| (line["operation"].is_null(), line["status"].as_u64())), Some((true, Some(404))));
    assert!(!traffic.contains("ghp_") && !traffic.contains("ghs_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_has_every_table() {
    let place = Place::new().await;
    place.branch(&alice(), "topic", "main").await;
    place.pull(&alice(), "topic", "main").await;
    let folder = place.dir.path().join("dump");
    place.github.dump(&folder).unwrap();
    for (table, expected) in [("pulls", 1), ("runs", 1), ("refs", 5), ("checks", 0), ("attestations", 0), ("releases", 0)] {
        let text = fs::read_to_string(folder.join(format!("{table}.json"))).unwrap();
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(rows.len(), expected, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fuse_lets_so_many_writes_through_and_then_nothing() {
    let place = Place::new().await;
    let sha = place.tip("main").await;
    let branch = |name: &str| json!({"ref": format!("refs/heads/{name}"), "sha": sha});
    place.github.fail_after(1);
    assert_eq!(place.ask(&alice(), "GET /branches", Value::Null).await.0, 200);
    assert_eq!(place.ask(&alice(), "POST /git/refs", branch("one")).await.0, 201);
    assert_eq!(place.ask(&alice(), "POST /git/refs", branch("two")).await.0, 503);
    assert_eq!(place.ask(&alice(), "GET /branches", Value::Null).await.0, 503);
    place.github.mend();
    assert_eq!(place.ask(&alice(), "POST /git/refs", branch("two")).await.0, 201);
}
