//! One HTTP service of the world: on loopback, on a port the system gives, gone when dropped.

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SubsecRound as _, Utc};
use http::StatusCode;
use serde_json::json;
use std::net::SocketAddr;
use tokio::{net::TcpListener, task::JoinHandle};

/// A bound socket whose address is known before its routes are.
///
/// Documents that a service hands out name its own URL, so the port comes first.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: TcpListener,
    address: SocketAddr,
}

impl Socket {
    /// Binds a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If the system gives none.
    pub(crate) async fn bind() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// `127.0.0.1:<port>`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers from now on with these routes; bodies may be of any size.
    pub(crate) fn serve(self, routes: Router) -> Server {
        let routes = routes.layer(DefaultBodyLimit::disable());
        Server(tokio::spawn(async move {
            // `axum::serve` ends only with its task: accept errors are retried inside.
            let _ = axum::serve(self.listener, routes).await;
        }))
    }
}

/// A running service; dropping it closes the port.
#[derive(Debug)]
pub(crate) struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A refusal as Fulcio and Rekor word it: `{"code": <status>, "message": "…"}`.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    message: String,
}

impl Problem {
    /// A refusal with this status.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// The request can't be understood or isn't acceptable (400).
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

/// What fails inside the world itself is a 500 that says so.
impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "code": self.status.as_u16(), "message": self.message }))).into_response()
    }
}

/// The present time in whole seconds, the unit of certificates and logs.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::<Utc>::from(std::time::SystemTime::now()).trunc_subsecs(0)
}

/// A random lower-case hex text of `2 * N` digits: token, key of a grant, upload id.
pub(crate) fn random_hex<const N: usize>() -> String {
    hex::encode(rand::random::<[u8; N]>())
}
