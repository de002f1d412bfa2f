//! A release at its tag: what build and publish both start from, verified anew.

use crate::{chain, content, session::Session};
use chartrel_clients::github::TagObject;
use chartrel_core::{
    Code, Refusal,
    annotation::Annotation,
    lineage::{Anchors, Lineage, Verified},
    name::{ChartFolder, ReleaseTag},
    stage::Stage,
};

/// Verifies the lineage up to tag, from the raw tag object and the chart's content at its commit.
pub(crate) async fn verify(
    session: &Session,
    tag: &ReleaseTag,
    object: &TagObject,
    id: &str,
) -> anyhow::Result<(ChartFolder, Verified<Lineage>)> {
    let annotation: Annotation = object.message.parse()?;
    if annotation.tag != *tag || annotation.commit != object.object {
        let what = format!("the annotation of `{tag}` speaks of `{}` at `{}`", annotation.tag, annotation.commit);
        return Err(Refusal::new(
            Code::TagOtherVersion,
            what,
            "the tag was not made by chartrel as it stands; contribute a change, which gets the next version",
        )
        .into());
    }
    let upto = Stage::Tag;
    let digest = object.raw.digest_as(&object.sha)?;
    let name = tag.to_string();
    let newest = chain::newest_link(session, upto, (&name, digest)).await?.ok_or_else(|| {
        let what = format!("the tag `{tag}` ({digest}) has no link of stage `{upto}` that verifies");
        Refusal::new(Code::LineageMissingLink, what, "only tag makes release tags; contribute a change, which gets the next version")
    })?;
    let folder = folder(&newest)?;
    let chart = content::at(session, &object.object, &folder).await?.digest;
    let commit = content::commit_digest(session, &object.object).await?;
    let anchors =
        Anchors { chart: Some(chart), commit: Some((object.object.clone(), commit)), tag: Some((name, digest)), ..Anchors::default() };
    let demand = session.demand(&folder, upto, anchors);
    let (reference, evidence) = chain::crawl(session, newest, id).await?;
    let lineage = chartrel_core::lineage::verify(&demand, &reference, &evidence)?;
    Ok((folder, lineage))
}

/// The chart's folder, as the signed link names it: it may differ from the chart's name.
fn folder(link: &chartrel_core::evidence::Evidence) -> Result<ChartFolder, Refusal> {
    let mut folders = link.statement.subject.iter().filter_map(|subject| subject.name.strip_prefix("charts/")?.parse().ok());
    folders.next().ok_or_else(|| {
        Refusal::new(
            Code::LineageWrongSubjects,
            "the link of tag has no chart among its subjects",
            "contribute a change, which gets the next version",
        )
    })
}
