//! What was released of a chart before, and what was contributed since.

use crate::{chain, content, prepare::Prepared, session::Session};
use chartrel_clients::git::Checkout;
use chartrel_core::{
    annotation::Annotation,
    bump::{self, Facts},
    commit::{self, Commit},
    name::{ChartName, ObjectId, ReleaseTag},
    package,
    stage::Stage,
    statement::Link,
};
use semver::Version;

/// The last release of a chart.
pub(crate) struct LastRelease {
    /// Its tag.
    pub(crate) tag: ReleaseTag,
    /// The commit of `integration` that it came from, if its lineage verifies.
    pub(crate) source: Option<ObjectId>,
}

/// The release with the highest version, by exact tags of this chart's name.
pub(crate) async fn last_release(session: &Session, chart: &ChartName) -> anyhow::Result<Option<LastRelease>> {
    let references = session.github.matching_references(&format!("tags/{chart}-v")).await?;
    let tags = references.into_iter().filter_map(|(name, id)| Some((name.strip_prefix("tags/")?.parse::<ReleaseTag>().ok()?, id)));
    let newest = tags.filter(|(tag, _)| tag.chart == *chart).max_by(|a, b| a.0.version.cmp_precedence(&b.0.version));
    let Some((tag, id)) = newest else { return Ok(None) };
    let source = source_of(session, &id).await?;
    Ok(Some(LastRelease { tag, source }))
}

/// The source commit in filter's link, as the tag's annotation locates it; a tag of another tool has none.
async fn source_of(session: &Session, tag: &ObjectId) -> anyhow::Result<Option<ObjectId>> {
    let Ok(object) = session.github.tag_object(tag).await else { return Ok(None) };
    let Ok(annotation) = object.message.parse::<Annotation>() else { return Ok(None) };
    let key = Stage::Filter.overall();
    let Some(reference) = annotation.references.get(&key) else { return Ok(None) };
    let evidence = chain::fetch(session, reference.clone()).await?.filter(|evidence| session.is_trusted(evidence, &key));
    Ok(evidence.and_then(|evidence| serde_json::from_value::<Link>(evidence.statement.predicate).ok()?.source_commit))
}

/// What the next release of a chart would be, from the commits of `integration` since the last one.
///
/// The outer error is the outside's; the inner one is the rules'.
pub(crate) async fn next_release(
    session: &Session,
    checkout: &Checkout,
    tip: &ObjectId,
    chart: &Prepared,
) -> anyhow::Result<chartrel_core::Result<bump::Decision>> {
    let last = last_release(session, &chart.chart.metadata.name).await?;
    let path = chart.folder.path();
    let since = match last.as_ref().and_then(|release| release.source.clone()) {
        Some(source) => source,
        None => session.main_tip.clone(),
    };
    let log = checkout.log(Some(&since), tip, Some(&path)).await?;
    let commits = log
        .into_iter()
        .filter(|entry| !commit::is_own(&entry.message))
        .map(|entry| Commit { id: entry.id.to_string(), message: entry.message });
    let facts = Facts {
        chart_file: text(chart, "Chart.yaml").unwrap_or_default(),
        changelog: main_file(session, &format!("{path}/CHANGELOG.md")).await?,
        main_version: main_version(session, &path).await?,
        highest_tag: last.map(|release| release.tag.version),
        claimed_version: chart.chart.metadata.version.clone(),
        changes: commits.flat_map(|one| commit::changes(&one)).collect(),
        is_package_changed: is_package_changed(session, checkout, chart).await?,
        date: checkout.commit_time(tip).await?.date_naive(),
    };
    Ok(bump::decide(&facts, session.policy.version_options))
}

fn text(chart: &Prepared, path: &str) -> Option<String> {
    let file = chart.files.iter().find(|file| file.path == path)?;
    String::from_utf8(file.bytes.clone()).ok()
}

async fn main_file(session: &Session, path: &str) -> anyhow::Result<Option<String>> {
    let bytes = session.github.file(path, session.main_tip.as_str()).await?;
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
}

async fn main_version(session: &Session, path: &str) -> anyhow::Result<Option<Version>> {
    let Some(text) = main_file(session, &format!("{path}/Chart.yaml")).await? else { return Ok(None) };
    let value = chartrel_core::yaml::parse(&text)?;
    Ok(value.get("version").and_then(|version| version.as_str()).and_then(|version| Version::parse(version).ok()))
}

/// Whether a file that is packaged differs from `main`'s: what `.helmignore` leaves out needs no release (C-27).
async fn is_package_changed(session: &Session, checkout: &Checkout, chart: &Prepared) -> anyhow::Result<bool> {
    let files = content::source_files(checkout, &session.main_tip, &chart.folder).await?;
    if files.is_empty() {
        return Ok(true);
    }
    let tar = |files| chartrel_core::chart::Chart::load(files).and_then(|chart| package::tar(&chart, 0));
    Ok(match (tar(files), tar(chart.files.clone())) {
        (Ok(main), Ok(here)) => main != here,
        // What can't be compared is taken for changed: a release too many is better than a change without one.
        _ => true,
    })
}
