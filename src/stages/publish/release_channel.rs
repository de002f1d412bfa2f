//! The GitHub Release: a draft, its assets, then published; a draft that a killed run left is finished.

use super::{Work, signed::Signed};
use crate::{report::Report, session::Session};
use chartrel_clients::github::{NewAsset, NewRelease, Release, ReleaseChange};
use chartrel_core::{
    Code, Refusal, Refused, Sha256, notes,
    publish::{Decision, Held, decide},
    release::{Asset, documents},
};

/// Makes the release, or finishes it; published assets are compared and never replaced (C-30).
pub(super) async fn publish(session: &Session, work: &Work, signed: &Signed, report: &mut Report) -> anyhow::Result<()> {
    let told = signed.told(session, work);
    let documents = accompanying(session, work, report).await?;
    let release = match session.github.release_by_tag(&work.tag.to_string()).await? {
        Some(release) => release,
        None => session.github.create_release(&draft(&told)).await?,
    };
    let mut wanted = signed_assets(session, work, signed, &release).await?;
    wanted.extend(documents);
    let mut refusals = Vec::new();
    for asset in &wanted {
        match state(session, &release, asset).await? {
            Decision::Skip => {}
            Decision::Put if release.is_draft => {
                let new = NewAsset { name: &asset.name, content_type: asset.content_type, bytes: &asset.bytes };
                session.github.upload_asset(&release, &new).await?;
                report.write(format!("release asset `{}`", asset.name));
            }
            Decision::Put => refusals.push(incomplete(work, asset)),
            Decision::Refuse(refusal) => refusals.push(refusal),
        }
    }
    Refused::unless_empty(refusals)?;
    if release.is_draft {
        let change = ReleaseChange { is_draft: Some(false), body: Some(told.notes()), ..ReleaseChange::default() };
        session.github.update_release(release.id, &change).await?;
        report.write(format!("release `{}: v{}`", work.tag.chart, work.tag.version));
    }
    Ok(())
}

fn draft(told: &notes::Release) -> NewRelease {
    let is_prerelease = !told.tag.version.pre.is_empty();
    NewRelease {
        tag: told.tag.to_string(),
        name: told.title(),
        body: told.notes(),
        is_prerelease,
        // "Latest" means nothing in a repository of many charts; GitHub's own ordering decides.
        make_latest: if is_prerelease { "false" } else { "legacy" }.into(),
    }
}

async fn accompanying(session: &Session, work: &Work, report: &mut Report) -> anyhow::Result<Vec<Asset>> {
    let license = session.github.file("LICENSE", work.annotation.commit.as_str()).await?;
    let generated =
        format!("# Changelog\n\n## [{}] - {}\n\n{}\n", work.tag.version, work.time.date_naive(), work.annotation.changelog.trim());
    let documents = documents(&work.files, license, &generated);
    if work.is_strict && !documents.missing.is_empty() {
        let what = documents.missing.join("; ");
        return Err(Refusal::new(Code::PublishMissingAsset, what, "add the file to the chart, or leave `strict-assets` off").into());
    }
    report.warnings.extend(documents.missing);
    Ok(documents.assets)
}

async fn signed_assets(session: &Session, work: &Work, signed: &Signed, release: &Release) -> anyhow::Result<Vec<Asset>> {
    let package = &work.package;
    let bundle = blob_bundle(session, work, release).await?;
    let signature = chartrel_clients::sigstore::signature_of(&bundle)?;
    let asset = |name: String, content_type, bytes: &[u8]| Asset { name, content_type, bytes: bytes.to_vec() };
    Ok(vec![
        asset(package.name.clone(), "application/gzip", &package.bytes),
        asset(format!("{}.sigstore.json", package.name), "application/json", bundle.as_bytes()),
        asset(format!("{}.sig", package.name), "text/plain", signature.as_bytes()),
        asset("attestation-lineage.json".into(), "application/json", &signed.document),
    ])
}

/// The package's bundle for `cosign verify-blob`: the one the release has already, else signed now.
async fn blob_bundle(session: &Session, work: &Work, release: &Release) -> anyhow::Result<String> {
    let name = format!("{}.sigstore.json", work.package.name);
    if let Some(held) = release.assets.iter().find(|asset| asset.name == name && asset.state == "uploaded") {
        return Ok(String::from_utf8(session.github.download_asset(held).await?)?);
    }
    Ok(session.signer()?.sign_blob(&work.package.bytes).await?.bundle)
}

/// What is to be done about one asset, from what the release holds under its name.
async fn state(session: &Session, release: &Release, wanted: &Asset) -> anyhow::Result<Decision> {
    let Some(held) = release.assets.iter().find(|asset| asset.name == wanted.name) else { return Ok(Decision::Put) };
    if held.state != "uploaded" {
        // An upload that broke off leaves an empty asset under the name (GitHub: state `starter`).
        session.github.delete_asset(held.id).await?;
        return Ok(Decision::Put);
    }
    let digest = match &held.digest {
        Some(digest) => *digest,
        None => Sha256::of(session.github.download_asset(held).await?),
    };
    Ok(decide(&format!("the release's asset `{}`", wanted.name), Held::Digest(digest), Sha256::of(&wanted.bytes)))
}

fn incomplete(work: &Work, asset: &Asset) -> Refusal {
    let what = format!("the release `{}` is published without `{}`", work.tag, asset.name);
    Refusal::new(
        Code::PublishMissingAsset,
        what,
        "add the asset by hand from another channel, or release the next version; a published release is not changed",
    )
}
