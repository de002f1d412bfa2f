//! How the registry says no: `{"errors": [{"code": "…", "message": "…"}]}`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;

/// A refusal; the codes are those of distribution-spec 1.1, "Error codes".
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    header: Option<(&'static str, String)>,
}

impl Failure {
    /// A refusal of this status and code.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), header: None }
    }

    /// The same with a header of its own.
    pub(super) fn with(self, name: &'static str, value: String) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    /// There is no such thing (404).
    pub(super) fn unknown(code: &'static str, what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, format!("`{what}` is unknown"))
    }

    /// The request is malformed (400).
    pub(super) fn invalid(code: &'static str, what: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, format!("`{what}` is invalid"))
    }

    /// The method is none that this path has (405).
    pub(super) fn unsupported() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "the operation is unsupported")
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = json!({ "errors": [{ "code": self.code, "message": self.message }] });
        let header = axum::response::AppendHeaders(self.header);
        (self.status, header, Json(error)).into_response()
    }
}
