//! Releases: drafts, assets, immutability.

use crate::place::{Place, admin, alice, text};
use chartrel_world::github::Actor;
use serde_json::{Value, json};

async fn upload(place: &Place, release: &Value, name: &str) -> (u16, Value) {
    let url = text(release, "/upload_url").replace("{?name,label}", &format!("?name={name}"));
    let request = place.client().post(url).bearer_auth(place.github.token(&Actor::App)).header("content-type", "application/gzip");
    let response = request.body("package").send().await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_hidden_until_published_and_makes_its_tag() {
    let place = Place::new().await;
    let (status, draft) = place.ask(&Actor::App, "POST /releases", json!({"tag_name": "nginx-v1.0.0", "draft": true})).await;
    assert_eq!(status, 201);
    assert_eq!(place.ask(&Actor::App, "GET /releases/tags/nginx-v1.0.0", Value::Null).await.0, 404);
    assert_eq!(place.ask(&Actor::App, "GET /releases", Value::Null).await.1.as_array().map(Vec::len), Some(1));
    let url = format!("{}/repos/acme/charts/releases", place.github.api_url());
    assert_eq!(place.client().get(url).send().await.unwrap().text().await.unwrap(), "[]");
    let (status, asset) = upload(&place, &draft, "nginx-1.0.0%2Bbuild.tgz").await;
    assert_eq!((status, text(&asset, "/name").as_str()), (201, "nginx-1.0.0.build.tgz"));
    assert_eq!(upload(&place, &draft, "nginx-1.0.0%2Bbuild.tgz").await.0, 422);
    let path = format!("/releases/{}", draft["id"]);
    let (status, published) = place.ask(&Actor::App, &format!("PATCH {path}"), json!({"draft": false, "make_latest": "true"})).await;
    assert_eq!(status, 200, "{published}");
    assert_eq!(place.ask(&alice(), "GET /git/ref/tags/nginx-v1.0.0", Value::Null).await.0, 200);
    assert_eq!(place.ask(&alice(), "GET /releases/tags/nginx-v1.0.0", Value::Null).await.0, 200);
    let (_, latest) = place.ask(&alice(), "GET /releases/latest", Value::Null).await;
    assert_eq!(latest["id"], published["id"]);
    let bytes = place.client().get(text(&published, "/assets/0/browser_download_url")).send().await.unwrap();
    assert_eq!(bytes.text().await.unwrap(), "package");
    assert!(text(&published, "/assets/0/digest").starts_with("sha256:"));
    let (status, answer) = place.ask(&Actor::App, "POST /releases", json!({"tag_name": "nginx-v1.0.0"})).await;
    assert_eq!((status, text(&answer, "/errors/0/code").as_str()), (422, "already_exists"));
    let asset = format!("/releases/assets/{}", asset["id"]);
    assert_eq!(place.ask(&Actor::App, &format!("PATCH {asset}"), json!({"label": "x"})).await.0, 200);
    assert_eq!(place.ask(&Actor::App, &format!("GET {asset}"), Value::Null).await.0, 200);
    assert_eq!(place.ask(&Actor::App, &format!("GET {path}/assets"), Value::Null).await.0, 200);
    assert_eq!(place.ask(&Actor::App, &format!("DELETE {asset}"), Value::Null).await.0, 204);
    assert_eq!(place.ask(&Actor::App, &format!("GET {path}"), Value::Null).await.0, 200);
    assert_eq!(place.ask(&Actor::App, &format!("DELETE {path}"), Value::Null).await.0, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_release_keeps_its_assets_and_its_tag_for_ever() {
    let place = Place::new().await;
    assert_eq!(place.ask(&admin(), "GET /immutable-releases", Value::Null).await.0, 404);
    assert_eq!(place.ask(&admin(), "PUT /immutable-releases", Value::Null).await.0, 204);
    assert_eq!(place.ask(&admin(), "GET /immutable-releases", Value::Null).await.0, 200);
    let (_, release) = place.ask(&Actor::App, "POST /releases", json!({"tag_name": "nginx-v1.0.0"})).await;
    assert_eq!(release["immutable"], true);
    let (status, answer) = upload(&place, &release, "x.tgz").await;
    assert_eq!((status, text(&answer, "/message").as_str()), (422, "Cannot upload assets to an immutable release"));
    let path = format!("/releases/{}", release["id"]);
    assert_eq!(place.ask(&Actor::App, &format!("PATCH {path}"), json!({"body": "new notes"})).await.0, 200);
    assert_eq!(place.ask(&Actor::App, &format!("PATCH {path}"), json!({"tag_name": "other"})).await.0, 422);
    assert_eq!(place.ask(&Actor::App, &format!("DELETE {path}"), Value::Null).await.0, 204);
    assert_eq!(place.ask(&admin(), "DELETE /git/refs/tags/nginx-v1.0.0", Value::Null).await.0, 422);
    let (status, answer) = place.ask(&Actor::App, "POST /releases", json!({"tag_name": "nginx-v1.0.0"})).await;
    assert_eq!((status, text(&answer, "/errors/0/message").as_str()), (422, "tag_name was used by an immutable release"));
    assert_eq!(place.ask(&admin(), "DELETE /immutable-releases", Value::Null).await.0, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_leaves_an_empty_asset() {
    let place = Place::new().await;
    let (_, draft) = place.ask(&Actor::App, "POST /releases", json!({"tag_name": "v1", "draft": true})).await;
    place.github.break_next_upload();
    assert_eq!(upload(&place, &draft, "x.tgz").await.0, 502);
    let (_, release) = place.ask(&Actor::App, &format!("GET /releases/{}", draft["id"]), Value::Null).await;
    assert_eq!((text(&release, "/assets/0/state"), release["assets"][0]["size"].as_u64()), ("starter".into(), Some(0)));
    let asset = format!("/releases/assets/{}", release["assets"][0]["id"]);
    assert_eq!(place.ask(&Actor::App, &format!("DELETE {asset}"), Value::Null).await.0, 204);
    assert_eq!(upload(&place, &draft, "x.tgz").await.0, 201);
}
