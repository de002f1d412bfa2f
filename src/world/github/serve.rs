//! HTTP in and out: from a request to a call, from an answer to a response, and the headers every answer has.

use super::{
    Shared, attestations,
    call::{Answer, Body, Call, Failure, Outcome},
    encode,
    identity::Identity,
    releases, router, smart_http,
    state::{World, now},
    traffic,
};
use anyhow::Context as _;
use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, header, request::Parts};
use serde_json::Value;
use std::sync::Arc;

/// More than GitHub takes of a release asset is never needed here: 512 MiB.
const LARGEST_BODY: usize = 512 << 20;

/// The routes of API, git and release files: whatever is asked is looked up in one table.
pub(super) fn api(shared: &Arc<Shared>) -> Router {
    Router::new().fallback(respond).with_state(Arc::clone(shared))
}

/// The routes of bundles: another origin, which must never see a token.
pub(super) fn blobs(shared: &Arc<Shared>) -> Router {
    Router::new().fallback(respond_blob).with_state(Arc::clone(shared))
}

async fn respond(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else { return response(Failure::new(413, "Payload Too Large").into_answer()) };
    let answered = tokio::task::spawn_blocking(move || answer(&shared, &parts, &body)).await;
    answered.unwrap_or_else(|_| response(Failure::new(500, "Server Error").into_answer()))
}

async fn respond_blob(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return response(Failure::new(400, "InvalidAuthenticationInfo").into_answer());
    }
    let outcome = attestations::blob(&shared.world(), request.uri().path());
    response(outcome.unwrap_or_else(Failure::into_answer))
}

fn answer(shared: &Shared, parts: &Parts, body: &Bytes) -> Response {
    let path = parts.uri.path();
    let mut world = shared.world();
    world.requests += 1;
    let method = parts.method.as_str();
    let api = path.strip_prefix("/api/v3").or_else(|| path.strip_prefix("/api/uploads")).map(str::to_owned);
    let (operation, outcome) = match &api {
        Some(_) if world.fuse == Some(0) => (None, Err(Failure::new(503, "Service Unavailable"))),
        Some(path) => operate(&mut world, parts, (path, body.clone())),
        None => (None, page(&mut world, parts, body)),
    };
    let mut answer = outcome.unwrap_or_else(Failure::into_answer);
    if let (Some(fuse), true, true) = (world.fuse.as_mut(), method != "GET", answer.status < 300) {
        *fuse = fuse.saturating_sub(1);
    }
    usual_headers(&world, parts, &mut answer);
    let path = api.as_deref().unwrap_or(path);
    let request = traffic::Request { method, path, query: parts.uri.query().unwrap_or_default(), body, operation };
    if let Err(error) = shared.traffic.record(&request, &answer) {
        answer = Failure::Broken(error).into_answer();
    }
    response(answer)
}

/// One operation of the API.
fn operate(world: &mut World, parts: &Parts, request: (&str, Bytes)) -> (Option<&'static str>, Outcome) {
    let (path, body) = request;
    let Some((route, parameters)) = router::find(parts.method.as_str(), path) else { return (None, Err(Failure::not_found())) };
    let identity = match identify(world, &parts.headers) {
        Ok(identity) => identity,
        Err(failure) => return (Some(route.template), Err(failure)),
    };
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let call = Call {
        identity,
        parameters,
        query: encode::query_pairs(parts.uri.query().unwrap_or_default()),
        accept: text("accept"),
        content_type: text("content-type"),
        api_version: text("x-github-api-version"),
        body,
        path: path.to_owned(),
    };
    (Some(route.template), router::answer(world, route, &call))
}

/// What is no operation: git by HTTP, and release files.
fn page(world: &mut World, parts: &Parts, body: &Bytes) -> Outcome {
    let identity = identify(world, &parts.headers)?;
    let path = encode::decode(parts.uri.path());
    let root = format!("/{}", world.options.repository);
    let rest = path.strip_prefix(&root).ok_or_else(Failure::not_found)?.to_owned();
    if let Some(file) = rest.strip_prefix("/releases/download/") {
        return releases::download(world, &identity, file);
    }
    let service = rest.strip_prefix(".git").unwrap_or(&rest);
    smart_http::serve(world, &identity, &smart_http::Exchange { path: service, parts, body })
}

/// The caller of a request: `Bearer`, `token`, or the password of `Basic` (git); 401 for a token nobody has.
fn identify(world: &World, headers: &HeaderMap) -> Result<Identity, Failure> {
    let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else { return Ok(Identity::Anonymous) };
    let (scheme, credential) = value.split_once(' ').unwrap_or(("", value));
    let token = if scheme.eq_ignore_ascii_case("basic") {
        let pair = STANDARD.decode(credential).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        pair.split_once(':').map_or(String::new(), |(_, password)| password.to_owned())
    } else {
        credential.to_owned()
    };
    world.tokens.get(token.trim()).cloned().ok_or_else(|| Failure::new(401, "Bad credentials"))
}

/// A request without the network.
///
/// # Errors
/// When there is no such operation or the service fails.
pub(super) fn direct(world: &mut World, identity: Identity, operation: (&str, &str), body: &Value) -> anyhow::Result<(u16, Value)> {
    let (method, target) = operation;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (route, parameters) = router::find(method, path).with_context(|| format!("no operation `{method} {path}`"))?;
    let body = if body.is_null() { Bytes::new() } else { serde_json::to_vec(body)?.into() };
    let call = Call {
        identity,
        parameters,
        query: encode::query_pairs(query),
        accept: String::new(),
        content_type: "application/json".into(),
        api_version: String::new(),
        body,
        path: path.to_owned(),
    };
    let answer = match router::answer(world, route, &call) {
        Ok(answer) => answer,
        Err(Failure::Answer(answer)) => *answer,
        Err(Failure::Broken(error)) => return Err(error),
    };
    let body = if let Body::Json(value) = answer.body { value } else { Value::Null };
    Ok((answer.status, body))
}

impl Failure {
    /// The answer of a failure; a fault of the service is a 500 that names it.
    fn into_answer(self) -> Answer {
        match self {
            Self::Answer(answer) => *answer,
            Self::Broken(error) => Self::new(500, &format!("Server Error: {error:#}")).into_answer(),
        }
    }
}

/// Request id, rate limit and media type, as GitHub sends them.
fn usual_headers(world: &World, parts: &Parts, answer: &mut Answer) {
    let limit = 5_000_u64;
    let used = world.requests.min(limit);
    let reset = now().timestamp() + 3_600;
    let version = parts.headers.get("x-github-api-version").and_then(|value| value.to_str().ok()).unwrap_or("2022-11-28");
    answer.headers.extend([
        ("x-github-request-id", format!("C0DE:{:06X}", world.requests)),
        ("x-github-media-type", "github.v3; format=json".to_owned()),
        ("x-github-api-version-selected", version.to_owned()),
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-remaining", (limit - used).to_string()),
        ("x-ratelimit-used", used.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
    ]);
}

fn response(answer: Answer) -> Response {
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        builder = builder.header(*name, value);
    }
    let built = match answer.body {
        Body::Empty => builder.body(axum::body::Body::empty()),
        Body::Json(value) => {
            builder.header(header::CONTENT_TYPE, "application/json; charset=utf-8").body(axum::body::Body::from(value.to_string()))
        }
        Body::Bytes(kind, bytes) => builder.header(header::CONTENT_TYPE, kind).body(axum::body::Body::from(bytes)),
    };
    // Only a header value that HTTP forbids gets here; nothing of it can be shown.
    built.unwrap_or_else(|_| Response::new(axum::body::Body::empty()))
}
