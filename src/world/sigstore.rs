//! The world's Sigstore: Fulcio, a CT log, Rekor v1 and v2 and time stamps, with real keys and real proofs.

mod ca;
mod ct;
mod documents;
mod extensions;
mod fulcio;
mod key;
mod rekor_v1;
mod rekor_v2;
mod tree;
mod tsa;

use crate::{
    oidc::{Identity, IdentityProvider, RunClaims},
    server::{Server, Socket, now},
};
use axum::Router;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ca::Authority;
use chartrel_core::digest::Sha256;
use chrono::{DateTime, Utc};
use ct::CtLog;
use fulcio::Fulcio;
use key::SigningKey;
use rekor_v1::{RekorV1, pre_authentication_encoding};
use rekor_v2::RekorV2;
use serde_json::{Value, json};
use std::sync::Arc;
use tsa::Tsa;

/// The payload type of every statement.
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Which transparency logs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rekor {
    /// v1 alone, as GitHub's public-good flow uses it.
    V1,
    /// v2 alone; needs time stamps.
    V2,
    /// Both; a client prefers v2, `sign_as` v1.
    Both,
    /// None, as GitHub's instance for private repositories; needs time stamps.
    Neither,
}

/// What the instance consists of.
#[derive(Debug, Clone)]
pub struct Options {
    /// The transparency logs.
    pub rekor: Rekor,
    /// Whether certificates carry an SCT.
    pub with_ct: bool,
    /// Whether there are time stamps.
    pub tsa: bool,
    /// `O` of the CAs: gh chooses the trusted root by it, and treats `sigstore.dev` and `GitHub, Inc.` by rules of their own.
    pub organization: String,
    /// The one issuer whose tokens are believed.
    pub identity_provider: IdentityProvider,
}

impl Options {
    /// All there is, under the name `chartrel.local`.
    pub fn new(identity_provider: IdentityProvider) -> Self {
        Self { rekor: Rekor::Both, with_ct: true, tsa: true, organization: "chartrel.local".into(), identity_provider }
    }
}

/// A running instance; all services are on one port.
pub struct Sigstore {
    url: String,
    organization: String,
    fulcio: Arc<Fulcio>,
    rekor_v1: Option<Arc<RekorV1>>,
    rekor_v2: Option<Arc<RekorV2>>,
    tsa: Option<Arc<Tsa>>,
    _server: Server,
}

impl Sigstore {
    /// Starts an instance with fresh keys.
    ///
    /// # Errors
    /// If no port or no randomness can be had, or nothing would tell the time of a signature.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let has_v1 = matches!(options.rekor, Rekor::V1 | Rekor::Both);
        let has_v2 = matches!(options.rekor, Rekor::V2 | Rekor::Both);
        anyhow::ensure!(has_v1 || options.tsa, "without Rekor v1 only time stamps tell when a signature was made");
        let socket = Socket::bind().await?;
        let url = socket.url();
        let log = options.with_ct.then(CtLog::new).transpose()?.map(Arc::new);
        let mut authority = Authority::new(&options.organization, "fulcio")?;
        authority.log.clone_from(&log);
        let fulcio = Arc::new(Fulcio { authority, identity_provider: options.identity_provider });
        let rekor_v1 = has_v1.then(RekorV1::new).transpose()?.map(Arc::new);
        let rekor_v2 = has_v2.then(RekorV2::new).transpose()?.map(Arc::new);
        let tsa = options.tsa.then(|| Tsa::new(&options.organization)).transpose()?.map(Arc::new);
        let services = [
            Some(fulcio::routes(Arc::clone(&fulcio))),
            log.map(ct::routes),
            rekor_v1.clone().map(rekor_v1::routes),
            rekor_v2.clone().map(rekor_v2::routes),
            tsa.clone().map(tsa::routes),
        ];
        let routes = services.into_iter().flatten().fold(Router::new(), Router::merge);
        let server = socket.serve(routes);
        Ok(Self { url, organization: options.organization, fulcio, rekor_v1, rekor_v2, tsa, _server: server })
    }

    /// The URL of Fulcio, Rekor and the CT log; time stamps are at `/api/v1/timestamp` below it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The trusted root, as `sigstore-verify` and cosign read it.
    pub fn trusted_root(&self) -> String {
        documents::trusted_root(self).to_string()
    }

    /// The trusted root as gh reads it: one line, with its end.
    pub fn trusted_root_jsonl(&self) -> String {
        self.trusted_root() + "\n"
    }

    /// The signing config, as `sigstore-sign` and cosign read it.
    pub fn signing_config(&self) -> String {
        documents::signing_config(self).to_string()
    }

    /// Signs a statement as any run, at any time since 2020, with valid cryptography: a forger who holds the whole instance.
    ///
    /// Gives a bundle v0.3, made as a client makes it; without `at`, of now. Rekor v1 is used where there is one.
    ///
    /// # Errors
    /// If a claim can't be written into a certificate.
    pub fn sign_as(&self, run: &RunClaims, statement: &[u8], at: Option<DateTime<Utc>>) -> anyhow::Result<Value> {
        let at = at.unwrap_or_else(now);
        let issuer = self.fulcio.identity_provider.url().to_owned();
        let identity = Identity { issuer, run: run.clone() };
        let key = SigningKey::generate()?;
        let certificate = self.fulcio.authority.vouch(&identity, &key.spki()?, at)?;
        let signed = pre_authentication_encoding(IN_TOTO, statement);
        let signature = key.sign(&signed)?;
        let envelope = json!({
            "payload": BASE64.encode(statement), "payloadType": IN_TOTO, "signatures": [{ "sig": BASE64.encode(&signature) }],
        });
        let entry = match (&self.rekor_v1, &self.rekor_v2) {
            (Some(log), _) => Some(log.bundle_entry(&log.append_dsse(&envelope.to_string(), &certificate, at)?)),
            (None, Some(log)) => Some(log.append_signature(&Sha256::of(&signed), &signature, &certificate)?),
            (None, None) => None,
        };
        let stamp = self.tsa.as_ref().map(|tsa| tsa.stamp_signature(&signature, at)).transpose()?;
        let stamps: Vec<_> = stamp.iter().map(|stamp| json!({ "signedTimestamp": BASE64.encode(stamp) })).collect();
        Ok(json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": { "rawBytes": BASE64.encode(certificate) },
                "tlogEntries": entry.iter().collect::<Vec<_>>(),
                "timestampVerificationData": { "rfc3161Timestamps": stamps },
            },
            "dsseEnvelope": envelope,
        }))
    }
}
