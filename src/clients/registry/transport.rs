//! Tokens, and the requests that oci-client does not make.

use super::Registry;
use crate::{
    http::{self, place},
    retry::{Asks, Attempt, asks},
};
use anyhow::anyhow;
use chartrel_core::{Code, Refusal, Sha256};
use oci_client::{
    RegistryOperation,
    errors::{OciDistributionError, OciErrorCode},
    secrets::RegistryAuth,
};
use reqwest::{Method, header::HeaderMap};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A token serves at least a minute (distribution's token specification, `expires_in`).
const SERVES: Duration = Duration::from_secs(45);

/// The tokens got so far, by repository and by what they allow.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<(String, bool), Granted>>);

/// What the registry asked of us when we came to it.
#[derive(Clone)]
struct Granted {
    /// `None` where it wants no token: it is open, or takes the password itself.
    token: Option<String>,
    since: Instant,
}

impl Tokens {
    fn get(&self, name: &str, is_push: bool) -> Option<Granted> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&(name.to_owned(), is_push)).filter(|granted| granted.since.elapsed() < SERVES).cloned()
    }

    fn put(&self, name: &str, is_push: bool, token: Option<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((name.to_owned(), is_push), Granted { token, since: Instant::now() });
    }

    /// Drops those of a repository, so that the next try asks anew.
    pub(super) fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(held, _), _| held != name);
    }
}

/// A request to a repository.
pub(super) struct Ask<'a> {
    pub method: Method,
    /// Below `/v2/<name>/`, with query.
    pub rest: String,
    pub headers: HeaderMap,
    pub body: &'a [u8],
    /// Statuses beside 2xx that are an answer.
    pub expect: &'a [u16],
    /// The longest answer, in bytes.
    pub limit: usize,
}

pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Registry {
    /// A bearer token for an operation; `None` where the registry wants none, or the password itself.
    pub(super) async fn authorize<T>(&self, name: &str, operation: RegistryOperation) -> Result<Option<String>, Attempt<T>> {
        let is_push = matches!(operation, RegistryOperation::Push);
        if let Some(granted) = self.tokens.get(name, is_push) {
            return Ok(granted.token);
        }
        let at = self.reference(name, &Sha256::of("")).map_err(|refusal| Attempt::Failed(refusal.into()))?;
        match outcome(self.client.auth(&at, &self.auth, operation).await) {
            Attempt::Done(token) => {
                self.tokens.put(name, is_push, token.clone());
                Ok(token)
            }
            Attempt::Again { why, pause } => Err(Attempt::Again { why, pause }),
            Attempt::Failed(error) => Err(Attempt::Failed(error)),
        }
    }

    /// Sends a request, again where the registry asks for it.
    pub(super) async fn ask(&self, name: &str, ask: &Ask<'_>) -> anyhow::Result<Answer> {
        let mut tries = self.patience.tries();
        loop {
            if let Some(answer) = tries.settle(self.ask_once(name, ask).await).await? {
                return Ok(answer);
            }
            self.tokens.forget(name);
        }
    }

    async fn ask_once(&self, name: &str, ask: &Ask<'_>) -> Attempt<Answer> {
        let operation = if ask.method == Method::GET { RegistryOperation::Pull } else { RegistryOperation::Push };
        let token = match self.authorize(name, operation).await {
            Ok(token) => token,
            Err(attempt) => return attempt,
        };
        let scheme = if self.is_plain() { "http" } else { "https" };
        let url = format!("{scheme}://{}/v2/{}/{}", self.host, self.path(name), ask.rest);
        let mut request = self.http.request(ask.method.clone(), &url).headers(ask.headers.clone());
        request = match (token, &self.auth) {
            (Some(token), _) => request.bearer_auth(token),
            (None, RegistryAuth::Basic(user, secret)) => request.basic_auth(user, Some(secret)),
            (None, _) => request,
        };
        if ask.method != Method::GET {
            request = request.body(ask.body.to_vec());
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Attempt::again(anyhow::Error::from(error)),
        };
        let (status, headers, url) = (response.status().as_u16(), response.headers().clone(), place(response.url()));
        let body = match http::read(response, ask.limit).await {
            Ok(body) => body,
            Err(error) => return Attempt::Failed(error),
        };
        if (200..300).contains(&status) || ask.expect.contains(&status) {
            return Attempt::Done(Answer { status, headers, body });
        }
        let said = String::from_utf8_lossy(&body).trim().chars().take(300).collect::<String>();
        match asks(status, &headers, &body, &self.patience) {
            Asks::Wait(pause) => Attempt::Again { why: anyhow!("{url} answered {status}"), pause: Some(pause) },
            Asks::TryAgain => Attempt::again(anyhow!("{url} answered {status}: {said}")),
            Asks::Nothing if status == 401 || status == 403 => Attempt::Failed(unauthorized(&url, &said).into()),
            Asks::Nothing => Attempt::Failed(anyhow!("{url} answered {status}: {said}")),
        }
    }

    fn is_plain(&self) -> bool {
        http::is_loopback_host(self.host.rsplit_once(':').map_or(self.host.as_str(), |(bare, _)| bare))
    }
}

/// What an answer of oci-client means for another try.
pub(super) fn outcome<T>(result: Result<T, OciDistributionError>) -> Attempt<T> {
    let error = match result {
        Ok(value) => return Attempt::Done(value),
        Err(error) => error,
    };
    match &error {
        OciDistributionError::AuthenticationFailure(said) => Attempt::Failed(unauthorized("its token server", said).into()),
        OciDistributionError::UnauthorizedError { url } => Attempt::Failed(unauthorized(url, "401").into()),
        OciDistributionError::RequestError(failed) => match failed.status().map(|status| status.as_u16()) {
            Some(status @ (401 | 403)) => Attempt::Failed(unauthorized("it", &status.to_string()).into()),
            Some(status) if status != 408 && status != 429 && status < 500 => Attempt::Failed(error.into()),
            _ => Attempt::again(error.into()),
        },
        OciDistributionError::ServerError { code, .. } if *code == 408 || *code == 429 || *code >= 500 => Attempt::again(error.into()),
        OciDistributionError::RegistryError { envelope, url } => {
            let has = |code: &OciErrorCode| envelope.errors.iter().any(|one| one.code == *code);
            if has(&OciErrorCode::Toomanyrequests) {
                Attempt::again(error.into())
            } else if has(&OciErrorCode::Denied) || has(&OciErrorCode::Unauthorized) {
                Attempt::Failed(unauthorized(url, &envelope.to_string()).into())
            } else {
                Attempt::Failed(error.into())
            }
        }
        _ => Attempt::Failed(error.into()),
    }
}

fn unauthorized(where_from: &str, said: &str) -> Refusal {
    let what = format!("the registry does not let these credentials in ({where_from}): {}", said.escape_debug());
    let help = "pass a user and a token that may write packages; for GHCR add `packages: write` below the job's `permissions:`";
    Refusal::new(Code::RegistryUnauthorized, what, help)
}
