//! Rekor v2: a tile log that answers with an inclusion proof alone; time comes from the time stamps.

use super::{
    key::PublicKey,
    tree::{Tree, checkpoint, signed_note},
};
use crate::server::Problem;
use anyhow::Context as _;
use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chartrel_core::digest::Sha256;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// Verifiers take the host of the log's URL as its origin, without a port: on loopback always this.
const ORIGIN: &str = "127.0.0.1";
/// The algorithm id of Ed25519 in a signed note (C2SP signed-note).
const ED25519: u8 = 1;

/// The log.
pub(crate) struct RekorV2 {
    key: Ed25519KeyPair,
    /// The log's public key, in DER.
    pub(crate) spki: Vec<u8>,
    /// The log's id: SHA-256 of origin, newline, algorithm and key (C2SP signed-note, "Key ID", here in full length).
    pub(crate) id: Sha256,
    tree: Mutex<Tree>,
}

/// The log's HTTP API.
///
/// Source: rekor-tiles v2, `rekor_service.proto`; C2SP tlog-tiles for the checkpoint.
pub(crate) fn routes(log: Arc<RekorV2>) -> Router {
    Router::new().route("/api/v2/log/entries", post(create)).route("/api/v2/checkpoint", get(current_checkpoint)).with_state(log)
}

async fn create(State(log): State<Arc<RekorV2>>, Json(request): Json<Request>) -> Result<Response, Problem> {
    let request = request.hashed_rekord_request_v002;
    let body = request.canonical().map_err(|error| Problem::bad(format!("invalid hashedrekord: {error:#}")))?;
    Ok((StatusCode::CREATED, Json(log.append(&body))).into_response())
}

async fn current_checkpoint(State(log): State<Arc<RekorV2>>) -> Response {
    let note = log.sign_tree(&log.tree.lock().unwrap_or_else(PoisonError::into_inner));
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response()
}

impl RekorV2 {
    /// Makes an empty log with a fresh Ed25519 key.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let key = Ed25519KeyPair::generate().ok().context("no Ed25519 key could be made")?;
        let spki = AsDer::<PublicKeyX509Der>::as_der(key.public_key()).ok().context("the key could not be encoded")?;
        let spki = spki.as_ref().to_vec();
        let id = Sha256::of([ORIGIN.as_bytes(), b"\n", &[ED25519], key.public_key().as_ref()].concat());
        Ok(Self { key, spki, id, tree: Mutex::default() })
    }

    /// Adds a DSSE envelope's signature, as `hashedrekord` over what it signs: this log has no kind for envelopes.
    pub(crate) fn append_signature(&self, digest: &Sha256, signature: &[u8], certificate: &[u8]) -> anyhow::Result<Value> {
        let x509_certificate = Some(Raw { raw_bytes: BASE64.encode(certificate) });
        let verifier = Verifier { key_details: P256.to_owned(), x509_certificate, public_key: None };
        let signature = Signature { content: BASE64.encode(signature), verifier };
        let request = HashedRekord { digest: BASE64.encode(digest.bytes()), signature };
        Ok(self.append(&request.canonical()?))
    }

    /// Adds an entry; gives it as a bundle holds it.
    fn append(&self, body: &Value) -> Value {
        let body = body.to_string();
        let mut tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        let index = tree.push(body.as_bytes());
        json!({
            "logIndex": index.to_string(),
            "logId": { "keyId": BASE64.encode(self.id.bytes()) },
            "kindVersion": { "kind": "hashedrekord", "version": "0.0.2" },
            "inclusionProof": {
                "logIndex": index.to_string(),
                "rootHash": BASE64.encode(tree.root()),
                "treeSize": tree.size().to_string(),
                "hashes": tree.path(index).iter().map(|hash| BASE64.encode(hash)).collect::<Vec<_>>(),
                "checkpoint": { "envelope": self.sign_tree(&tree) },
            },
            "canonicalizedBody": BASE64.encode(body),
        })
    }

    fn sign_tree(&self, tree: &Tree) -> String {
        let text = checkpoint(ORIGIN, tree);
        let (hint, _) = self.id.bytes().split_at(4);
        signed_note(&text, ORIGIN, hint, self.key.sign(text.as_bytes()).as_ref())
    }
}

/// The one key type that clients use, as protobuf-specs name it.
const P256: &str = "PKIX_ECDSA_P256_SHA_256";

#[derive(Deserialize)]
struct Request {
    #[serde(rename = "hashedRekordRequestV002")]
    hashed_rekord_request_v002: HashedRekord,
}

#[derive(Deserialize)]
struct HashedRekord {
    digest: String,
    signature: Signature,
}

#[derive(Deserialize)]
struct Signature {
    content: String,
    verifier: Verifier,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verifier {
    key_details: String,
    x509_certificate: Option<Raw>,
    public_key: Option<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    raw_bytes: String,
}

impl HashedRekord {
    /// Checks the signature; gives the body that is logged, its keys in order.
    fn canonical(&self) -> anyhow::Result<Value> {
        let verifier = &self.signature.verifier;
        anyhow::ensure!(verifier.key_details == P256, "only {P256} is known here");
        let (name, raw, key) = match (&verifier.x509_certificate, &verifier.public_key) {
            (Some(raw), None) => ("x509Certificate", raw, PublicKey::from_certificate(&BASE64.decode(&raw.raw_bytes)?)?),
            (None, Some(raw)) => ("publicKey", raw, PublicKey::from_spki(&BASE64.decode(&raw.raw_bytes)?)?),
            _ => anyhow::bail!("exactly one verifier is expected"),
        };
        key.verify_digest(&BASE64.decode(&self.digest)?, &BASE64.decode(&self.signature.content)?)?;
        Ok(json!({ "apiVersion": "0.0.2", "kind": "hashedrekord", "spec": { "hashedRekordV002": {
            "data": { "algorithm": "SHA2_256", "digest": self.digest },
            "signature": {
                "content": self.signature.content,
                "verifier": { "keyDetails": P256, name: { "rawBytes": raw.raw_bytes } },
            },
        } } }))
    }
}
