//! Commits, comparisons and the repository itself.

use crate::place::{Place, alice, text};
use chartrel_world::github::{Actor, OWNER_ID, REPOSITORY_ID, Visibility};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_counts_both_sides_and_names_the_files() {
    let place = Place::new().await;
    let base = place.tip("main").await;
    let head = place.branch(&alice(), "charts/nginx", "main").await;
    for (pair, status, ahead) in [
        ("main...charts/nginx".to_owned(), "ahead", 1),
        ("main...charts%2Fnginx".to_owned(), "ahead", 1),
        (format!("{head}...{base}"), "behind", 0),
        ("main...integration".to_owned(), "identical", 0),
    ] {
        let (code, found) = place.ask(&alice(), &format!("GET /compare/{pair}"), Value::Null).await;
        assert_eq!((code, text(&found, "/status").as_str(), found["ahead_by"].as_u64()), (200, status, Some(ahead)), "{pair}");
    }
    let (_, found) = place.ask(&alice(), "GET /compare/main...charts/nginx", Value::Null).await;
    assert_eq!((text(&found, "/files/0/filename"), text(&found, "/merge_base_commit/sha")), ("charts/nginx/values.yaml".into(), base));
    assert_eq!(place.ask(&alice(), "GET /compare/main...nowhere", Value::Null).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_listed_by_branch_and_path() {
    let place = Place::new().await;
    let head = place.branch(&alice(), "topic", "main").await;
    for (query, expected) in [("?sha=topic", 2), ("", 1), ("?sha=topic&path=charts/nginx/values.yaml", 1), ("?sha=topic&path=none", 0)] {
        let (_, found) = place.ask(&alice(), &format!("GET /commits{query}"), Value::Null).await;
        assert_eq!(found.as_array().map(Vec::len), Some(expected), "{query}");
    }
    let (_, found) = place.ask(&alice(), "GET /commits?sha=topic&per_page=1", Value::Null).await;
    assert_eq!(text(&found, "/0/sha"), head);
    let (_, found) = place.ask(&alice(), "GET /branches/topic", Value::Null).await;
    assert_eq!(text(&found, "/commit/sha"), head);
    let (_, found) = place.ask(&alice(), "GET /branches", Value::Null).await;
    assert_eq!(found.as_array().map(Vec::len), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_repository_has_the_ids_that_certificates_name() {
    let place = Place::with(|options| options.visibility = Visibility::Private).await;
    let (status, found) = place.ask(&Actor::App, "GET ", Value::Null).await;
    assert_eq!((status, found["id"].as_u64(), found["owner"]["id"].as_u64()), (200, Some(REPOSITORY_ID), Some(OWNER_ID)));
    assert_eq!((text(&found, "/visibility"), text(&found, "/default_branch")), ("private".into(), "main".into()));
    let stranger = place.client().get(format!("{}/repos/acme/charts", place.github.api_url())).send().await.unwrap();
    assert_eq!(stranger.status(), 404);
    let request = place.github.request(&Actor::App, ("GET", "/repos/acme/charts/pulls?state=all"), &Value::Null).unwrap();
    assert_eq!(request, (200, json!([])));
}
