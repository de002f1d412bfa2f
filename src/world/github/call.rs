//! One request as the handlers see it, and what they answer.

use super::identity::Identity;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A parsed request.
pub(super) struct Call {
    /// The caller.
    pub(super) identity: Identity,
    /// Values of the template's parameters, decoded.
    pub(super) parameters: Vec<(&'static str, String)>,
    /// Decoded query pairs, in order.
    pub(super) query: Vec<(String, String)>,
    /// The `Accept` header, or empty.
    pub(super) accept: String,
    /// The `Content-Type` header, or empty.
    pub(super) content_type: String,
    /// The `X-GitHub-Api-Version` header, or empty.
    pub(super) api_version: String,
    /// The body.
    pub(super) body: Bytes,
    /// The path of the request, for `Link` headers.
    pub(super) path: String,
}

/// What a handler answers.
#[derive(Debug)]
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Body,
    /// Headers beside the usual ones.
    pub(super) headers: Vec<(&'static str, String)>,
}

/// An answer's body.
#[derive(Debug)]
pub(super) enum Body {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Value),
    /// Bytes of a media type.
    Bytes(&'static str, Vec<u8>),
}

/// What stops a handler: an answer the API describes, or a fault of the world itself (500).
#[derive(Debug)]
pub(super) enum Failure {
    /// An error answer.
    Answer(Box<Answer>),
    /// Something broke.
    Broken(anyhow::Error),
}

/// What every handler gives.
pub(super) type Outcome = Result<Answer, Failure>;

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

impl Answer {
    /// An answer with a JSON body.
    pub(super) const fn json(status: u16, body: Value) -> Self {
        Self { status, body: Body::Json(body), headers: Vec::new() }
    }

    /// An answer without body.
    pub(super) const fn empty(status: u16) -> Self {
        Self { status, body: Body::Empty, headers: Vec::new() }
    }

    /// A created thing; its `url` becomes the `Location`.
    pub(super) fn created(body: Value) -> Self {
        let location = body.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { status: 201, body: Body::Json(body), headers: vec![("location", location)] }
    }
}

const DOCUMENTATION: &str = "https://docs.github.com/rest";

impl Failure {
    /// An error of one sentence.
    pub(super) fn new(status: u16, message: &str) -> Self {
        let body = json!({"message": message, "documentation_url": DOCUMENTATION, "status": status.to_string()});
        Self::Answer(Box::new(Answer::json(status, body)))
    }

    /// 404.
    pub(super) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// 403 for a token that lacks the permission.
    pub(super) fn forbidden() -> Self {
        Self::new(403, "Resource not accessible by integration")
    }

    /// 422 with a message of its own and no list of errors.
    pub(super) fn unprocessable(message: &str) -> Self {
        Self::new(422, message)
    }

    /// What the rules say against a change, in one message.
    pub(super) fn violations(status: u16, reasons: &[String]) -> Self {
        Self::new(status, &format!("Repository rule violations found\n\n{}\n\n", reasons.join("\n\n")))
    }

    /// 422 `Validation Failed` with one error entry about a field.
    ///
    /// Shape: `code` `custom` carries the message; other codes (`missing_field`, `already_exists`, `invalid`) stand for themselves.
    pub(super) fn invalid(resource: &str, field: &str, code: &str, message: &str) -> Self {
        let mut error = json!({"resource": resource, "field": field, "code": code});
        if let (Some(map), false) = (error.as_object_mut(), message.is_empty()) {
            map.insert("message".into(), message.into());
        }
        let body = json!({"message": "Validation Failed", "errors": [error], "documentation_url": DOCUMENTATION, "status": "422"});
        Self::Answer(Box::new(Answer::json(422, body)))
    }
}

impl Call {
    /// The value of a path parameter; empty when the template has none of that name.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// A path parameter that is a number; anything else does not exist.
    pub(super) fn number(&self, name: &str) -> Result<u64, Failure> {
        self.parameter(name).parse().map_err(|_| Failure::not_found())
    }

    /// The first value of a query parameter, if it is not empty.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The body as the type an operation describes; an empty body is `{}`.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let bytes: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        let value: Value = serde_json::from_slice(bytes).map_err(|_| Failure::new(400, "Problems parsing JSON"))?;
        serde_json::from_value(value).map_err(|error| Failure::unprocessable(&format!("Invalid request.\n\n{error}")))
    }

    /// One page of a list, with its `Link` header.
    pub(super) fn page(&self, api_url: &str, items: Vec<Value>) -> Answer {
        let (items, link) = self.slice(api_url, items);
        let mut answer = Answer::json(200, Value::Array(items));
        answer.headers.extend(link);
        answer
    }

    /// One page of a list that stands in an object beside its `total_count`.
    pub(super) fn counted_page(&self, api_url: &str, key: &str, items: Vec<Value>) -> Answer {
        let total = items.len();
        let (items, link) = self.slice(api_url, items);
        let mut answer = Answer::json(200, json!({"total_count": total, key: items}));
        answer.headers.extend(link);
        answer
    }

    fn slice(&self, api_url: &str, items: Vec<Value>) -> (Vec<Value>, Option<(&'static str, String)>) {
        let per_page = self.per_page();
        let page = self.query("page").and_then(|text| text.parse::<usize>().ok()).unwrap_or(1).max(1);
        let last = items.len().div_ceil(per_page).max(1);
        let kept = items.into_iter().skip((page - 1).saturating_mul(per_page)).take(per_page).collect();
        let others: Vec<(&str, &str)> =
            self.query.iter().filter(|(key, _)| key != "page").map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let link = |number: usize, relation: &str| {
            let number = number.to_string();
            let pairs = others.iter().copied().chain([("page", number.as_str())]);
            format!("<{api_url}{}?{}>; rel=\"{relation}\"", self.path, super::encode::query(pairs))
        };
        let mut links = Vec::new();
        if page > 1 {
            links.extend([link(page - 1, "prev"), link(1, "first")]);
        }
        if page < last {
            links.extend([link(page + 1, "next"), link(last, "last")]);
        }
        (kept, (!links.is_empty()).then(|| ("link", links.join(", "))))
    }

    /// `per_page`: 30 unless told, at most 100.
    pub(super) fn per_page(&self) -> usize {
        self.query("per_page").and_then(|text| text.parse::<usize>().ok()).unwrap_or(30).clamp(1, 100)
    }
}
