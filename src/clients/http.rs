//! The one HTTP client that all clients of a run share, and the limits on what it reads.

use anyhow::{Context as _, bail};
use std::{net::IpAddr, sync::OnceLock, time::Duration};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may go without a byte.
const SILENCE: Duration = Duration::from_mins(1);

/// The shared client: one pool of connections, one set of roots.
///
/// Roots are the system's (`SSL_CERT_FILE` is honoured); where there are none, as in an empty container, those of Mozilla's list that
/// are built in. Redirects are followed, and credentials dropped when one leads to another host.
///
/// # Errors
/// When the TLS library cannot be set up at all.
pub fn client() -> anyhow::Result<reqwest::Client> {
    static SHARED: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = SHARED.get() {
        return Ok(client.clone());
    }
    let client = match builder().build() {
        Ok(client) => client,
        Err(_) => builder().tls_certs_only(built_in_roots()?).build().context("the HTTP client could not be set up")?,
    };
    Ok(SHARED.get_or_init(|| client).clone())
}

/// The built-in roots in DER, where the system has none; empty where it has.
pub fn roots_in_place_of_the_systems() -> Vec<&'static [u8]> {
    if builder().build().is_ok() {
        return vec![];
    }
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(AsRef::as_ref).collect()
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().user_agent(concat!("chartrel/", env!("CARGO_PKG_VERSION"))).connect_timeout(CONNECT).read_timeout(SILENCE)
}

fn built_in_roots() -> anyhow::Result<Vec<reqwest::Certificate>> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    roots.map(|root| reqwest::Certificate::from_der(root).context("a built-in root certificate is malformed")).collect()
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// When the body is longer, or the connection breaks.
pub async fn read(mut response: reqwest::Response, limit: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.context("the connection broke while the answer was read")? {
        if bytes.len() + chunk.len() > limit {
            bail!("the answer of {} is longer than {limit} bytes", place(response.url()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Whether an URL's host is this machine: plain HTTP is accepted there and nowhere else.
pub fn is_loopback(url: &reqwest::Url) -> bool {
    url.host_str().is_some_and(is_loopback_host)
}

/// Whether a host, without port, is this machine.
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An URL as messages show it: without query, where signatures and tokens stand.
pub fn place(url: &reqwest::Url) -> String {
    format!("{}://{}{}", url.scheme(), url.authority().rsplit('@').next().unwrap_or_default(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for (host, expected) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("github.com", false),
            ("127.0.0.1.example.com", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback_host(host), expected, "{host}");
        }
    }

    #[test]
    fn what_a_message_shows_of_an_url_has_no_secret() {
        let url = "https://user:secret@example.com:8443/path?sig=secret#x".parse().unwrap();
        assert_eq!(place(&url), "https://example.com:8443/path");
    }

    #[test]
    fn the_built_in_roots_are_well_formed() {
        let roots = built_in_roots().unwrap();
        assert!(roots.len() > 50);
        assert!(builder().tls_certs_only(roots).build().is_ok());
    }
}
