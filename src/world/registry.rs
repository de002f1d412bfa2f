//! The world's OCI registry: distribution-spec 1.1 with token auth, and the referrers API for those who want it.

mod answer;
mod blob;
mod layout;
mod manifest;
mod route;
mod store;
mod token;

use crate::server::{Server, Socket};
use answer::Failure;
use axum::{
    Router,
    body::Bytes,
    extract::{Query, Request, State},
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use http::{Method, StatusCode, header, request::Parts};
use route::Target;
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use store::Store;
use token::{Gate, Right};

/// What pushing needs. Anybody pulls, as from a public package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub username: String,
    /// Password or token.
    pub secret: String,
}

/// How the registry behaves.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether there is a referrers API, as in zot; without it clients keep the fallback tag, as with GHCR and distribution.
    pub referrers: bool,
    /// Who may push; `None`: anybody, and no token is asked for.
    pub auth: Option<Credentials>,
    /// Whether the answer to a pushed manifest lacks `Location`, as ECR's does.
    pub without_location: bool,
}

struct Shared {
    host: String,
    options: Options,
    gate: Gate,
    store: Mutex<Store>,
    /// The status that the next requests get, and how many of them.
    failing: Mutex<(StatusCode, u32)>,
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running registry.
pub struct Registry {
    shared: Arc<Shared>,
    _server: Server,
}

impl Registry {
    /// Starts an empty registry.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let socket = Socket::bind().await?;
        let host = socket.host();
        let gate = Gate::new(options.auth.clone(), &host);
        let failing = Mutex::new((StatusCode::OK, 0));
        let shared = Arc::new(Shared { host, options, gate, store: Mutex::default(), failing });
        let routes = Router::new()
            .route("/token", get(give_token))
            .route("/v2/", get(ping))
            .route("/v2/{*path}", any(serve))
            .with_state(Arc::clone(&shared));
        Ok(Self { shared, _server: socket.serve(routes) })
    }

    /// `127.0.0.1:<port>`: what stands before the first slash of a reference.
    pub fn host(&self) -> String {
        self.shared.host.clone()
    }

    /// Answers the next `times` requests below `/v2/<name>/` with this status, 429 or 5xx.
    pub fn fail_next(&self, times: u32, status: u16) {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *self.shared.failing.lock().unwrap_or_else(PoisonError::into_inner) = (status, times);
    }

    /// Writes each repository as an OCI image layout, in the folder of its name below `dir`.
    ///
    /// # Errors
    /// If a file can't be written.
    pub fn export(&self, dir: &Path) -> anyhow::Result<()> {
        layout::export(&self.shared.store(), dir)
    }
}

async fn give_token(State(shared): State<Arc<Shared>>, Query(query): Query<Vec<(String, String)>>, parts: Parts) -> Response {
    shared.gate.give(&query, &parts.headers)
}

/// `GET /v2/`: whether there is a registry, and where its tokens are.
async fn ping(State(shared): State<Arc<Shared>>, parts: Parts) -> Response {
    match shared.gate.check(&parts.headers, None) {
        Ok(()) => ([("docker-distribution-api-version", "registry/2.0")], axum::Json(serde_json::json!({}))).into_response(),
        Err(failure) => failure.into_response(),
    }
}

async fn serve(State(shared): State<Arc<Shared>>, Query(query): Query<Vec<(String, String)>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(failure) = planned_failure(&shared) {
        return failure.into_response();
    }
    let body = match axum::body::to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => return Failure::new(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", error.to_string()).into_response(),
    };
    answer(&shared, Call { parts, query, body }).unwrap_or_else(Failure::into_response)
}

fn planned_failure(shared: &Shared) -> Option<Failure> {
    let mut failing = shared.failing.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, times) = *failing;
    failing.1 = times.checked_sub(1)?;
    Some(Failure::new(status, "TOOMANYREQUESTS", "try again").with("retry-after", "0".into()))
}

/// A request whose body has arrived.
struct Call {
    parts: Parts,
    query: Vec<(String, String)>,
    body: Bytes,
}

impl Call {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// Asking is pulling; everything else is pushing.
    fn right(&self) -> Right {
        if matches!(self.parts.method, Method::GET | Method::HEAD) { Right::Pull } else { Right::Push }
    }
}

fn answer(shared: &Shared, call: Call) -> Result<Response, Failure> {
    let path = call.parts.uri.path().strip_prefix("/v2/").unwrap_or_default();
    let target: Target = path.parse()?;
    shared.gate.check(&call.parts.headers, target.name().map(|name| (name, call.right())))?;
    match target {
        Target::Catalog => Ok(store::catalog(&shared.store())),
        Target::Tags { name } => manifest::tags(shared, &call, &name),
        Target::Uploads { name } => blob::begin(shared, &call, &name),
        Target::Upload { name, id } => blob::upload(shared, &call, (&name, &id)),
        Target::Blob { name, digest } => blob::blob(shared, &call, (&name, &digest)),
        Target::Manifest { name, reference } => manifest::manifest(shared, call, (&name, &reference)),
        Target::Referrers { name, digest } => Ok(manifest::referrers(shared, &call, (&name, &digest))),
    }
}
