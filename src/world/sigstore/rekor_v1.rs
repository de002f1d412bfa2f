//! Rekor v1: an entry comes back with its promise (SET), its inclusion proof and the log's checkpoint.

use super::{
    key::{PublicKey, SigningKey, pem},
    tree::{Tree, checkpoint, leaf_hash, signed_note},
};
use crate::server::{Problem, now};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chartrel_core::digest::Sha256;
use chrono::{DateTime, Utc};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// The tree's number, the first part of every entry's UUID.
const TREE_ID: i64 = 1;
/// The log's name on its notes; verifiers ignore it for v1.
const NAME: &str = "127.0.0.1";

/// The log.
#[derive(Debug)]
pub(crate) struct RekorV1 {
    key: SigningKey,
    /// The log's public key, in DER.
    pub(crate) spki: Vec<u8>,
    /// SHA-256 of the key: the log's id.
    pub(crate) id: Sha256,
    state: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    tree: Tree,
    entries: Vec<Entry>,
}

/// An entry as the log keeps it; the proof is the one that held when it was added.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    kind: &'static str,
    body: String,
    uuid: String,
    index: usize,
    integrated: i64,
    promise: String,
    size: usize,
    root: [u8; 32],
    hashes: Vec<[u8; 32]>,
    checkpoint: String,
}

/// The log's HTTP API.
///
/// Source: Rekor v1, openapi.yaml.
pub(crate) fn routes(log: Arc<RekorV1>) -> Router {
    Router::new()
        .route("/api/v1/log", get(information))
        .route("/api/v1/log/publicKey", get(public_key))
        .route("/api/v1/log/entries", post(create).get(by_index))
        .route("/api/v1/log/entries/{uuid}", get(by_uuid))
        .with_state(log)
}

async fn information(State(log): State<Arc<RekorV1>>) -> Result<Json<Value>, Problem> {
    let state = log.state.lock().unwrap_or_else(PoisonError::into_inner);
    let head = log.sign_tree(&state.tree)?;
    let (root, size) = (hex::encode(state.tree.root()), state.tree.size());
    Ok(Json(json!({ "rootHash": root, "signedTreeHead": head, "treeID": TREE_ID.to_string(), "treeSize": size, "inactiveShards": [] })))
}

async fn public_key(State(log): State<Arc<RekorV1>>) -> Result<Response, Problem> {
    Ok(([(header::CONTENT_TYPE, "application/x-pem-file")], pem("PUBLIC KEY", &log.spki)?).into_response())
}

/// Answers 201 with `{uuid: entry}`; the UUID is the `ETag` too, by which cosign finds the entry.
async fn create(State(log): State<Arc<RekorV1>>, Json(proposal): Json<Proposal>) -> Result<Response, Problem> {
    let (kind, body) = proposal.canonical().map_err(|error| Problem::bad(format!("error processing entry: {error:#}")))?;
    let entry = log.append(kind, &body, now())?;
    let location = format!("/api/v1/log/entries/{}", entry.uuid);
    let headers = [(header::LOCATION, location), (header::ETAG, entry.uuid.clone())];
    Ok((StatusCode::CREATED, headers, Json(log.answer(&entry))).into_response())
}

#[derive(Deserialize)]
struct ByIndex {
    #[serde(rename = "logIndex")]
    log_index: usize,
}

async fn by_index(State(log): State<Arc<RekorV1>>, Query(query): Query<ByIndex>) -> Result<Json<Value>, Problem> {
    log.find(|entry| entry.index == query.log_index)
}

async fn by_uuid(State(log): State<Arc<RekorV1>>, Path(uuid): Path<String>) -> Result<Json<Value>, Problem> {
    log.find(|entry| entry.uuid == uuid || entry.uuid.ends_with(&uuid) && uuid.len() == 64)
}

impl RekorV1 {
    /// Makes an empty log with a fresh key.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let key = SigningKey::generate()?;
        let spki = key.spki()?;
        let id = Sha256::of(&spki);
        Ok(Self { key, spki, id, state: Mutex::default() })
    }

    /// Adds a DSSE envelope signed by a certificate's key.
    pub(crate) fn append_dsse(&self, envelope: &str, certificate: &[u8], at: DateTime<Utc>) -> anyhow::Result<Entry> {
        let verifiers = vec![BASE64.encode(pem("CERTIFICATE", certificate)?)];
        let spec = DsseSpec { proposed_content: ProposedContent { envelope: envelope.to_owned(), verifiers } };
        let (kind, body) = Proposal::Dsse { spec }.canonical()?;
        self.append(kind, &body, at).map_err(|problem| anyhow::anyhow!("{problem:?}"))
    }

    /// Adds an entry, unless it is there (409).
    fn append(&self, kind: &'static str, body: &Value, at: DateTime<Utc>) -> Result<Entry, Problem> {
        let body = body.to_string();
        let uuid = format!("{TREE_ID:016x}{}", hex::encode(leaf_hash(body.as_bytes())));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.entries.iter().any(|entry| entry.uuid == uuid) {
            let message = format!("an equivalent entry already exists in the transparency log with UUID {uuid}");
            return Err(Problem::new(StatusCode::CONFLICT, message));
        }
        let index = state.tree.push(body.as_bytes());
        let body = BASE64.encode(body);
        let entry = Entry {
            kind,
            promise: self.promise(&body, index, at.timestamp())?,
            body,
            uuid,
            index,
            integrated: at.timestamp(),
            size: state.tree.size(),
            root: state.tree.root(),
            hashes: state.tree.path(index),
            checkpoint: self.sign_tree(&state.tree)?,
        };
        state.entries.push(entry.clone());
        Ok(entry)
    }

    /// The signed entry timestamp: a signature over the entry's canonical JSON (RFC 8785; the keys are in order).
    fn promise(&self, body: &str, index: usize, integrated: i64) -> anyhow::Result<String> {
        let id = self.id.hex();
        let signed = format!(r#"{{"body":"{body}","integratedTime":{integrated},"logID":"{id}","logIndex":{index}}}"#);
        Ok(BASE64.encode(self.key.sign(signed.as_bytes())?))
    }

    fn sign_tree(&self, tree: &Tree) -> anyhow::Result<String> {
        let text = checkpoint(&format!("{NAME} - {TREE_ID}"), tree);
        let (hint, _) = self.id.bytes().split_at(4);
        Ok(signed_note(&text, NAME, hint, &self.key.sign(text.as_bytes())?))
    }

    fn find(&self, wanted: impl Fn(&Entry) -> bool) -> Result<Json<Value>, Problem> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = state.entries.iter().find(|entry| wanted(entry));
        entry.map(|entry| Json(self.answer(entry))).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "entry not found"))
    }

    fn answer(&self, entry: &Entry) -> Value {
        json!({ &entry.uuid: {
            "body": entry.body,
            "integratedTime": entry.integrated,
            "logID": self.id.hex(),
            "logIndex": entry.index,
            "verification": {
                "inclusionProof": {
                    "checkpoint": entry.checkpoint,
                    "hashes": entry.hashes.iter().map(hex::encode).collect::<Vec<_>>(),
                    "logIndex": entry.index,
                    "rootHash": hex::encode(entry.root),
                    "treeSize": entry.size,
                },
                "signedEntryTimestamp": entry.promise,
            },
        } })
    }

    /// The entry as a bundle holds it (`TransparencyLogEntry` of sigstore's protobuf-specs, as JSON).
    pub(crate) fn bundle_entry(&self, entry: &Entry) -> Value {
        json!({
            "logIndex": entry.index.to_string(),
            "logId": { "keyId": BASE64.encode(self.id.bytes()) },
            "kindVersion": { "kind": entry.kind, "version": "0.0.1" },
            "integratedTime": entry.integrated.to_string(),
            "inclusionPromise": { "signedEntryTimestamp": entry.promise },
            "inclusionProof": {
                "logIndex": entry.index.to_string(),
                "rootHash": BASE64.encode(entry.root),
                "treeSize": entry.size.to_string(),
                "hashes": entry.hashes.iter().map(|hash| BASE64.encode(hash)).collect::<Vec<_>>(),
                "checkpoint": { "envelope": entry.checkpoint },
            },
            "canonicalizedBody": entry.body,
        })
    }
}

/// What a client wants logged: `hashedrekord` or `dsse`, both 0.0.1.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Proposal {
    HashedRekord { spec: HashedRekordSpec },
    Dsse { spec: DsseSpec },
}

#[derive(Deserialize)]
struct HashedRekordSpec {
    data: Data,
    signature: Signature,
}

#[derive(Deserialize)]
struct Data {
    hash: Hash,
}

#[derive(Deserialize)]
struct Hash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signature {
    content: String,
    public_key: Content,
}

#[derive(Deserialize)]
struct Content {
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DsseSpec {
    proposed_content: ProposedContent,
}

/// The envelope's JSON as text, and base64 of PEM for each signer.
#[derive(Deserialize)]
struct ProposedContent {
    envelope: String,
    verifiers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

impl Proposal {
    /// Checks the signature; gives the kind and the body that is logged, its keys in order.
    fn canonical(self) -> anyhow::Result<(&'static str, Value)> {
        match self {
            Self::HashedRekord { spec } => Ok(("hashedrekord", spec.canonical()?)),
            Self::Dsse { spec } => Ok(("dsse", spec.proposed_content.canonical()?)),
        }
    }
}

impl HashedRekordSpec {
    fn canonical(self) -> anyhow::Result<Value> {
        anyhow::ensure!(self.data.hash.algorithm == "sha256", "only sha256 is known here");
        let (key, verifier) = verifier(&self.signature.public_key.content)?;
        key.verify_digest(&hex::decode(&self.data.hash.value)?, &BASE64.decode(&self.signature.content)?)?;
        Ok(json!({ "apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
            "data": { "hash": { "algorithm": "sha256", "value": self.data.hash.value } },
            "signature": { "content": self.signature.content, "publicKey": { "content": verifier } },
        } }))
    }
}

impl ProposedContent {
    fn canonical(&self) -> anyhow::Result<Value> {
        let envelope: Envelope = serde_json::from_str(&self.envelope)?;
        let payload = BASE64.decode(&envelope.payload)?;
        let ([signature], [signer]) = (envelope.signatures.as_slice(), self.verifiers.as_slice()) else {
            anyhow::bail!("exactly one signature and one verifier are expected");
        };
        let (key, verifier) = verifier(signer)?;
        key.verify(&pre_authentication_encoding(&envelope.payload_type, &payload), &BASE64.decode(&signature.sig)?)?;
        Ok(json!({ "apiVersion": "0.0.1", "kind": "dsse", "spec": {
            "envelopeHash": { "algorithm": "sha256", "value": Sha256::of(&self.envelope).hex() },
            "payloadHash": { "algorithm": "sha256", "value": Sha256::of(payload).hex() },
            "signatures": [{ "signature": signature.sig, "verifier": verifier }],
        } }))
    }
}

/// Reads base64 of PEM; gives the key and the same in canonical PEM, in base64 again.
fn verifier(base64: &str) -> anyhow::Result<(PublicKey, String)> {
    let (key, label, der) = PublicKey::from_pem(&BASE64.decode(base64)?)?;
    Ok((key, BASE64.encode(pem(label, &der)?)))
}

/// What a DSSE signature is over (DSSE protocol, "PAE").
pub(crate) fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}
