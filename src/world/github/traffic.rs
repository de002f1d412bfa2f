//! The log of requests: one JSON line each, so that a peer can hold them against GitHub's description.

use super::call::{Answer, Body};
use anyhow::Context as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// The open log.
pub(super) struct Traffic {
    file: Mutex<File>,
}

/// What is logged of a request. A token is never part of it: headers are not logged.
pub(super) struct Request<'a> {
    /// HTTP method.
    pub(super) method: &'a str,
    /// Path below the API's root, or the whole path of a page.
    pub(super) path: &'a str,
    /// The raw query.
    pub(super) query: &'a str,
    /// The body.
    pub(super) body: &'a [u8],
    /// Path template of the operation, if the request is one.
    pub(super) operation: Option<&'a str>,
}

impl Traffic {
    /// Opens the log for appending.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path).with_context(|| format!("open {}", path.display()))?;
        Ok(Self { file: Mutex::new(file) })
    }

    /// Appends one line.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn record(&self, request: &Request, answer: &Answer) -> anyhow::Result<()> {
        let answered = match &answer.body {
            Body::Empty => Value::Null,
            Body::Json(value) => value.clone(),
            Body::Bytes(_, bytes) => summary(bytes),
        };
        let line = json!({
            "method": request.method, "path": request.path, "query": request.query, "operation": request.operation,
            "requestBody": parsed(request.body), "status": answer.status, "responseBody": answered,
        });
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(writeln!(file, "{line}")?)
    }
}

/// JSON as it is, anything else by digest.
fn parsed(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_else(|_| summary(body))
}

fn summary(bytes: &[u8]) -> Value {
    json!({"sha256": hex::encode(Sha256::digest(bytes)), "size": bytes.len()})
}
