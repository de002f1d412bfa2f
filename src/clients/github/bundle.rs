//! Bundles that GitHub does not put into its answer but points at: raw Snappy, on a host that is not GitHub's API.

use super::{GitHub, call::Answer};
use crate::{
    http::{is_loopback, place, read},
    retry::{Asks, Attempt, asks},
};
use anyhow::{Context as _, anyhow, bail};
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

/// The longest compressed bundle, in bytes.
const PACKED_LIMIT: usize = 24 * 1024 * 1024;
/// The longest bundle, in bytes: a predicate is at most 16 MB, a third longer in base64.
const BUNDLE_LIMIT: usize = 32 * 1024 * 1024;

/// An attestation in GitHub's lists. Up to API version 2022-11-28 the bundle may stand there; from 2026-03-10 only its URL does.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Listed {
    bundle: Option<Value>,
    bundle_url: Option<String>,
    pub(super) repository_id: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct List {
    attestations: Vec<Listed>,
}

pub(super) fn listed(answer: &Answer) -> anyhow::Result<Vec<Listed>> {
    Ok(answer.json::<List>()?.attestations)
}

impl GitHub {
    /// The bundle as JSON, from the list or from where it points.
    pub(super) async fn bundle(&self, listed: Listed) -> anyhow::Result<String> {
        match listed {
            Listed { bundle: Some(bundle), .. } if !bundle.is_null() => Ok(bundle.to_string()),
            Listed { bundle_url: Some(url), .. } => self.fetch(&url).await,
            _ => bail!("GitHub listed an attestation with neither bundle nor URL"),
        }
    }

    /// Fetches a bundle without credentials: the host is not GitHub's API, and its URL is signed by itself.
    async fn fetch(&self, url: &str) -> anyhow::Result<String> {
        let url: Url = url.parse().context("GitHub gave a bundle URL that is no URL")?;
        if url.scheme() != "https" && !(is_loopback(&url) && is_loopback(&self.api)) {
            bail!("GitHub gave a bundle URL without TLS: {}", place(&url));
        }
        let mut tries = self.patience.tries();
        let packed = loop {
            if let Some(bytes) = tries.settle(self.fetch_once(&url).await).await? {
                break bytes;
            }
        };
        unpack(packed).with_context(|| format!("the bundle at {}", place(&url)))
    }

    async fn fetch_once(&self, url: &Url) -> Attempt<Vec<u8>> {
        let response = match self.http.get(url.clone()).send().await {
            Ok(response) => response,
            Err(error) => {
                return Attempt::again(anyhow::Error::from(error.without_url()).context(format!("no answer from {}", place(url))));
            }
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = match read(response, PACKED_LIMIT).await {
            Ok(body) => body,
            Err(error) => return Attempt::Failed(error),
        };
        if status == 200 {
            return Attempt::Done(body);
        }
        let why = anyhow!("{} answered {status}", place(url));
        match asks(status, &headers, &body, &self.patience) {
            Asks::Wait(pause) => Attempt::Again { why, pause: Some(pause) },
            Asks::TryAgain => Attempt::again(why),
            Asks::Nothing => Attempt::Failed(why),
        }
    }
}

/// JSON as it is, or out of raw Snappy; the announced length is looked at before anything is allocated.
fn unpack(bytes: Vec<u8>) -> anyhow::Result<String> {
    let json = if bytes.first() == Some(&b'{') {
        bytes
    } else {
        let announced = snap::raw::decompress_len(&bytes).context("is neither JSON nor Snappy")?;
        if announced > BUNDLE_LIMIT {
            bail!("announces {announced} bytes, more than {BUNDLE_LIMIT}");
        }
        snap::raw::Decoder::new().decompress_vec(&bytes).context("is damaged")?
    };
    String::from_utf8(json).context("is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_read_as_json_and_as_snappy() {
        let json = format!("{{\"a\":\"{}\"}}", "x".repeat(500));
        let packed = snap::raw::Encoder::new().compress_vec(json.as_bytes()).unwrap();
        assert_eq!(unpack(packed).unwrap(), json);
        assert_eq!(unpack(json.clone().into_bytes()).unwrap(), json);
    }

    #[test]
    fn a_bundle_that_announces_too_much_is_not_unpacked() {
        // The varint of 4 GiB - 1, then nothing.
        let error = unpack(vec![0xff, 0xff, 0xff, 0xff, 0x0f]).unwrap_err();
        assert!(format!("{error:#}").contains("announces 4294967295 bytes"), "{error:#}");
        assert!(unpack(vec![]).is_err());
    }
}
