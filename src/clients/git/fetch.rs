//! Fetching one commit: alone, for those that the API's answer does not allow to rebuild, or with its tree.

use super::{BOUNDS, Checkout, git_in};
use crate::{github::Token, http::is_loopback, program};
use anyhow::{Context as _, bail};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use chartrel_core::{name::ObjectId, object::RawObject};
use reqwest::Url;
use std::sync::Arc;

/// The bytes of a commit of the repository at `url` (`https://github.com/<owner>/<name>.git`), without its tree.
///
/// # Errors
/// As [`fetch`].
pub async fn fetch_commit(url: &str, token: &Token, id: &ObjectId) -> anyhow::Result<RawObject> {
    bring(url, token, id, &["--depth=1", "--filter=tree:0"]).await?.raw_commit(id).await
}

/// A repository of its own that holds one commit of the repository at `url` with its tree, and no history.
///
/// It lies in a temporary folder, which goes when the last copy of the [`Checkout`] goes. The token goes into the environment of the
/// one child process, not into its arguments or a file.
///
/// # Errors
/// When the URL is not one to send a token to, the server does not give the commit out, or its SHA-1 is another.
pub async fn fetch(url: &str, token: &Token, id: &ObjectId) -> anyhow::Result<Checkout> {
    bring(url, token, id, &["--depth=1"]).await
}

async fn bring(url: &str, token: &Token, id: &ObjectId, extent: &[&str]) -> anyhow::Result<Checkout> {
    let parsed: Url = url.parse().with_context(|| format!("`{}` is not the URL of a repository", url.escape_debug()))?;
    if parsed.scheme() != "https" && !(parsed.scheme() == "http" && is_loopback(&parsed)) {
        bail!("`{}` would get the token without TLS", url.escape_debug());
    }
    let folder = tempfile::tempdir().context("no temporary folder could be made")?;
    let checkout = Checkout { folder: folder.path().to_owned(), _kept: Some(Arc::new(folder)) };
    checkout.ask(&["init", "--quiet", "--bare", "--template=", "."], vec![]).await?;
    let mut command = git_in(checkout.folder());
    let login = BASE64_STANDARD.encode(format!("x-access-token:{}", token.expose()));
    command
        .env("GIT_CONFIG_COUNT", "2")
        .env("GIT_CONFIG_KEY_0", "http.extraHeader")
        .env("GIT_CONFIG_VALUE_0", format!("Authorization: Basic {login}"))
        .env("GIT_CONFIG_KEY_1", "http.followRedirects")
        .env("GIT_CONFIG_VALUE_1", "false")
        .args(["-c", "protocol.allow=never", "-c", "protocol.https.allow=always", "-c", "protocol.http.allow=always"])
        .args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"])
        .args(extent)
        .args(["--", parsed.as_str(), id.as_str()]);
    let ran = program::run(command, vec![], BOUNDS).await?;
    if !ran.is_ok() {
        bail!("commit `{id}` could not be fetched from {url}: {}", ran.reason());
    }
    Ok(checkout)
}
