//! Token auth, as Docker's registries do it: 401 names the realm, the realm gives a token for a scope.

use super::{Credentials, answer::Failure};
use crate::server::random_hex;
use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Seconds that clients may keep a token.
const LIFETIME: u32 = 300;

/// What somebody may do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// Read.
    Pull,
    /// Write.
    Push,
}

impl Right {
    fn word(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }
}

/// Gives tokens and asks for them.
///
/// Source: distribution, docs/spec/auth/token.md.
pub(super) struct Gate {
    credentials: Option<Credentials>,
    realm: String,
    /// Scopes `repository:<name>:<right>` by token.
    tokens: Mutex<HashMap<String, Vec<String>>>,
}

impl Gate {
    /// A gate that stands open if there are no credentials.
    pub(super) fn new(credentials: Option<Credentials>, host: &str) -> Self {
        Self { credentials, realm: format!("http://{host}/token"), tokens: Mutex::default() }
    }

    /// `GET /token?service=…&scope=repository:<name>:pull,push`, with basic auth or without.
    ///
    /// Wrong credentials are refused; without any, only what everybody may is given.
    pub(super) fn give(&self, query: &[(String, String)], headers: &HeaderMap) -> Response {
        let basic = authorization(headers, "basic").and_then(|text| BASE64.decode(text).ok());
        let expected = self.credentials.as_ref().map(|known| format!("{}:{}", known.username, known.secret).into_bytes());
        if basic.is_some() && basic != expected {
            return Failure::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "wrong user or password").into_response();
        }
        let scopes = query.iter().filter(|(key, _)| key == "scope").flat_map(|(_, scopes)| scopes.split(' '));
        let granted: Vec<String> = scopes
            .filter_map(|scope| scope.rsplit_once(':'))
            .flat_map(|(resource, rights)| rights.split(',').map(move |right| format!("{resource}:{right}")))
            .filter(|scope| basic.is_some() || scope.ends_with(":pull"))
            .collect();
        let token = random_hex::<16>();
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), granted);
        Json(json!({ "token": token, "access_token": token, "expires_in": LIFETIME })).into_response()
    }

    /// Checks that the token allows what is asked; `None` is the registry itself.
    pub(super) fn check(&self, headers: &HeaderMap, wanted: Option<(&str, Right)>) -> Result<(), Failure> {
        if self.credentials.is_none() {
            return Ok(());
        }
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = authorization(headers, "bearer").and_then(|token| tokens.get(token));
        let scope = wanted.map(|(name, right)| format!("repository:{name}:{}", right.word()));
        let allowed = granted.is_some_and(|granted| scope.as_ref().is_none_or(|scope| granted.contains(scope)));
        if allowed { Ok(()) } else { Err(self.challenge(wanted)) }
    }

    fn challenge(&self, wanted: Option<(&str, Right)>) -> Failure {
        let scope = match wanted {
            None => String::new(),
            Some((name, Right::Pull)) => format!(r#",scope="repository:{name}:pull""#),
            Some((name, Right::Push)) => format!(r#",scope="repository:{name}:pull,push""#),
        };
        let challenge = format!(r#"Bearer realm="{}",service="world"{scope}"#, self.realm);
        Failure::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required").with("www-authenticate", challenge)
    }
}

fn authorization<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let (scheme, value) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then_some(value)
}
