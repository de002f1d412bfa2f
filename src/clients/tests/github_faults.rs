//! The GitHub client against a server that fails in the ways GitHub does.

#![allow(clippy::unwrap_used)]

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use chartrel_clients::{
    github::{Created, GitHub, Merge, Merged, NewAsset, NewPull, Release, Token},
    retry::Patience,
};
use chartrel_core::{Code, Refusal, Sha256, name::ObjectId};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// One answer: status, headers, body.
#[derive(Clone)]
struct Answer(u16, Vec<(&'static str, String)>, Vec<u8>);

fn json_of(status: u16, body: &Value) -> Answer {
    Answer(status, vec![("content-type", "application/json".into())], body.to_string().into_bytes())
}

fn with(status: u16, header: &'static str, value: &str) -> Answer {
    Answer(status, vec![(header, value.into())], b"{\"message\":\"no\"}".to_vec())
}

/// A request as it came.
#[derive(Clone, Debug)]
struct Seen {
    method: Method,
    uri: String,
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Clone, Default)]
struct Script {
    /// Answers by method and path, each used once, the last one again and again.
    answers: Arc<Mutex<BTreeMap<String, VecDeque<Answer>>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

async fn answer(State(script): State<Script>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1024 * 1024).await.unwrap();
    let key = format!("{} {}", parts.method, parts.uri.path());
    script.seen.lock().unwrap().push(Seen { method: parts.method, uri: parts.uri.to_string(), headers: parts.headers, body });
    let mut answers = script.answers.lock().unwrap();
    let Answer(status, headers, body) = match answers.get_mut(&key) {
        Some(queue) if queue.len() > 1 => queue.pop_front().unwrap(),
        Some(queue) => queue.front().unwrap().clone(),
        None => json_of(404, &json!({"message": "Not Found"})),
    };
    let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).unwrap()
}

struct Server {
    script: Script,
    url: String,
}

impl Server {
    async fn start() -> Self {
        let script = Script::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { script, url }
    }

    /// Answers a request below `/api/v3/repos/acme/charts/` in turn.
    fn on(&self, request: &str, answers: Vec<Answer>) -> &Self {
        let (method, path) = request.split_once(' ').unwrap();
        let path = path.strip_prefix('/').map_or_else(|| format!("/api/v3/repos/acme/charts/{path}"), |absolute| format!("/{absolute}"));
        self.script.answers.lock().unwrap().insert(format!("{method} {path}"), answers.into());
        self
    }

    fn client(&self) -> GitHub {
        let token = Token::new("secret-token").unwrap();
        let client = GitHub::new(&format!("{}/api/v3", self.url), &token, &"acme/charts".parse().unwrap()).unwrap();
        client.with_patience(Patience::none())
    }

    fn seen(&self, method: &Method) -> Vec<Seen> {
        self.script.seen.lock().unwrap().iter().filter(|seen| seen.method == *method).cloned().collect()
    }
}

fn id(digit: char) -> ObjectId {
    digit.to_string().repeat(40).parse().unwrap()
}

fn reference(digit: char) -> Value {
    json!({"ref": "refs/heads/main", "object": {"sha": id(digit), "type": "commit"}})
}

fn pull(state: &str, merged: bool) -> Value {
    let side = |name: &str| json!({"ref": name, "sha": id('a'), "repo": {"full_name": "acme/charts"}});
    json!({
        "number": 7, "title": "t", "body": null, "state": state, "merged": merged, "merged_at": null,
        "merge_commit_sha": id('b'), "head": side("x"), "base": side("main"), "user": {"login": "ada"}, "html_url": "u",
    })
}

fn code(error: &anyhow::Error) -> Code {
    error.downcast_ref::<Refusal>().unwrap().code
}

#[tokio::test]
async fn a_read_is_tried_again_and_the_path_of_an_enterprise_server_kept() {
    let server = Server::start().await;
    let down = json_of(502, &json!({}));
    server.on("GET git/ref/heads/main", vec![down.clone(), down, json_of(200, &reference('a'))]);
    assert_eq!(server.client().reference("heads/main").await.unwrap(), Some(id('a')));
    let seen = server.seen(&Method::GET);
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].uri, "/api/v3/repos/acme/charts/git/ref/heads/main");
    assert_eq!(seen[0].headers["authorization"], "Bearer secret-token");
    assert_eq!(seen[0].headers.get_all("x-github-api-version").iter().count(), 1);
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_for_as_long_as_it_says() {
    let server = Server::start().await;
    let limited = with(403, "retry-after", "1");
    server.on("POST git/refs", vec![limited, json_of(201, &reference('a'))]);
    let since = Instant::now();
    assert_eq!(server.client().create_reference("heads/main", &id('a')).await.unwrap(), Created::Created);
    assert!(since.elapsed() >= Duration::from_secs(1));
    let bodies: Vec<_> = server.seen(&Method::POST).into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1], "the second try carries the body too");
    // One that asks for more than patience has ends the run.
    server.on("GET git/ref/heads/main", vec![with(429, "retry-after", "3600")]);
    let error = server.client().reference("heads/main").await.unwrap_err();
    assert!(format!("{error:#}").contains("wait 3600 seconds"), "{error:#}");
}

#[tokio::test]
async fn what_the_token_may_not_do_is_said_once_with_the_permission_to_add() {
    let server = Server::start().await;
    server.on("GET git/ref/heads/main", vec![with(403, "x-accepted-github-permissions", "contents=read")]);
    let error = server.client().reference("heads/main").await.unwrap_err();
    assert_eq!(code(&error), Code::GithubForbidden);
    assert!(error.downcast_ref::<Refusal>().unwrap().help.contains("contents=read"));
    server.on("GET git/ref/heads/main", vec![with(401, "x", "y")]);
    assert_eq!(code(&server.client().reference("heads/main").await.unwrap_err()), Code::GithubUnauthorized);
    assert_eq!(server.seen(&Method::GET).len(), 2);
}

#[tokio::test]
async fn a_reference_that_is_there_is_told_with_its_object() {
    let server = Server::start().await;
    server.on("POST git/refs", vec![json_of(422, &json!({"message": "Reference already exists"}))]);
    server.on("GET git/ref/tags/a%2Bb", vec![json_of(200, &reference('c'))]);
    server.on("GET git/ref/tags/x", vec![json_of(200, &reference('c'))]);
    assert_eq!(server.client().create_reference("tags/x", &id('a')).await.unwrap(), Created::AlreadyThere(id('c')));
    // Refused for another reason: a rule.
    let error = server.client().create_reference("tags/y", &id('a')).await.unwrap_err();
    assert!(format!("{error:#}").contains("Reference already exists"));
}

#[tokio::test]
async fn a_pull_request_whose_answer_was_lost_is_not_opened_twice() {
    let server = Server::start().await;
    server.on("POST pulls", vec![json_of(502, &json!({}))]);
    server.on("GET pulls", vec![json_of(200, &json!([pull("open", false)]))]);
    let new = NewPull { title: "t".into(), head: "x".into(), base: "main".into(), body: String::new() };
    assert_eq!(server.client().create_pull(&new).await.unwrap().number, 7);
    assert_eq!(server.seen(&Method::POST).len(), 1);
    assert!(server.seen(&Method::GET)[0].uri.contains("head=acme%3Ax&base=main"));
}

#[tokio::test]
async fn a_merge_tells_a_moved_head_from_a_refusal_and_from_its_own_success() {
    let server = Server::start().await;
    let merge = |digit| Merge { sha: id(digit), method: "merge".into(), title: String::new(), message: String::new() };
    let refused = json_of(405, &json!({"message": "At least 1 approving review is required"}));
    server.on("PUT pulls/7/merge", vec![refused.clone()]).on("GET pulls/7", vec![json_of(200, &pull("open", false))]);
    let said = server.client().merge_pull(7, &merge('a')).await.unwrap();
    assert_eq!(said, Merged::Refused("At least 1 approving review is required".into()));
    server.on("PUT pulls/7/merge", vec![json_of(409, &json!({"message": "Head branch was modified"}))]);
    assert_eq!(server.client().merge_pull(7, &merge('d')).await.unwrap(), Merged::HeadMoved);
    server.on("PUT pulls/7/merge", vec![json_of(502, &json!({})), refused]).on("GET pulls/7", vec![json_of(200, &pull("closed", true))]);
    assert_eq!(server.client().merge_pull(7, &merge('a')).await.unwrap(), Merged::Merged(id('b')));
    let modified = json_of(405, &json!({"message": "Base branch was modified. Review and try the merge again."}));
    server.on("PUT pulls/7/merge", vec![modified, json_of(200, &json!({"sha": id('e'), "merged": true}))]);
    server.on("GET pulls/7", vec![json_of(200, &pull("open", false))]);
    assert_eq!(server.client().merge_pull(7, &merge('a')).await.unwrap(), Merged::Merged(id('e')));
}

#[tokio::test]
async fn lists_are_read_to_their_end_but_not_to_another_host() {
    let server = Server::start().await;
    let next = format!("<{}/api/v3/repos/acme/charts/page2>; rel=\"next\", <x>; rel=\"last\"", server.url);
    let first = Answer(200, vec![("link", next)], json!([reference('a')]).to_string().into_bytes());
    server.on("GET git/matching-refs/heads/charts/", vec![first]).on("GET page2", vec![json_of(200, &json!([reference('b')]))]);
    let found = server.client().matching_references("heads/charts/").await.unwrap();
    assert_eq!(found, [("heads/main".to_owned(), id('a')), ("heads/main".to_owned(), id('b'))]);
    let away = Answer(200, vec![("link", "<http://127.0.0.1:9/x>; rel=\"next\"".into())], b"[]".to_vec());
    server.on("GET git/matching-refs/heads/charts/", vec![away]);
    let error = server.client().matching_references("heads/charts/").await.unwrap_err();
    assert!(format!("{error:#}").contains("another host"), "{error:#}");
}

#[tokio::test]
async fn bundles_come_inline_by_address_or_compressed_and_without_the_token() {
    let server = Server::start().await;
    let digest = Sha256::of("x");
    let bundle = json!({"mediaType": "m", "filler": "y".repeat(400)});
    let packed = snap::raw::Encoder::new().compress_vec(bundle.to_string().as_bytes()).unwrap();
    let listed = json!({"attestations": [
        {"bundle": bundle, "repository_id": 1},
        {"bundle": null, "bundle_url": format!("{}/blobs/a.json.sn?sig=s", server.url), "repository_id": 1},
        {"bundle_url": format!("{}/blobs/plain.json", server.url), "repository_id": 1},
    ]});
    server.on(&format!("GET attestations/{digest}"), vec![json_of(200, &listed)]);
    server.on("GET /blobs/a.json.sn", vec![json_of(503, &json!({})), Answer(200, vec![], packed)]);
    server.on("GET /blobs/plain.json", vec![json_of(200, &bundle)]);
    let found = server.client().attestations(&digest, Some("https://slsa.dev/provenance/v1")).await.unwrap();
    assert_eq!(found.len(), 3);
    for one in found {
        assert_eq!(serde_json::from_str::<Value>(&one).unwrap(), bundle);
    }
    for seen in server.seen(&Method::GET) {
        assert_eq!(seen.headers.contains_key("authorization"), !seen.uri.starts_with("/blobs/"), "{}", seen.uri);
    }
    assert!(server.client().attestations(&Sha256::of("none"), None).await.unwrap().is_empty());
    let bomb = Answer(200, vec![], vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0]);
    server.on("GET /blobs/plain.json", vec![bomb]);
    assert!(server.client().attestations(&digest, None).await.is_err());
    let bare = json!({"attestations": [{"bundle_url": "http://example.com/x", "repository_id": 1}]});
    server.on(&format!("GET attestations/{digest}"), vec![json_of(200, &bare)]);
    assert!(format!("{:#}", server.client().attestations(&digest, None).await.unwrap_err()).contains("without TLS"));
}

#[tokio::test]
async fn many_subjects_are_asked_at_once_and_one_by_one_where_that_is_not_allowed() {
    let server = Server::start().await;
    let (one, two) = (Sha256::of("1"), Sha256::of("2"));
    let facts = json!({
        "id": 42, "owner": {"id": 7, "type": "Organization"}, "visibility": "public", "private": false, "default_branch": "main",
        "clone_url": "https://github.com/acme/charts.git",
    });
    server.on("GET /api/v3/repos/acme/charts", vec![json_of(200, &facts)]);
    let ours = json!({"bundle": {"n": 1}, "repository_id": 42});
    let others = json!({"bundle": {"n": 2}, "repository_id": 43});
    let first = json!({"attestations_subject_digests": {one.to_string(): [ours, others]}, "page_info": {"has_next": true, "next": "c="}});
    let second = json!({"attestations_subject_digests": {two.to_string(): null}, "page_info": {"has_next": false}});
    server.on("POST /api/v3/orgs/acme/attestations/bulk-list", vec![json_of(200, &first), json_of(200, &second)]);
    let found = server.client().attestations_of(&[one, two]).await.unwrap();
    assert_eq!(found, BTreeMap::from([(one, vec!["{\"n\":1}".to_owned()]), (two, vec![])]));
    assert!(server.seen(&Method::POST)[1].uri.ends_with("after=c%3D"));

    server.on("POST /api/v3/orgs/acme/attestations/bulk-list", vec![json_of(403, &json!({"message": "Resource not accessible"}))]);
    server.on(&format!("GET attestations/{two}"), vec![json_of(200, &json!({"attestations": [{"bundle": {"n": 3}}]}))]);
    let found = server.client().attestations_of(&[one, two]).await.unwrap();
    assert_eq!(found, BTreeMap::from([(one, vec![]), (two, vec!["{\"n\":3}".to_owned()])]));
}

#[tokio::test]
async fn a_broken_upload_is_cleared_and_sent_again_to_githubs_own_host_alone() {
    let server = Server::start().await;
    let asset = |state: &str, size: u64| json!({"id": 5, "name": "a b.tgz", "size": size, "state": state, "browser_download_url": "u"});
    server.on("POST /upload/1/assets", vec![json_of(502, &json!({})), json_of(201, &asset("uploaded", 3))]);
    server.on("GET releases/1/assets", vec![json_of(200, &json!([asset("starter", 0)]))]);
    server.on("DELETE releases/assets/5", vec![Answer(204, vec![], vec![])]);
    let release = |url: String| Release {
        id: 1,
        tag: "t".into(),
        name: String::new(),
        is_draft: true,
        is_prerelease: false,
        is_immutable: false,
        body: String::new(),
        assets: vec![],
        upload_url: url,
        html_url: String::new(),
    };
    let new = NewAsset { name: "a b.tgz", content_type: "application/gzip", bytes: b"tgz" };
    let at = release(format!("{}/upload/1/assets{{?name,label}}", server.url));
    assert_eq!(server.client().upload_asset(&at, &new).await.unwrap().size, 3);
    assert_eq!(server.seen(&Method::DELETE).len(), 1);
    let posts = server.seen(&Method::POST);
    assert_eq!((posts[1].uri.as_str(), &posts[1].body[..]), ("/upload/1/assets?name=a%20b.tgz", &b"tgz"[..]));
    for url in ["https://example.com/x{?name}", "http://uploads.127.0.0.1.example.com/x", "nonsense"] {
        assert!(server.client().upload_asset(&release(url.into()), &new).await.is_err(), "{url}");
    }
}

#[tokio::test]
async fn a_dead_server_is_named_without_the_token() {
    let token = Token::new("secret-token").unwrap();
    assert_eq!(format!("{token:?}"), "Token(***)");
    let client = GitHub::new("http://127.0.0.1:9", &token, &"acme/charts".parse().unwrap()).unwrap().with_patience(Patience::none());
    let error = format!("{:?}", client.reference("heads/main").await.unwrap_err());
    assert!(error.contains("no answer from GitHub") && !error.contains("secret-token"), "{error}");
    for text in ["", " ", "a b", "a\nb", "ü"] {
        assert!(Token::new(text).is_err(), "{text:?}");
    }
    for api in ["", "nonsense", "http://api.github.com", "ftp://127.0.0.1"] {
        let error = GitHub::new(api, &token, &"acme/charts".parse().unwrap()).unwrap_err();
        assert_eq!(code(&error), Code::InputInvalid, "{api}");
    }
}
