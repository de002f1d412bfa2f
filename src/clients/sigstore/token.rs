//! The identity that signs: an OIDC token of the run.

use super::services::checked;
use crate::{
    http,
    retry::{Asks, Attempt, Patience, asks},
};
use anyhow::{Context as _, anyhow};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use chartrel_core::{Code, Refusal};
use reqwest::Url;
use serde::Deserialize;
use sigstore_sign::oidc::IdentityToken;
use std::fmt;

/// Where the run's identity comes from; the variables of the environment, read by who starts the client.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Oidc {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub request_url: Option<String>,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub request_token: Option<String>,
    /// `SIGSTORE_ID_TOKEN`: a token that is already there (audience `sigstore`); it goes first.
    pub id_token: Option<String>,
}

/// The claims of GitHub's token that provenance repeats; verified by nobody here, the certificate is what counts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TokenClaims {
    /// Who issued it.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// The workflow that runs: `<owner>/<repo>/.github/workflows/<file>@<ref>`; empty where the issuer is not GitHub.
    #[serde(default)]
    pub job_workflow_ref: String,
    /// The commit of that workflow.
    #[serde(default)]
    pub job_workflow_sha: String,
    /// The top-level workflow of the run.
    #[serde(default)]
    pub workflow_ref: String,
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.id_token.is_some() { "given" } else { "requested" };
        write!(f, "Oidc({kind}, ***)")
    }
}

impl Oidc {
    /// A token with the audience `sigstore`.
    ///
    /// # Errors
    /// `sigstore/no-id-token` when the job may not have one; else when the endpoint does not answer with one.
    pub(super) async fn token(&self, patience: Patience) -> anyhow::Result<IdentityToken> {
        if let Some(token) = self.id_token.as_deref().filter(|token| !token.is_empty()) {
            return parse(token.trim());
        }
        let (Some(url), Some(secret)) = (self.request_url.as_deref(), self.request_token.as_deref()) else {
            return Err(none().into());
        };
        if url.is_empty() || secret.is_empty() {
            return Err(none().into());
        }
        let mut url = checked(url, "`ACTIONS_ID_TOKEN_REQUEST_URL`")?;
        url.query_pairs_mut().append_pair("audience", "sigstore");
        let mut tries = patience.tries();
        loop {
            if let Some(token) = tries.settle(ask(&url, secret, &patience).await).await? {
                return parse(&token);
            }
        }
    }
}

async fn ask(url: &Url, secret: &str, patience: &Patience) -> Attempt<String> {
    #[derive(Deserialize)]
    struct Answer {
        value: String,
    }
    let sent = match http::client() {
        Ok(client) => client.get(url.clone()).bearer_auth(secret).header("accept", "application/json").send().await,
        Err(error) => return Attempt::Failed(error),
    };
    let response = match sent {
        Ok(response) => response,
        Err(error) => {
            return Attempt::again(anyhow::Error::from(error.without_url()).context("the runner's token endpoint does not answer"));
        }
    };
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = match http::read(response, 64 * 1024).await {
        Ok(body) => body,
        Err(error) => return Attempt::again(error),
    };
    if status == 200 {
        let answer = serde_json::from_slice::<Answer>(&body).context("the runner's token endpoint answered without a token");
        return answer.map_or_else(Attempt::Failed, |answer| Attempt::Done(answer.value));
    }
    let why = anyhow!("the runner's token endpoint answered {status}");
    match asks(status, &headers, &body, patience) {
        Asks::Wait(pause) => Attempt::Again { why, pause: Some(pause) },
        Asks::TryAgain => Attempt::again(why),
        Asks::Nothing => Attempt::Failed(why),
    }
}

fn parse(token: &str) -> anyhow::Result<IdentityToken> {
    IdentityToken::from_jwt(token).map_err(|error| {
        let what = format!("the identity token cannot be used: {error}");
        Refusal::new(Code::SigstoreNoIdToken, what, "pass the token itself (three parts between dots), with the audience `sigstore`").into()
    })
}

pub(super) fn claims(token: &IdentityToken) -> anyhow::Result<TokenClaims> {
    let payload = token.expose_secret().split('.').nth(1).context("the identity token is no JWT")?;
    let json = BASE64_URL_SAFE_NO_PAD.decode(payload).context("the identity token is no JWT")?;
    serde_json::from_slice(&json).context("the identity token lacks claims")
}

fn none() -> Refusal {
    let what = "the job has no identity to sign with: `ACTIONS_ID_TOKEN_REQUEST_URL` is not set";
    let help = "add `id-token: write` and `attestations: write` below the job's `permissions:`; a pull request from a fork gets neither";
    Refusal::new(Code::SigstoreNoIdToken, what, help)
}
