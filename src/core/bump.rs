//! Bump decides the version and the changelog of a release, on top of what `main` has; a version never falls or repeats.

use crate::{
    changelog,
    chartfile::{self, Edits},
    commit::Change,
    refusal::{Code, Refusal, Result},
    version::{self, Options},
};
use chrono::NaiveDate;
use semver::Version;

/// What was read.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Chart.yaml on the chart branch.
    pub chart_file: String,
    /// CHANGELOG.md on `main`: the history that the new section is put on.
    pub changelog: Option<String>,
    /// The chart's version on `main`, if it is there.
    pub main_version: Option<Version>,
    /// The highest version that has a tag.
    pub highest_tag: Option<Version>,
    /// The version Chart.yaml has on the chart branch.
    pub claimed_version: Version,
    /// The contributed changes since the last release, oldest first.
    pub changes: Vec<Change>,
    /// Whether a packaged file differs from `main`'s (C-27).
    pub is_package_changed: bool,
    /// The date of the release.
    pub date: NaiveDate,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The version on `main`, if the chart is there.
    pub current: Option<Version>,
    /// The new version.
    pub version: Version,
    /// The new Chart.yaml.
    pub chart_file: String,
    /// The new CHANGELOG.md.
    pub changelog: String,
    /// The new section of it, as Markdown.
    pub section: String,
}

/// Decides the release.
///
/// # Errors
/// `version/no-bump` when nothing that is packaged changed; whatever `core::version` and `core::chartfile` refuse.
pub fn decide(facts: &Facts, options: Options) -> Result<Decision> {
    let version = version::next(version::Facts {
        current: facts.main_version.as_ref(),
        highest_tag: facts.highest_tag.as_ref(),
        contributed: Some(&facts.claimed_version),
        changes: &facts.changes,
        is_content_changed: facts.is_package_changed,
        options,
    })?
    .ok_or_else(no_bump)?;
    let section = changelog::section(&version, facts.date, &facts.changes);
    let edits = Edits {
        version: Some(version.clone()),
        app_version: None,
        changes: Some(changelog::artifacthub_changes(&section)),
        prerelease: (!version.pre.is_empty()).then_some(true),
    };
    Ok(Decision {
        current: facts.main_version.clone(),
        chart_file: chartfile::edit(&facts.chart_file, &edits)?,
        changelog: changelog::insert(facts.changelog.as_deref(), &section)?,
        section: section.markdown(),
        version,
    })
}

fn no_bump() -> Refusal {
    let what = "nothing that is packaged changed, so there is no version to release";
    Refusal::new(Code::VersionNoBump, what, "close the pull request; files that `.helmignore` leaves out need no release")
}
