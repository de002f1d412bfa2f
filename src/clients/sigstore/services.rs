//! Where signatures are made: certificate authority, log, time stamps.

use crate::http::{is_loopback, place};
use chartrel_core::{Code, Refusal};
use reqwest::Url;
use sigstore_sign::{
    SigningServices as Library,
    rekor::RekorApiVersion,
    trust_root::{SIGSTORE_PRODUCTION_SIGNING_CONFIG, SigningConfig},
};

/// The services that a signature is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningServices {
    pub(super) fulcio: String,
    pub(super) log: Option<(String, RekorApiVersion)>,
    pub(super) time: Option<String>,
}

impl SigningServices {
    /// The public-good instance, which public repositories sign with; from the signing config that is built in.
    ///
    /// # Errors
    /// Never in practice: the config is part of the program.
    pub fn public_good() -> Result<Self, Refusal> {
        Self::from_config(SIGSTORE_PRODUCTION_SIGNING_CONFIG)
    }

    /// GitHub's own instance, which private repositories sign with: no log. Its hosts follow the server (`GITHUB_SERVER_URL`).
    ///
    /// Source: actions/attest 4.2.2, `@actions/attest` 3.2.0, `endpoints.ts`.
    ///
    /// # Errors
    /// `input/invalid` when the server's URL is none.
    pub fn github(server_url: &str) -> Result<Self, Refusal> {
        let url = checked(server_url, "the URL of the GitHub server")?;
        let host = url.host_str().unwrap_or_default();
        let domain = if host == "github.com" { "githubapp.com" } else { host };
        let time = Some(format!("https://timestamp.{domain}/api/v1/timestamp"));
        Ok(Self { fulcio: format!("https://fulcio.{domain}"), log: None, time })
    }

    /// The services of a signing config, v0.2 (`signing_config.json`); a log or time stamps may be missing from it, not both.
    ///
    /// # Errors
    /// `policy/invalid` when it cannot be read, names no certificate authority that is valid now, asks for more services than one of a
    /// kind, or names one without TLS on another machine.
    pub fn from_config(json: &str) -> Result<Self, Refusal> {
        let config = SigningConfig::from_json(json).map_err(|error| refuse(format!("the signing config cannot be read: {error}")))?;
        let log = config.rekor_url(None);
        let time = config.tsa_url();
        if log.is_some() && time.is_some() {
            // The library holds the config's selectors against what it can do.
            Library::from_signing_config(&config).map_err(|error| refuse(format!("the signing config cannot be met: {error}")))?;
        }
        let log = log.and_then(|log| Some((log.url.clone(), RekorApiVersion::from_major(log.major_api_version)?)));
        let time = time.map(|time| time.url.clone());
        let fulcio = config.fulcio_url().map(|authority| authority.url.clone());
        let Some(fulcio) = fulcio else { return Err(refuse("the signing config names no certificate authority that is valid now".into())) };
        if time.is_none() && !matches!(log, Some((_, RekorApiVersion::V1))) {
            return Err(refuse("the signing config names nothing that proves the time: it needs `tsaUrls`, or a log of version 1".into()));
        }
        for url in [Some(&fulcio), log.as_ref().map(|(url, _)| url), time.as_ref()].into_iter().flatten() {
            checked(url, "a URL of the signing config")?;
        }
        Ok(Self { fulcio, log, time })
    }

    /// The host that issues certificates, for messages.
    pub fn authority(&self) -> &str {
        &self.fulcio
    }
}

fn refuse(what: String) -> Refusal {
    Refusal::new(Code::PolicyInvalid, what, "write the file with `cosign signing-config create`, version 0.2")
}

/// A URL with TLS, or on this machine.
pub(super) fn checked(text: &str, what: &str) -> Result<Url, Refusal> {
    let help = "use an `https://` URL";
    let url: Url =
        text.parse().map_err(|_| Refusal::new(Code::InputInvalid, format!("{what}, `{}`, is none", text.escape_debug()), help))?;
    if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) {
        Ok(url)
    } else {
        Err(Refusal::new(Code::InputInvalid, format!("{what}, `{}`, is without TLS", place(&url)), help))
    }
}
