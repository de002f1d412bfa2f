//! The Certificate Transparency log: signed timestamps (SCT) for certificates that are about to be made.

use super::key::SigningKey;
use crate::server::{Problem, now};
use axum::{Json, Router, extract::State, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chartrel_core::digest::Sha256;
use chrono::{DateTime, Utc};
use const_oid::db::rfc6962::{CT_PRECERT_POISON, CT_PRECERT_SCTS};
use der::{Decode as _, Encode as _, asn1::OctetString};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use x509_cert::{Certificate, ext::Extension};

/// `SignatureAndHashAlgorithm` sha256 (4), ecdsa (3): RFC 5246 §7.4.1.4.1.
const SHA256_ECDSA: [u8; 2] = [4, 3];

/// A log that promises to include what it is shown.
#[derive(Debug)]
pub(crate) struct CtLog {
    key: SigningKey,
    /// The log's public key, in DER.
    pub(crate) spki: Vec<u8>,
    /// SHA-256 of the key: the log's id (RFC 6962 §3.2).
    pub(crate) id: Sha256,
}

impl CtLog {
    /// Makes a log with a fresh key.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let key = SigningKey::generate()?;
        let spki = key.spki()?;
        let id = Sha256::of(&spki);
        Ok(Self { key, spki, id })
    }

    /// The extension that carries one SCT for a certificate without it.
    ///
    /// `tbs` is the certificate's signed part in DER; `issuer` the issuer's `SubjectPublicKeyInfo`.
    pub(crate) fn embed(&self, tbs: &[u8], issuer: &[u8], at: DateTime<Utc>) -> anyhow::Result<Extension> {
        let sct = [&[0][..], self.id.bytes(), &at.timestamp_millis().to_be_bytes(), &[0, 0], &self.sign(tbs, issuer, at)?].concat();
        let list = [&u16::try_from(sct.len())?.to_be_bytes()[..], &sct].concat();
        let list = [&u16::try_from(list.len())?.to_be_bytes()[..], &list].concat();
        let value = OctetString::new(list)?.to_der()?;
        Ok(Extension { extn_id: CT_PRECERT_SCTS, critical: false, extn_value: OctetString::new(value)? })
    }

    /// The `digitally-signed` structure over a precertificate: algorithm, length, signature (RFC 6962 §3.2).
    fn sign(&self, tbs: &[u8], issuer: &[u8], at: DateTime<Utc>) -> anyhow::Result<Vec<u8>> {
        let length = u32::try_from(tbs.len())?.to_be_bytes();
        let (version, certificate_timestamp, precert_entry, no_extensions) = ([0], [0], [0, 1], [0, 0]);
        let signed = [
            &version[..],
            &certificate_timestamp,
            &at.timestamp_millis().to_be_bytes(),
            &precert_entry,
            Sha256::of(issuer).bytes(),
            length.split_at(1).1,
            tbs,
            &no_extensions,
        ]
        .concat();
        let signature = self.key.sign(&signed)?;
        Ok([&SHA256_ECDSA[..], &u16::try_from(signature.len())?.to_be_bytes(), &signature].concat())
    }
}

/// The log's route, for a Fulcio that isn't the world's own.
pub(crate) fn routes(log: Arc<CtLog>) -> Router {
    Router::new().route("/ct/v1/add-pre-chain", post(add_pre_chain)).with_state(log)
}

#[derive(Deserialize)]
struct Chain {
    chain: Vec<String>,
}

/// `POST /ct/v1/add-pre-chain` `{"chain": [precertificate, issuer, …]}`, each base64 of DER (RFC 6962 §4.2).
async fn add_pre_chain(State(log): State<Arc<CtLog>>, Json(request): Json<Chain>) -> Result<Json<Value>, Problem> {
    let [precertificate, issuer, ..] = request.chain.as_slice() else {
        return Err(Problem::bad("the chain holds no issuer"));
    };
    let (tbs, issuer) = without_poison(precertificate, issuer).map_err(|error| Problem::bad(format!("{error:#}")))?;
    let at = now();
    let signature = BASE64.encode(log.sign(&tbs, &issuer, at)?);
    let id = BASE64.encode(log.id.bytes());
    Ok(Json(json!({ "sct_version": 0, "id": id, "timestamp": at.timestamp_millis(), "extensions": "", "signature": signature })))
}

/// The signed part without the poison, and the issuer's key.
fn without_poison(precertificate: &str, issuer: &str) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    let mut tbs = Certificate::from_der(&BASE64.decode(precertificate)?)?.tbs_certificate;
    let extensions = tbs.extensions.get_or_insert_default();
    let before = extensions.len();
    extensions.retain(|extension| extension.extn_id != CT_PRECERT_POISON);
    anyhow::ensure!(extensions.len() + 1 == before, "not a precertificate");
    let issuer = Certificate::from_der(&BASE64.decode(issuer)?)?.tbs_certificate.subject_public_key_info;
    Ok((tbs.to_der()?, issuer.to_der()?))
}
