//! Fulcio: a certificate for whoever holds a token and the key.

use super::{
    ca::Authority,
    key::{PublicKey, pem},
};
use crate::{
    oidc::IdentityProvider,
    server::{Problem, now},
};
use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The audience that a token for Fulcio must name.
const AUDIENCE: &str = "sigstore";

/// The CA, and the issuer it believes.
#[derive(Debug)]
pub(crate) struct Fulcio {
    pub(crate) authority: Authority,
    pub(crate) identity_provider: IdentityProvider,
}

/// Fulcio's HTTP API: `/api/v2` as sigstore-sign and cosign 3 call it, `/api/v1` as older cosigns do.
///
/// Source: Fulcio v1.8, fulcio.proto and pkg/server/legacy.go.
pub(crate) fn routes(fulcio: Arc<Fulcio>) -> Router {
    Router::new()
        .route("/api/v2/signingCert", post(signing_cert))
        .route("/api/v2/trustBundle", get(trust_bundle))
        .route("/api/v2/configuration", get(configuration))
        .route("/api/v1/signingCert", post(signing_cert_v1))
        .route("/api/v1/rootCert", get(root_cert_v1))
        .with_state(fulcio)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    credentials: Option<Credentials>,
    public_key_request: PublicKeyRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    oidc_identity_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyRequest {
    public_key: PublicKeyContent,
    proof_of_possession: String,
}

#[derive(Deserialize)]
struct PublicKeyContent {
    content: String,
}

/// v1 gives the key as base64 of DER and the proof under another name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestV1 {
    public_key: PublicKeyContent,
    signed_email_address: String,
}

async fn signing_cert(State(fulcio): State<Arc<Fulcio>>, headers: HeaderMap, Json(request): Json<Request>) -> Result<Json<Value>, Problem> {
    let token = request.credentials.map(|credentials| credentials.oidc_identity_token).or_else(|| bearer(&headers));
    let key = request.public_key_request.public_key.content;
    let (key, ..) = PublicKey::from_pem(key.as_bytes()).map_err(|error| Problem::bad(format!("publicKey: {error:#}")))?;
    let proof = decode("proofOfPossession", &request.public_key_request.proof_of_possession)?;
    let chain = fulcio.issue(token, &key, &proof)?;
    let kind = if fulcio.authority.log.is_some() { "signedCertificateEmbeddedSct" } else { "signedCertificateDetachedSct" };
    let mut certificate = json!({ "chain": { "certificates": chain } });
    if fulcio.authority.log.is_none() {
        // Fulcio without a log answers so; sigstore-fulcio insists on the field.
        certificate["signedCertificateTimestamp"] = json!("");
    }
    Ok(Json(json!({ kind: certificate })))
}

async fn signing_cert_v1(
    State(fulcio): State<Arc<Fulcio>>,
    headers: HeaderMap,
    Json(request): Json<RequestV1>,
) -> Result<Response, Problem> {
    let key = decode("publicKey", &request.public_key.content)?;
    let key = PublicKey::from_spki(&key).map_err(|error| Problem::bad(format!("publicKey: {error:#}")))?;
    let proof = decode("signedEmailAddress", &request.signed_email_address)?;
    let chain = fulcio.issue(bearer(&headers), &key, &proof)?;
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/pem-certificate-chain")], chain.concat()).into_response())
}

async fn root_cert_v1(State(fulcio): State<Arc<Fulcio>>) -> Result<Response, Problem> {
    let root = pem("CERTIFICATE", &fulcio.authority.certificate)?;
    Ok(([(header::CONTENT_TYPE, "application/pem-certificate-chain")], root).into_response())
}

async fn trust_bundle(State(fulcio): State<Arc<Fulcio>>) -> Result<Json<Value>, Problem> {
    let root = pem("CERTIFICATE", &fulcio.authority.certificate)?;
    Ok(Json(json!({ "chains": [{ "certificates": [root] }] })))
}

async fn configuration(State(fulcio): State<Arc<Fulcio>>) -> Json<Value> {
    Json(json!({ "issuers": [{
        "issuerUrl": fulcio.identity_provider.url(), "audience": AUDIENCE, "challengeClaim": "sub", "issuerType": "ci-provider",
    }] }))
}

impl Fulcio {
    /// Checks the token and that the caller holds the key, which signed the token's subject; gives the chain, leaf first.
    fn issue(&self, token: Option<String>, key: &PublicKey, proof: &[u8]) -> Result<Vec<String>, Problem> {
        let token = token.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "There was an error processing the credentials: none"))?;
        let identity = self.identity_provider.verify(&token, AUDIENCE).map_err(|error| {
            let message = format!("There was an error processing the identity token: {error:#}");
            Problem::new(StatusCode::UNAUTHORIZED, message)
        })?;
        let subject = identity.run.subject();
        key.verify(subject.as_bytes(), proof).map_err(|_| Problem::bad("The signature supplied in the request could not be verified"))?;
        let leaf = self.authority.vouch(&identity, &key.spki, now())?;
        Ok(vec![pem("CERTIFICATE", &leaf)?, pem("CERTIFICATE", &self.authority.certificate)?])
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.to_owned())
}

fn decode(field: &str, text: &str) -> Result<Vec<u8>, Problem> {
    BASE64.decode(text).map_err(|_| Problem::bad(format!("{field}: not base64")))
}
