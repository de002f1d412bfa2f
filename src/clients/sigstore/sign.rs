//! Signing: one key and one certificate for each signature, then the log and the time stamp.

use super::{Oidc, SigningServices, TokenClaims, token};
use crate::{
    http,
    retry::{Attempt, Patience, within},
};
use anyhow::{Context as _, anyhow};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use sigstore_sign::{
    Error as Library, SigningContext, SigningServices as LibraryServices,
    bundle::BundleV03,
    crypto::{KeyPair, sha256},
    fulcio::FulcioClient,
    oidc::IdentityToken,
    tsa::TimestampClient,
    types::{
        Bundle, DerCertificate, DsseEnvelope, KeyId, PayloadBytes, SignatureBytes,
        bundle::SignatureContent,
        dsse::{DsseSignature, pae},
    },
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// The payload type of in-toto statements in DSSE.
pub(super) const IN_TOTO: &str = "application/vnd.in-toto+json";
/// One signature may take this long: a log of version 2 answers with its next checkpoint.
const DEADLINE: Duration = Duration::from_secs(90);

/// Signs as the run that it works in.
#[derive(Clone)]
pub struct Signer {
    services: SigningServices,
    oidc: Oidc,
    patience: Patience,
    token: Arc<Mutex<Option<IdentityToken>>>,
}

/// A signature over bytes that are no statement, with all that older tools want of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBlob {
    /// The bundle as JSON, v0.3.
    pub bundle: String,
    /// The signature: ASN.1 DER in base64, as a `.sig` file holds it.
    pub signature: String,
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The log's entry, where the log is of version 1: what cosign 2 needs.
    pub entry: Option<LogEntry>,
}

/// An entry of a log of version 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The entry's body, base64.
    pub body: String,
    /// When it was logged, seconds since 1970.
    pub integrated_time: i64,
    /// Its number in the log.
    pub log_index: i64,
    /// SHA-256 of the log's key, hex.
    pub log_id: String,
    /// The log's signature over all that, base64.
    pub signed_entry_timestamp: String,
}

impl Signer {
    /// A signer with services and an identity; nothing is asked of either yet.
    pub fn new(services: SigningServices, oidc: Oidc) -> Self {
        Self { services, oidc, patience: Patience::default(), token: Arc::default() }
    }

    /// The same signer with other patience.
    #[must_use]
    pub const fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Signs the bytes of an in-toto statement as they are. The bundle is JSON, v0.3, DSSE.
    ///
    /// # Errors
    /// `sigstore/no-id-token` when the job has no identity; else when a service does not answer, or refuses.
    pub async fn sign(&self, statement: &[u8]) -> anyhow::Result<String> {
        let bundle = self.again(async |token| self.statement(statement, token).await).await?;
        bundle.to_json().context("the bundle could not be written")
    }

    /// Signs bytes as they are, by their SHA-256.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub async fn sign_blob(&self, bytes: &[u8]) -> anyhow::Result<SignedBlob> {
        let bundle = self.again(async |token| self.blob(bytes, token).await).await?;
        signed_blob(&bundle)
    }

    /// What the run's token claims: who this will be in a certificate.
    ///
    /// # Errors
    /// `sigstore/no-id-token` when the job has no identity.
    pub async fn claims(&self) -> anyhow::Result<TokenClaims> {
        token::claims(&self.identity().await?)
    }

    /// A new key and certificate for each try, so that the log meets no entry twice.
    async fn again(&self, attempt: impl AsyncFn(IdentityToken) -> Result<Bundle, Library>) -> anyhow::Result<Bundle> {
        let mut tries = self.patience.tries();
        loop {
            let token = self.identity().await?;
            let made = within(DEADLINE, "signing", async { anyhow::Ok(attempt(token).await) }).await;
            let outcome = match made {
                Ok(Ok(bundle)) => Attempt::Done(bundle),
                Ok(Err(error)) if is_final(&error) => Attempt::Failed(anyhow!("{error}")),
                Ok(Err(error)) => Attempt::again(anyhow!("{error}")),
                Err(error) => Attempt::again(error),
            };
            if let Some(bundle) = tries.settle(outcome).await.with_context(|| format!("no signature by {}", self.services.authority()))? {
                return Ok(bundle);
            }
        }
    }

    /// The run's token, asked for again when it is about to expire.
    async fn identity(&self) -> anyhow::Result<IdentityToken> {
        let mut held = self.token.lock().await;
        if let Some(token) = held.as_ref().filter(|token| !expires_soon(token)) {
            return Ok(token.clone());
        }
        let token = self.oidc.token(self.patience).await?;
        *held = Some(token.clone());
        Ok(token)
    }

    async fn statement(&self, statement: &[u8], token: IdentityToken) -> Result<Bundle, Library> {
        if let Some(library) = self.library(&token)? {
            return library.sign_raw_statement(statement).await;
        }
        let (keys, certificate, client) = self.certificate(&token).await?;
        let signature = keys.sign(&pae(IN_TOTO, statement))?;
        let signed = DsseSignature::new(signature.clone(), KeyId::default());
        let envelope = DsseEnvelope::new(IN_TOTO.to_owned(), PayloadBytes::new(statement.to_vec()), signed);
        self.stamped(BundleV03::with_certificate_and_dsse(certificate, envelope), &signature, client).await
    }

    async fn blob(&self, bytes: &[u8], token: IdentityToken) -> Result<Bundle, Library> {
        if let Some(library) = self.library(&token)? {
            return library.sign(bytes).await;
        }
        let (keys, certificate, client) = self.certificate(&token).await?;
        let signature = keys.sign(bytes)?;
        let bundle = BundleV03::with_certificate_and_signature(certificate, signature.clone(), sha256(bytes));
        self.stamped(bundle, &signature, client).await
    }

    /// The library's own signer, which always logs; `None` for services without a log.
    fn library(&self, token: &IdentityToken) -> Result<Option<sigstore_sign::Signer>, Library> {
        let Some((log, version)) = &self.services.log else { return Ok(None) };
        let mut services = LibraryServices::new(&self.services.fulcio, log).with_rekor(log, *version);
        if let Some(time) = &self.services.time {
            services = services.with_tsa_url(time);
        }
        let context = SigningContext::new(services).with_http_client(client()?);
        Ok(Some(context.signer(token.clone())))
    }

    async fn certificate(&self, token: &IdentityToken) -> Result<(KeyPair, DerCertificate, reqwest::Client), Library> {
        let client = client()?;
        let keys = KeyPair::generate_ecdsa_p256()?;
        let authority = FulcioClient::builder(&self.services.fulcio).with_http_client(client.clone()).build()?;
        let issued = authority.create_signing_certificate(token, &keys).await?;
        Ok((keys, issued.leaf_certificate().clone(), client))
    }

    async fn stamped(&self, bundle: BundleV03, signature: &SignatureBytes, client: reqwest::Client) -> Result<Bundle, Library> {
        let Some(time) = &self.services.time else { return Ok(bundle.into_bundle()) };
        let stamps = TimestampClient::builder(time).with_http_client(client).build()?;
        Ok(bundle.with_rfc3161_timestamp(stamps.timestamp_signature(signature).await?).into_bundle())
    }
}

fn client() -> Result<reqwest::Client, Library> {
    http::client().map_err(|error| sigstore_sign::fulcio::Error::Http(format!("{error:#}")).into())
}

/// Whether a token has less than a minute left: a signature must be done before.
fn expires_soon(token: &IdentityToken) -> bool {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    token.expiration().as_second() < i64::try_from(now).unwrap_or(i64::MAX).saturating_add(60)
}

/// What no second try mends: our own input, or a service's clear no.
fn is_final(error: &Library) -> bool {
    let refused = |status: u16| (400..500).contains(&status) && status != 408 && status != 409 && status != 429;
    match error {
        Library::Fulcio(sigstore_sign::fulcio::Error::Status { status, .. })
        | Library::Rekor(sigstore_sign::rekor::Error::Status { status, .. }) => refused(*status),
        Library::Fulcio(_) | Library::Rekor(_) | Library::Tsa(_) => false,
        _ => true,
    }
}

/// The signature in a bundle over bytes: ASN.1 DER in base64, as a `.sig` file holds it.
///
/// # Errors
/// When the JSON is no bundle over bytes.
pub fn signature_of(bundle_json: &str) -> anyhow::Result<String> {
    let bundle = Bundle::from_json(bundle_json).context("the bundle cannot be read")?;
    Ok(signed_blob(&bundle)?.signature)
}

fn signed_blob(bundle: &Bundle) -> anyhow::Result<SignedBlob> {
    let certificate = bundle.signing_certificate().context("the bundle has no certificate")?;
    let SignatureContent::MessageSignature(signed) = &bundle.content else { return Err(anyhow!("the bundle signs no bytes")) };
    let entry = bundle.verification_material.tlog_entries.first().and_then(|entry| {
        let promise = entry.inclusion_promise.as_ref()?;
        Some(LogEntry {
            body: BASE64_STANDARD.encode(entry.canonicalized_body.as_bytes()),
            integrated_time: entry.integrated_time?.as_second(),
            log_index: entry.log_index.as_i64(),
            log_id: hex::encode(entry.log_id.key_id.as_bytes()),
            signed_entry_timestamp: BASE64_STANDARD.encode(promise.signed_entry_timestamp.as_bytes()),
        })
    });
    Ok(SignedBlob {
        bundle: bundle.to_json().context("the bundle could not be written")?,
        signature: BASE64_STANDARD.encode(signed.signature.as_bytes()),
        certificate_pem: certificate.to_pem(),
        entry,
    })
}
