//! GitHub Releases and their assets.

use super::{
    GitHub,
    call::{Answer, Call, Repeat, path, query},
};
use crate::{
    http::{is_loopback, place, read},
    retry::{Asks, Attempt, asks},
};
use anyhow::{Context as _, anyhow, bail};
use chartrel_core::Sha256;
use http::Method;
use reqwest::Url;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// A release; a draft is one that only writers see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its id.
    pub id: u64,
    /// The tag it belongs to.
    pub tag: String,
    /// Its title.
    pub name: String,
    /// Whether it is not published yet.
    pub is_draft: bool,
    /// Whether it is marked as not for production.
    pub is_prerelease: bool,
    /// Whether its assets and tag can no longer change.
    pub is_immutable: bool,
    /// Its notes.
    pub body: String,
    /// Its files.
    pub assets: Vec<Asset>,
    /// Where files are sent; a URI template.
    pub upload_url: String,
    /// Its page.
    pub html_url: String,
}

/// A file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Asset {
    /// Its id.
    pub id: u64,
    /// Its name, which GitHub may have changed (`+` becomes `.`).
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// `uploaded`; `starter` is what a broken upload left.
    #[serde(default)]
    pub state: String,
    /// The sha256 of its bytes, where GitHub says it.
    #[serde(default, deserialize_with = "sha256")]
    pub digest: Option<Sha256>,
    /// Where everybody gets it.
    #[serde(rename = "browser_download_url", default)]
    pub url: String,
}

/// What GitHub says is a sha256; another algorithm is nothing to compare with.
fn sha256<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Sha256>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| text.starts_with("sha256:")).and_then(|text| text.parse().ok()))
}

/// A file to be added to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewAsset<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its media type.
    pub content_type: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// A release to be made; it is a draft until it is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRelease {
    /// The tag, which exists already.
    pub tag: String,
    /// Title.
    pub name: String,
    /// Notes.
    pub body: String,
    /// Whether it is marked as not for production.
    pub is_prerelease: bool,
    /// Whether it becomes the repository's latest: `true`, `false` or `legacy`.
    pub make_latest: String,
}

/// What is to change; `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReleaseChange {
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// `false` publishes.
    #[serde(rename = "draft", skip_serializing_if = "Option::is_none")]
    pub is_draft: Option<bool>,
    /// Whether it becomes the repository's latest: `true`, `false` or `legacy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub make_latest: Option<String>,
}

#[derive(Deserialize)]
struct ReleaseAnswer {
    id: u64,
    tag_name: String,
    name: Option<String>,
    body: Option<String>,
    draft: bool,
    prerelease: bool,
    #[serde(default)]
    immutable: bool,
    #[serde(default)]
    assets: Vec<Asset>,
    upload_url: String,
    html_url: String,
}

impl From<ReleaseAnswer> for Release {
    fn from(answer: ReleaseAnswer) -> Self {
        Self {
            id: answer.id,
            tag: answer.tag_name,
            name: answer.name.unwrap_or_default(),
            is_draft: answer.draft,
            is_prerelease: answer.prerelease,
            is_immutable: answer.immutable,
            body: answer.body.unwrap_or_default(),
            assets: answer.assets,
            upload_url: answer.upload_url,
            html_url: answer.html_url,
        }
    }
}

impl GitHub {
    /// The release of a tag, a draft included: those are not found by tag, so the list is read for one.
    ///
    /// # Errors
    /// When GitHub does not answer.
    pub async fn release_by_tag(&self, tag: &str) -> anyhow::Result<Option<Release>> {
        let route = self.route(&format!("releases/tags/{}", path(tag)));
        let answer = self.send(Call { expect: &[404], ..Call::get(route) }).await?;
        if answer.status != 404 {
            return Ok(Some(answer.json::<ReleaseAnswer>()?.into()));
        }
        let call = Call::get(self.route("releases?per_page=100"));
        let all = self.pages(call, Answer::json::<Vec<ReleaseAnswer>>).await?;
        Ok(all.into_iter().find(|release| release.tag_name == tag).map(Release::from))
    }

    /// Makes a release, once: where an answer is lost, it is looked for before it is made again.
    ///
    /// # Errors
    /// When GitHub does not take it, for instance because the tag belonged to an immutable release.
    pub async fn create_release(&self, release: &NewRelease) -> anyhow::Result<Release> {
        let body = json!({
            "tag_name": release.tag, "name": release.name, "body": release.body, "draft": true,
            "prerelease": release.is_prerelease, "make_latest": release.make_latest,
        });
        let call = Call { repeat: Repeat::Unprocessed, ..Call::post(self.route("releases"), body) };
        let mut tries = self.patience.tries();
        loop {
            let error = match self.send(call.clone()).await {
                Ok(answer) => return Ok(answer.json::<ReleaseAnswer>()?.into()),
                Err(error) if error.is::<chartrel_core::Refusal>() => return Err(error),
                Err(error) => error,
            };
            if let Some(found) = self.release_by_tag(&release.tag).await? {
                return Ok(found);
            }
            tries.settle::<()>(Attempt::again(error)).await?;
        }
    }

    /// Changes a release; publishes a draft.
    ///
    /// # Errors
    /// When there is no such release, or GitHub does not take the change.
    pub async fn update_release(&self, id: u64, change: &ReleaseChange) -> anyhow::Result<Release> {
        let call = Call::send(Method::PATCH, self.route(&format!("releases/{id}")), json!(change));
        Ok(self.send(call).await?.json::<ReleaseAnswer>()?.into())
    }

    /// Adds a file to a release; what a broken upload left under the name is removed first.
    ///
    /// # Errors
    /// When a whole file of that name is there, the release is immutable, or GitHub does not answer.
    pub async fn upload_asset(&self, release: &Release, asset: &NewAsset<'_>) -> anyhow::Result<Asset> {
        let url = self.upload_url(release, asset.name)?;
        let mut tries = self.patience.tries();
        loop {
            let attempt = self.upload_once(&url, asset).await;
            if matches!(attempt, Attempt::Again { .. }) {
                // A 502 may have left an empty asset, or a whole one whose answer was lost.
                let left = self.assets(release.id).await?.into_iter().find(|left| left.name == asset.name);
                match left {
                    Some(whole) if whole.state == "uploaded" && whole.size == asset.bytes.len() as u64 => return Ok(whole),
                    Some(broken) => self.delete_asset(broken.id).await?,
                    None => {}
                }
            }
            if let Some(uploaded) = tries.settle(attempt).await? {
                return Ok(uploaded);
            }
        }
    }

    async fn upload_once(&self, url: &Url, asset: &NewAsset<'_>) -> Attempt<Asset> {
        let request = self.http.post(url.clone()).bearer_auth(self.token.expose()).header("content-type", asset.content_type);
        let response = match request.header("accept", "application/vnd.github+json").body(asset.bytes.to_vec()).send().await {
            Ok(response) => response,
            Err(error) => return Attempt::again(anyhow::Error::from(error.without_url()).context("the upload of an asset broke off")),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = match read(response, 1024 * 1024).await {
            Ok(body) => body,
            Err(error) => return Attempt::again(error),
        };
        if status == 201 {
            return match serde_json::from_slice(&body).context("GitHub's answer to an upload is not what its API describes") {
                Ok(asset) => Attempt::Done(asset),
                Err(error) => Attempt::Failed(error),
            };
        }
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        let why = anyhow!("GitHub answered {status} to the upload at {}: {}", place(url), said["message"].as_str().unwrap_or_default());
        match asks(status, &headers, &body, &self.patience) {
            Asks::Wait(pause) => Attempt::Again { why, pause: Some(pause) },
            Asks::TryAgain => Attempt::again(why),
            Asks::Nothing => Attempt::Failed(why),
        }
    }

    /// The upload URL with the name, if the token may go there: the API's host, or `uploads.` beside it.
    fn upload_url(&self, release: &Release, name: &str) -> anyhow::Result<Url> {
        let base = release.upload_url.split('{').next().unwrap_or_default();
        let mut url: Url = base.parse().with_context(|| format!("the release of `{}` has no usable upload URL", release.tag))?;
        let api = self.api.host_str().unwrap_or_default();
        let host = url.host_str().unwrap_or_default();
        let is_ours = host == api || host == format!("uploads.{}", api.strip_prefix("api.").unwrap_or(api));
        if !is_ours || (url.scheme() != "https" && !is_loopback(&url)) {
            bail!("the release of `{}` wants its files sent to {}, which is not GitHub's", release.tag, place(&url));
        }
        url.set_query(Some(&format!("name={}", query(name))));
        Ok(url)
    }

    async fn assets(&self, release: u64) -> anyhow::Result<Vec<Asset>> {
        let call = Call::get(self.route(&format!("releases/{release}/assets?per_page=100")));
        self.pages(call, Answer::json::<Vec<Asset>>).await
    }

    /// The bytes of an asset, a draft's too.
    ///
    /// # Errors
    /// When there is no such asset, or GitHub does not answer.
    pub async fn download_asset(&self, asset: &Asset) -> anyhow::Result<Vec<u8>> {
        // GitHub redirects to its store; the credentials stay behind (another host).
        let call = Call { accept: "application/octet-stream", ..Call::get(self.route(&format!("releases/assets/{}", asset.id))) };
        Ok(self.send(call).await?.body)
    }

    /// Deletes an asset.
    ///
    /// # Errors
    /// When the release is immutable.
    pub async fn delete_asset(&self, id: u64) -> anyhow::Result<()> {
        let call = Call { method: Method::DELETE, expect: &[404], ..Call::get(self.route(&format!("releases/assets/{id}"))) };
        self.send(call).await?;
        Ok(())
    }
}
