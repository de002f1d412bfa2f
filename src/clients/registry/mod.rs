//! An OCI registry: blobs, manifests, referrers.
//!
//! oci-client authenticates and moves blobs; manifests are sent and read here, because it has no limit on what it reads, writes no
//! fallback tag, and panics when a registry answers a manifest pushed by digest without `Location`.

mod manifests;
mod referrers;
mod transport;

pub use referrers::{Attachment, Referrer};

use crate::{
    http::{self, is_loopback_host},
    retry::Patience,
};
use anyhow::{Context as _, bail};
use chartrel_core::{Code, Refusal, Sha256};
use oci_client::{
    Client, Reference, RegistryOperation,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    secrets::RegistryAuth,
};
use std::{fmt, io, pin::Pin, sync::Arc, task, time::Duration};
use tokio::io::AsyncWrite;
use transport::{Tokens, outcome};

/// A registry and a namespace in it, as some user.
#[derive(Clone)]
pub struct Registry {
    client: Arc<Client>,
    http: reqwest::Client,
    host: String,
    namespace: String,
    auth: RegistryAuth,
    patience: Patience,
    tokens: Arc<Tokens>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({}/{})", self.host, self.namespace)
    }
}

impl Registry {
    /// A client of `host/namespace` (`ghcr.io/acme/charts`), with a user and a secret, or anonymously. Plain HTTP on loopback alone.
    ///
    /// # Errors
    /// `input/invalid` when it is not a host and a lower-case path.
    pub fn new(host_and_namespace: &str, credentials: Option<(String, String)>) -> anyhow::Result<Self> {
        let (host, namespace) = parse(host_and_namespace)?;
        let http = http::client()?;
        let bare = host.rsplit_once(':').map_or(host, |(bare, _)| bare);
        let protocol = if is_loopback_host(bare) { ClientProtocol::Http } else { ClientProtocol::Https };
        let roots = http::roots_in_place_of_the_systems();
        let tls_certs_only = roots.iter().map(|der| Certificate { encoding: CertificateEncoding::Der, data: der.to_vec() }).collect();
        let config = ClientConfig {
            protocol,
            tls_certs_only,
            read_timeout: Some(Duration::from_mins(1)),
            connect_timeout: Some(Duration::from_secs(10)),
            user_agent: concat!("chartrel/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let auth = credentials.map_or(RegistryAuth::Anonymous, |(user, secret)| RegistryAuth::Basic(user, secret));
        Ok(Self {
            client: Arc::new(Client::try_from(config).context("the registry's client could not be set up")?),
            http,
            host: host.to_owned(),
            namespace: namespace.to_owned(),
            auth,
            patience: Patience::for_pushes(),
            tokens: Arc::default(),
        })
    }

    /// The same client with other patience.
    #[must_use]
    pub const fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// What a person calls a repository of it: `ghcr.io/acme/charts/nginx`.
    pub fn place(&self, name: &str) -> String {
        format!("{}/{}", self.host, self.path(name))
    }

    /// Stores a blob, unless it is there.
    ///
    /// # Errors
    /// `input/invalid` when the bytes are not those of the digest; `registry/unauthorized`; else when the registry does not take it.
    pub async fn push_blob(&self, name: &str, digest: &Sha256, bytes: &[u8]) -> anyhow::Result<()> {
        if Sha256::of(bytes) != *digest {
            bail!("a blob to push is not the one of `{digest}`");
        }
        if self.has_blob(name, digest).await? {
            return Ok(());
        }
        let at = self.reference(name, digest)?;
        let bytes = bytes::Bytes::copy_from_slice(bytes);
        let mut tries = self.patience.tries();
        loop {
            let attempt = match self.authorize(name, RegistryOperation::Push).await {
                Ok(_) => outcome(self.client.push_blob(&at, bytes.clone(), &digest.to_string()).await),
                Err(attempt) => attempt,
            };
            if tries.settle(attempt).await.with_context(|| format!("a blob could not be pushed to {}", self.place(name)))?.is_some() {
                return Ok(());
            }
            self.tokens.forget(name);
        }
    }

    /// Whether a blob is there.
    ///
    /// # Errors
    /// When the registry does not say.
    pub async fn has_blob(&self, name: &str, digest: &Sha256) -> anyhow::Result<bool> {
        let at = self.reference(name, digest)?;
        let mut tries = self.patience.tries();
        loop {
            let attempt = match self.authorize(name, RegistryOperation::Pull).await {
                Ok(_) => outcome(self.client.blob_exists(&at, &digest.to_string()).await),
                Err(attempt) => attempt,
            };
            if let Some(is_there) = tries.settle(attempt).await.with_context(|| format!("{} does not answer", self.place(name)))? {
                return Ok(is_there);
            }
        }
    }

    /// A blob's bytes, at most `limit`; they are those of the digest.
    ///
    /// # Errors
    /// When there is no such blob, it is larger, or other bytes come.
    pub async fn pull_blob(&self, name: &str, digest: &Sha256, limit: usize) -> anyhow::Result<Vec<u8>> {
        let at = self.reference(name, digest)?;
        let mut tries = self.patience.tries();
        loop {
            let attempt = match self.authorize(name, RegistryOperation::Pull).await {
                Ok(_) => {
                    let mut held = Bounded { bytes: Vec::new(), limit };
                    outcome(self.client.pull_blob(&at, digest.to_string().as_str(), &mut held).await.map(|()| held.bytes))
                }
                Err(attempt) => attempt,
            };
            if let Some(bytes) = tries.settle(attempt).await.with_context(|| format!("`{digest}` of {}", self.place(name)))? {
                return Ok(bytes);
            }
        }
    }

    fn path(&self, name: &str) -> String {
        if name.is_empty() { self.namespace.clone() } else { format!("{}/{name}", self.namespace) }
    }

    fn reference(&self, name: &str, digest: &Sha256) -> Result<Reference, Refusal> {
        let path = self.path(name);
        if !is_path(&path) {
            return Err(refuse(&path));
        }
        Ok(Reference::with_digest(self.host.clone(), path, digest.to_string()))
    }
}

/// Bytes up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut task::Context<'_>, more: &[u8]) -> task::Poll<io::Result<usize>> {
        if self.bytes.len() + more.len() > self.limit {
            let why = format!("the blob is larger than {} bytes", self.limit);
            return task::Poll::Ready(Err(io::Error::new(io::ErrorKind::FileTooLarge, why)));
        }
        self.bytes.extend_from_slice(more);
        task::Poll::Ready(Ok(more.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> task::Poll<io::Result<()>> {
        task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> task::Poll<io::Result<()>> {
        task::Poll::Ready(Ok(()))
    }
}

fn parse(text: &str) -> Result<(&str, &str), Refusal> {
    let bare = text.strip_prefix("oci://").unwrap_or(text).trim_end_matches('/');
    let is_host = |host: &str| {
        (host.contains('.') || host.contains(':') || host == "localhost")
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
    };
    match bare.split_once('/') {
        Some((host, path)) if is_host(host) && is_path(path) => Ok((host, path)),
        _ => Err(refuse(text)),
    }
}

/// OCI distribution-spec 1.1, "Pulling manifests": `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` between slashes.
fn is_path(path: &str) -> bool {
    path.len() <= 255
        && path.split('/').all(|part| {
            let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
            let ends_well = part.bytes().next().is_some_and(is_plain) && part.bytes().last().is_some_and(is_plain);
            ends_well && part.bytes().all(|b| is_plain(b) || b"._-".contains(&b)) && !part.contains("..")
        })
}

fn refuse(text: &str) -> Refusal {
    let what = format!("`{}` is not a registry with a namespace", text.escape_debug());
    Refusal::new(Code::InputInvalid, what, "write it as `ghcr.io/owner/charts`, in lower case")
}
