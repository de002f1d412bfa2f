//! Publish brings the bytes that build signed to every channel and reads them back; it never rebuilds and never replaces.

mod index_channel;
mod registry_channel;
mod release_channel;
mod signed;

use crate::{chain, content, inputs, report::Report, runner::Runner, session::Session};
use chartrel_clients::registry::Registry;
use chartrel_core::{
    Code, Refusal, Refused,
    annotation::Annotation,
    chart::SourceFile,
    lineage::{Anchors, Lineage, Verified},
    map,
    name::{ChartFolder, ReleaseTag},
    package::{self, Package},
    stage::Stage,
    summary,
};
use chrono::{DateTime, Utc};
use signed::Signed;
use std::time::Instant;

/// The outputs of its own: name and what it is.
pub const OUTPUTS: &[(&str, &str)] = &[("oci-digest", "The digest of the OCI manifest"), ("package-digest", "The sha256 of the package")];

/// The inputs of `publish`.
#[derive(Debug, Clone, clap::Args)]
pub struct Inputs {
    /// Token for GitHub: the job's own suffices. It needs `contents: write`, `packages: write` and `attestations: write`
    #[arg(long)]
    pub token: Option<String>,
    /// The release tag, `<chart>-v<version>`
    #[arg(long)]
    pub tag: Option<String>,
    /// User for the OCI registry; for ghcr.io `github.actor`
    #[arg(long)]
    pub registry_user: Option<String>,
    /// Password or token for the OCI registry; for ghcr.io `github.token`
    #[arg(long)]
    pub registry_password: Option<String>,
    /// `true` turns a missing README, CHANGELOG or LICENSE into an error
    #[arg(long, default_value = "false")]
    pub strict_assets: Option<String>,
}

/// Publishes one release to every channel.
///
/// # Errors
/// Refuses bytes other than those that build signed, and a version that holds other bytes already. One channel down does not stop the others.
pub async fn run(given: Inputs, runner: Runner) -> anyhow::Result<Report> {
    let started = Instant::now();
    let tag = inputs::tag("tag", given.tag.as_deref())?;
    let is_strict = inputs::boolean("strict-assets", given.strict_assets.as_deref())?;
    let session = Session::open(runner, given.token.clone()).await?;
    session.demand_branch(&session.policy.branches.main)?;
    session.signer()?;
    let work = Work::open(&session, tag, is_strict).await?;
    let registry = Registry::new(&session.policy.publish.oci, given.registry_user.zip(given.registry_password))?;
    let signed = Signed::make(&session, &work).await?;
    let mut report = Report::default();
    let ends = [
        ("OCI registry", registry_channel::publish(&registry, &work, &signed, &mut report).await),
        ("GitHub Release", release_channel::publish(&session, &work, &signed, &mut report).await),
        ("Helm repository", index_channel::confirm(&session, &work, &mut report).await),
    ];
    if report.wrote.is_empty() && ends.iter().all(|(_, end)| end.is_ok()) {
        report.decide(format!("nothing to do: `{}` is published in every channel with these bytes", work.tag));
    }
    report.summary = summary::published(&[summary::Row {
        release: signed.told(&session, &work),
        is_signed: true,
        channels: ends.iter().map(|(channel, end)| ((*channel).to_owned(), status(end))).collect(),
        size: work.package.bytes.len() as u64,
        duration: started.elapsed(),
    }]);
    report.outputs.insert("oci-digest", signed.artifact.digest.to_string());
    report.outputs.insert("package-digest", work.package.digest.to_string());
    finish(ends)?;
    Ok(report)
}

/// The first failure of the outside, else all refusals, else nothing: a second run finishes what is missing.
fn finish<const N: usize>(ends: [(&str, anyhow::Result<()>); N]) -> anyhow::Result<()> {
    let mut refusals = Vec::new();
    for (channel, end) in ends {
        if let Err(error) = end {
            refusals.extend(crate::refusals(error.context(format!("{channel}: run publish again; what is there is skipped")))?);
        }
    }
    Ok(Refused::unless_empty(refusals)?)
}

fn status(end: &anyhow::Result<()>) -> String {
    if end.is_ok() { "published" } else { "failed" }.to_owned()
}

/// A release whose package was verified.
struct Work {
    /// Whether a missing document is an error.
    is_strict: bool,
    tag: ReleaseTag,
    folder: ChartFolder,
    lineage: Verified<Lineage>,
    annotation: Annotation,
    /// The commit time of the tag: the time of everything that is made here.
    time: DateTime<Utc>,
    package: Package,
    chart: package::Contents,
    /// The chart's committed files, for the documents that accompany the package.
    files: Vec<SourceFile>,
}

impl Work {
    /// The bytes on `release`, and the lineage that ends in them.
    async fn open(session: &Session, tag: ReleaseTag, is_strict: bool) -> anyhow::Result<Self> {
        let object = session.tag(&tag).await?;
        let annotation: Annotation = object.message.parse()?;
        let package = package_on_release(session, &tag).await?;
        let name = (package.name.as_str(), package.digest);
        let newest = chain::newest_link(session, Stage::Build, name).await?.ok_or_else(|| unsigned(&package))?;
        let id = id_on_pull(session, &tag).await?;
        let folder = folder_of(session, &object, &tag).await?;
        let chart = content::at(session, &object.object, &folder).await?;
        let commit = content::commit_digest(session, &object.object).await?;
        let anchors = Anchors {
            chart: Some(chart.digest),
            commit: Some((object.object.clone(), commit)),
            tag: Some((tag.to_string(), object.raw.digest_as(&object.sha)?)),
            package: Some((package.name.clone(), package.digest)),
            ..Anchors::default()
        };
        let demand = session.demand(&folder, Stage::Build, anchors);
        let (reference, evidence) = chain::crawl(session, newest, &id).await?;
        let lineage = chartrel_core::lineage::verify(&demand, &reference, &evidence)?;
        let contents = package::read(&package.bytes)?;
        let time = session.github.commit(&object.object).await?.committer_date;
        Ok(Self { is_strict, tag, folder, lineage, annotation, time, package, chart: contents, files: chart.files })
    }
}

async fn package_on_release(session: &Session, tag: &ReleaseTag) -> anyhow::Result<Package> {
    let release = session.branch(&session.policy.branches.release).await?;
    let root = session.github.commit(&release).await?.tree;
    let name = tag.package();
    let entry = session.github.tree(&root, false).await?.into_iter().find(|entry| entry.path == name);
    let entry = entry.ok_or_else(|| {
        let what = format!("`{name}` is not on `{}`", session.policy.branches.release);
        Refusal::new(Code::PublishNotBuilt, what, "run build first; publish brings out what build merged")
    })?;
    let bytes = session.github.blob(&entry.sha, package::LIMIT as u64).await?;
    Ok(Package { name, digest: chartrel_core::Sha256::of(&bytes), bytes })
}

/// The id by which the publish pull request locates build's link.
async fn id_on_pull(session: &Session, tag: &ReleaseTag) -> anyhow::Result<String> {
    let branches = &session.policy.branches;
    let pulls = session.github.pulls(Some(&branches.publish(tag)), Some(&branches.release), "all").await?;
    let blocks = pulls.iter().find(|pull| pull.is_merged).and_then(|pull| map::find(&pull.body).ok().flatten());
    Ok(blocks.map_or_else(String::new, |blocks| chain::located(&blocks, Stage::Build).to_owned()))
}

fn unsigned(package: &Package) -> Refusal {
    let what = format!("`{}` on `release` ({}) was not signed by build", package.name, package.digest);
    Refusal::new(Code::PublishUnsigned, what, "find out who changed the file on `release`; then release the next version")
}

/// The chart's folder, as the link of tag names it.
async fn folder_of(session: &Session, object: &chartrel_clients::github::TagObject, tag: &ReleaseTag) -> anyhow::Result<ChartFolder> {
    Ok(crate::tagged::verify(session, tag, object, "").await?.0)
}
