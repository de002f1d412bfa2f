//! One request to GitHub: sent through octocrab, tried again where that is safe, its refusals put into words.

use super::GitHub;
use crate::retry::{Asks, Attempt, asks};
use anyhow::{Context as _, anyhow, bail};
use chartrel_core::{Code, Refusal};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Limited};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::Mutex,
    time::{Duration, Instant},
};

/// The longest answer that is read, in bytes, unless a call says otherwise: a blob of 100 MiB is its largest, in base64 in JSON.
const ANSWER_LIMIT: usize = 160 * 1024 * 1024;
/// The most pages of a list that are read.
const PAGES: usize = 200;

/// What may follow when it is unknown whether GitHub processed a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Doing it twice is the same as once, or harmless.
    Safe,
    /// Only what GitHub surely did not process is sent again: the caller reads back first.
    Unprocessed,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub method: Method,
    /// Path and query below the API's URL, or a URL that the API itself gave (the next page).
    pub route: String,
    pub body: Option<Value>,
    pub accept: &'a str,
    /// Statuses beside 2xx that are an answer, not a failure.
    pub expect: &'a [u16],
    pub repeat: Repeat,
}

impl Call<'_> {
    pub(super) fn get(route: String) -> Self {
        Self { method: Method::GET, route, body: None, accept: "application/vnd.github+json", expect: &[], repeat: Repeat::Safe }
    }

    pub(super) fn send(method: Method, route: String, body: Value) -> Self {
        Self { method, body: Some(body), ..Self::get(route) }
    }

    pub(super) fn post(route: String, body: Value) -> Self {
        Self::send(Method::POST, route, body)
    }
}

/// What GitHub answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    asked: String,
}

#[derive(Deserialize)]
struct Complaint {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Value>,
}

impl Answer {
    /// The body as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_slice(&self.body).with_context(|| format!("GitHub's answer to {} is not what its API describes", self.asked))
    }

    /// GitHub's own words on what is wrong.
    pub(super) fn complaint(&self) -> String {
        let Ok(Complaint { message, errors }) = serde_json::from_slice(&self.body) else {
            return String::from_utf8_lossy(&self.body).trim().chars().take(300).collect();
        };
        let details = errors.iter().filter_map(|error| error.as_str().or_else(|| error.get("message")?.as_str()));
        std::iter::once(message.as_str()).chain(details).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
    }

    /// The failure that this answer is.
    pub(super) fn failure(&self) -> anyhow::Error {
        let said = format!("GitHub answered {} to {}: {}", self.status, self.asked, self.complaint());
        match self.status {
            401 => Refusal::new(Code::GithubUnauthorized, said, "pass a token that is valid now").into(),
            403 => {
                let wanted = self.headers.get("x-accepted-github-permissions").and_then(|value| value.to_str().ok());
                let help = match wanted {
                    Some(wanted) if !wanted.is_empty() => format!("the token needs `{wanted}`: add it to the job's `permissions`"),
                    _ => "give the job's token, or the App, the permission that this needs".to_owned(),
                };
                Refusal::new(Code::GithubForbidden, said, help).into()
            }
            _ => anyhow!(said),
        }
    }

    /// The URL of the next page, from the `Link` header (RFC 8288).
    fn next_page(&self) -> Option<String> {
        let link = self.headers.get("link")?.to_str().ok()?;
        link.split(',').find_map(|part| {
            let (url, parameters) = part.split_once(';')?;
            let is_next = parameters.split(';').any(|parameter| parameter.trim() == "rel=\"next\"");
            is_next.then(|| url.trim().trim_start_matches('<').trim_end_matches('>').to_owned())
        })
    }
}

impl GitHub {
    /// The route of something below the repository: `route("git/refs")`.
    pub(super) fn route(&self, rest: &str) -> String {
        format!("/repos/{}/{}/{rest}", self.repository.owner(), self.repository.name())
    }

    /// Sends a request, again where that is safe.
    ///
    /// # Errors
    /// A refusal for 401 and 403; the outside's failure for any other status that `call` does not expect.
    pub(super) async fn send(&self, call: Call<'_>) -> anyhow::Result<Answer> {
        let mut tries = self.patience.tries();
        loop {
            self.pace.wait_for(&call.method).await;
            if let Some(answer) = tries.settle(self.attempt(&call).await).await? {
                return Ok(answer);
            }
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Attempt<Answer> {
        let request = match request(call) {
            Ok(request) => request,
            Err(error) => return Attempt::Failed(error),
        };
        let answer = match self.exchange(request, call).await {
            Ok(answer) => answer,
            Err((error, was_sent)) if was_sent && call.repeat == Repeat::Unprocessed => return Attempt::Failed(error),
            Err((error, _)) => return Attempt::again(error),
        };
        if (200..300).contains(&answer.status) || call.expect.contains(&answer.status) {
            return Attempt::Done(answer);
        }
        match asks(answer.status, &answer.headers, &answer.body, &self.patience) {
            Asks::Wait(pause) => Attempt::Again { why: answer.failure(), pause: Some(pause) },
            Asks::TryAgain if call.repeat == Repeat::Safe => Attempt::again(answer.failure()),
            Asks::TryAgain | Asks::Nothing => Attempt::Failed(answer.failure()),
        }
    }

    /// Sends once. An error says whether the request may have reached GitHub.
    async fn exchange(&self, request: Request<String>, call: &Call<'_>) -> Result<Answer, (anyhow::Error, bool)> {
        let asked = format!("{} {}", call.method, call.route);
        let response = self.crab.execute(request).await.map_err(|error| {
            let was_sent = !is_connect(&error);
            (anyhow::Error::from(error).context(format!("no answer from GitHub to {asked}")), was_sent)
        })?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await;
        let body = body.map_err(|error| (anyhow!("GitHub's answer to {asked} broke off: {error}"), true))?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes().into(), asked })
    }

    /// All pages of a list, `read` taking the items out of each.
    pub(super) async fn pages<T>(&self, call: Call<'_>, read: impl Fn(&Answer) -> anyhow::Result<Vec<T>>) -> anyhow::Result<Vec<T>> {
        let mut items = Vec::new();
        let mut next = call;
        for _ in 0..PAGES {
            let answer = self.send(next.clone()).await?;
            if !(200..300).contains(&answer.status) {
                return Ok(items);
            }
            items.extend(read(&answer)?);
            let Some(route) = answer.next_page() else { return Ok(items) };
            next.route = self.own(&route)?;
        }
        bail!("GitHub's list at {} does not end", next.route)
    }

    /// A URL that GitHub gave, if it leads to the API itself: the token goes nowhere else.
    fn own(&self, url: &str) -> anyhow::Result<String> {
        let parsed: reqwest::Url = url.parse().context("GitHub gave a next page that is no URL")?;
        if parsed.origin() == self.api.origin() {
            Ok(url.to_owned())
        } else {
            bail!("GitHub gave a next page on another host: {}", crate::http::place(&parsed))
        }
    }
}

fn request(call: &Call<'_>) -> anyhow::Result<Request<String>> {
    let body = call.body.as_ref().map(Value::to_string);
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(&call.route)
        .header("accept", call.accept)
        .header("x-github-api-version", "2022-11-28");
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    request.body(body.unwrap_or_default()).with_context(|| format!("`{}` is not a route", call.route.escape_debug()))
}

/// Whether an error arose before a connection was there.
fn is_connect(error: &octocrab::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect) {
            return true;
        }
        if let Some(octocrab::Error::Service { source, .. }) = error.downcast_ref::<octocrab::Error>()
            && let Some(octocrab::Error::Reqwest { source, .. }) = source.downcast_ref::<octocrab::Error>()
        {
            return source.is_connect();
        }
        cause = error.source();
    }
    false
}

/// Keeps writes below GitHub's secondary limit of 80 content-making requests a minute ("Rate limits for the REST API").
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<VecDeque<Instant>>);

impl Pace {
    const A_MINUTE: usize = 70;

    async fn wait_for(&self, method: &Method) {
        if *method == Method::GET {
            return;
        }
        while let Some(pause) = self.book() {
            tokio::time::sleep(pause).await;
        }
    }

    /// Books a write now, or says how long to wait for one.
    fn book(&self) -> Option<Duration> {
        let minute = Duration::from_mins(1);
        let now = Instant::now();
        let mut writes = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while writes.front().is_some_and(|oldest| now.duration_since(*oldest) >= minute) {
            writes.pop_front();
        }
        match writes.front() {
            Some(oldest) if writes.len() >= Self::A_MINUTE => Some(minute.saturating_sub(now.duration_since(*oldest))),
            _ => {
                writes.push_back(now);
                None
            }
        }
    }
}

/// What stands for itself in a path segment (RFC 3986, `pchar`), without `%`.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A path with its segments encoded, its slashes kept.
pub(super) fn path(text: &str) -> String {
    text.split('/').map(|segment| utf8_percent_encode(segment, SEGMENT).to_string()).collect::<Vec<_>>().join("/")
}

/// A value of a query: everything but letters, digits, `-`, `.`, `_` and `~` encoded.
pub(super) fn query(text: &str) -> String {
    const VALUE: &AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, VALUE).to_string()
}
