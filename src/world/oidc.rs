//! The world's OIDC issuer: what GitHub's token service is for a workflow run.

use crate::server::{Server, Socket, now, random_hex};
use anyhow::Context as _;
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize, PublicKeyComponents},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey},
};
use axum::{
    Json, Router,
    extract::{Query, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Seconds a token is valid, as GitHub's are.
const TOKEN_LIFETIME: i64 = 300;
/// The one key's id in the JWKS.
const KEY_ID: &str = "world";

/// What GitHub says about a run in its token; every value is text, ids and numbers too.
///
/// Source: GitHub docs, "`OpenID` Connect reference", "OIDC token claims".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunClaims {
    /// `owner/repo/.github/workflows/<file>@<ref>` of the workflow that runs the job; with a reusable workflow, that one.
    pub job_workflow_ref: String,
    /// Commit of `job_workflow_ref`, 40 hex digits.
    pub job_workflow_sha: String,
    /// `owner/repo/.github/workflows/<file>@<ref>` of the workflow the event started.
    pub workflow_ref: String,
    /// Commit of `workflow_ref`, 40 hex digits.
    pub workflow_sha: String,
    /// `owner/repo` of the run.
    pub repository: String,
    /// The repository's number.
    pub repository_id: String,
    /// The owner's login.
    pub repository_owner: String,
    /// The owner's number.
    pub repository_owner_id: String,
    /// `public`, `private` or `internal`.
    pub repository_visibility: String,
    /// The ref of the run: `refs/heads/main`, `refs/pull/1/merge`.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// Commit of the run, 40 hex digits.
    pub sha: String,
    /// The event that started the run: `push`.
    pub event_name: String,
    /// The run's number.
    pub run_id: String,
    /// The attempt's number, from 1.
    pub run_attempt: String,
    /// `github-hosted` or `self-hosted`.
    pub runner_environment: String,
    /// The deployment environment the job runs in, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

impl RunClaims {
    /// The token's `sub`: `repo:<repository>:` and the environment, `pull_request` or the ref.
    pub fn subject(&self) -> String {
        let context = match (&self.environment, self.event_name.as_str()) {
            (Some(environment), _) => format!("environment:{environment}"),
            (None, "pull_request") => "pull_request".to_owned(),
            (None, _) => format!("ref:{}", self.git_ref),
        };
        format!("repo:{}:{context}", self.repository)
    }

    /// The workflow's name; in the world that is its file's, as for a workflow without `name:`.
    pub(crate) fn workflow(&self) -> &str {
        let path = self.workflow_ref.split('@').next().unwrap_or_default();
        path.splitn(3, '/').nth(2).unwrap_or(path)
    }
}

/// What a verified token says: who vouches, for which run.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The token's `iss`.
    pub(crate) issuer: String,
    /// The run.
    pub(crate) run: RunClaims,
}

/// The issuer as a relying party knows it: its URL and its public key.
#[derive(Debug, Clone)]
pub struct IdentityProvider {
    url: String,
    key: Arc<[u8]>,
}

impl IdentityProvider {
    /// The issuer's URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Checks a token's signature, issuer, audience and time.
    ///
    /// # Errors
    /// Which of them is wrong, or which claim is missing.
    pub(crate) fn verify(&self, token: &str, audience: &str) -> anyhow::Result<Identity> {
        let (signed, signature) = token.rsplit_once('.').context("not a JWT")?;
        let (header, payload) = signed.split_once('.').context("not a JWT")?;
        let header: Value = serde_json::from_slice(&BASE64URL.decode(header)?)?;
        anyhow::ensure!(header["alg"] == "RS256", "the token is not signed with RS256");
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.key)
            .verify(signed.as_bytes(), &BASE64URL.decode(signature)?)
            .ok()
            .context("the token's signature is wrong")?;
        let claims: Value = serde_json::from_slice(&BASE64URL.decode(payload)?)?;
        anyhow::ensure!(claims["iss"] == *self.url, "the token's issuer is not `{}`", self.url);
        anyhow::ensure!(claims["aud"] == *audience, "the token's audience is not `{audience}`");
        let at = now().timestamp();
        anyhow::ensure!(claims["nbf"].as_i64().is_some_and(|from| from <= at), "the token is not valid yet");
        anyhow::ensure!(claims["exp"].as_i64().is_some_and(|until| at < until), "the token has expired");
        let run = serde_json::from_value(claims).context("the token lacks a claim")?;
        Ok(Identity { issuer: self.url.clone(), run })
    }
}

struct Issuer {
    url: String,
    key: KeyPair,
    /// Bearer secret and run, by the id in the request URL.
    grants: Mutex<HashMap<String, (String, RunClaims)>>,
}

/// A running issuer.
///
/// Serves `/.well-known/openid-configuration`, `/.well-known/jwks` and the runner's token endpoint `/token`.
pub struct Oidc {
    issuer: Arc<Issuer>,
    _server: Server,
}

impl Oidc {
    /// Starts an issuer with a fresh RSA key.
    ///
    /// # Errors
    /// If no port or no randomness can be had.
    pub async fn start() -> anyhow::Result<Self> {
        let socket = Socket::bind().await?;
        let key = KeyPair::generate(KeySize::Rsa2048).ok().context("no RSA key could be made")?;
        let issuer = Arc::new(Issuer { url: socket.url(), key, grants: Mutex::default() });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/.well-known/jwks", get(keys))
            .route("/token", get(token))
            .with_state(Arc::clone(&issuer));
        Ok(Self { issuer, _server: socket.serve(routes) })
    }

    /// The issuer's URL, the `iss` of its tokens and the certificates' issuer.
    pub fn issuer(&self) -> String {
        self.issuer.url.clone()
    }

    /// What a Fulcio must know to check this issuer's tokens.
    pub fn identity_provider(&self) -> IdentityProvider {
        IdentityProvider { url: self.issuer(), key: self.issuer.key.public_key().as_ref().into() }
    }

    /// Gives a run the right to ask for tokens: the two variables that `id-token: write` sets.
    pub fn grant(&self, run: RunClaims) -> Vec<(String, String)> {
        let (id, secret) = (random_hex::<8>(), random_hex::<16>());
        let url = format!("{}/token?run={id}", self.issuer.url);
        let mut grants = self.issuer.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.insert(id, (secret.clone(), run));
        vec![("ACTIONS_ID_TOKEN_REQUEST_URL".into(), url), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN".into(), secret)]
    }
}

async fn configuration(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    Json(json!({
        "issuer": issuer.url,
        "jwks_uri": format!("{}/.well-known/jwks", issuer.url),
        "subject_types_supported": ["public", "pairwise"],
        "response_types_supported": ["id_token"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
    }))
}

async fn keys(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    let public: PublicKeyComponents<Vec<u8>> = issuer.key.public_key().into();
    let (modulus, exponent) = (BASE64URL.encode(public.n), BASE64URL.encode(public.e));
    Json(json!({ "keys": [{ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": modulus, "e": exponent }] }))
}

#[derive(Deserialize)]
struct TokenQuery {
    run: String,
    #[serde(default)]
    audience: Option<String>,
}

/// The runner's token endpoint: `GET <url>&audience=…` with a bearer token is answered by `{"value": "<jwt>"}`.
///
/// The scheme's case doesn't matter: cosign writes `bearer`.
async fn token(State(issuer): State<Arc<Issuer>>, Query(query): Query<TokenQuery>, headers: HeaderMap) -> Response {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
    let granted = issuer.grants.lock().unwrap_or_else(PoisonError::into_inner).get(&query.run).cloned();
    let run = match (bearer, granted) {
        (Some((scheme, secret)), Some((expected, run))) if scheme.eq_ignore_ascii_case("bearer") && secret == expected => run,
        _ => return (StatusCode::UNAUTHORIZED, "no such grant").into_response(),
    };
    let audience = query.audience.unwrap_or_else(|| format!("https://github.com/{}", run.repository_owner));
    match issuer.token(&run, &audience) {
        Ok(jwt) => Json(json!({ "value": jwt, "count": jwt.len() })).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}

impl Issuer {
    fn token(&self, run: &RunClaims, audience: &str) -> anyhow::Result<String> {
        let at = now().timestamp();
        let mut claims = serde_json::to_value(run)?;
        let ref_type = if run.git_ref.starts_with("refs/tags/") { "tag" } else { "branch" };
        let registered = json!({
            "iss": self.url, "aud": audience, "sub": run.subject(), "jti": random_hex::<16>(),
            "iat": at, "nbf": at, "exp": at + TOKEN_LIFETIME, "workflow": run.workflow(), "ref_type": ref_type,
        });
        if let (Some(claims), Value::Object(registered)) = (claims.as_object_mut(), registered) {
            claims.extend(registered);
        }
        let header = json!({ "alg": "RS256", "kid": KEY_ID, "typ": "JWT" });
        let signed = format!("{}.{}", BASE64URL.encode(header.to_string()), BASE64URL.encode(claims.to_string()));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .ok()
            .context("the token could not be signed")?;
        Ok(format!("{signed}.{}", BASE64URL.encode(signature)))
    }
}
