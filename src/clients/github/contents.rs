//! Files by path, through the contents API.

use super::{
    GitHub,
    call::{Call, path, query},
};
use anyhow::{Context as _, bail};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use chartrel_core::name::ObjectId;
use serde::Deserialize;

/// The largest file that is read by path, in bytes.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    encoding: String,
    #[serde(default)]
    content: String,
    sha: ObjectId,
}

impl GitHub {
    /// The bytes of a file at a branch, tag or commit; `None` when there is no such file. At most 16 MiB.
    ///
    /// # Errors
    /// When the path is no regular file (a directory, a symlink, a submodule), or GitHub does not answer.
    pub async fn file(&self, file: &str, git_ref: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let route = self.route(&format!("contents/{}?ref={}", path(file), query(git_ref)));
        let answer = self.send(Call { expect: &[404], ..Call::get(route) }).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let Ok(found) = answer.json::<File>() else { bail!("`{file}` at `{git_ref}` is not a file") };
        if found.kind != "file" {
            bail!("`{file}` at `{git_ref}` is a {}, not a file", found.kind);
        }
        // Above 1 MB the content is left out (docs, "Get repository content").
        if found.encoding != "base64" {
            return Ok(Some(self.blob(&found.sha, FILE_LIMIT).await?));
        }
        Ok(Some(decode(&found.content).with_context(|| format!("`{file}` at `{git_ref}`"))?))
    }
}

/// Base64 as GitHub writes it: with line breaks.
pub(super) fn decode(text: &str) -> anyhow::Result<Vec<u8>> {
    let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64_STANDARD.decode(bare).context("GitHub's base64 is malformed")
}
