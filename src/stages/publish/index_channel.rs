//! The Helm repository on the release branch: build merged package and entry; here they are read back.

use super::Work;
use crate::{report::Report, session::Session};
use chartrel_core::{Code, Refusal, index};

/// Confirms that the index lists this version with the digest that was signed.
pub(super) async fn confirm(session: &Session, work: &Work, report: &mut Report) -> anyhow::Result<()> {
    let release = session.branch(&session.policy.branches.release).await?;
    let text = session.github.file("index.yaml", release.as_str()).await?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let found = index::digest_of(&text, &work.tag.chart, &work.tag.version)?;
    if found == Some(work.package.digest) {
        report.decide(format!("the Helm repository lists `{}` with {}", work.package.name, work.package.digest));
        return Ok(());
    }
    let what = format!(
        "index.yaml on `release` lists `{}` with {}, not {}",
        work.package.name,
        found.map_or_else(|| "nothing".into(), |d| d.to_string()),
        work.package.digest
    );
    Err(Refusal::new(Code::PublishOtherBytes, what, "find out who changed index.yaml on `release`, and revert it by a pull request").into())
}
