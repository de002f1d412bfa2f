//! What each attestation is about: exactly its subjects, the same thing from link to link.

use super::trace::Trace;
use crate::{
    digest::Sha256,
    name::ReleaseTag,
    refusal::Code,
    stage::{Key, Stage},
    statement::{Statement, Subject},
};
use std::collections::BTreeSet;

/// Name of the subject that stands for a commit.
pub(super) const COMMIT: &str = "commit";
/// Name of the subject that stands for the description of a pull request.
pub(super) const DESCRIPTION: &str = "pr-description";
/// Name of the subject that stands for the entry in the index of a Helm repository.
pub(super) const INDEX_ENTRY: &str = "index-entry";

/// Every sha256 under a name: of the descriptions there may be several.
pub(super) fn all(statement: &Statement, name: &str) -> Vec<Sha256> {
    statement.subject.iter().filter(|subject| subject.name == name).filter_map(Subject::sha256).collect()
}

/// A subject that must be there once.
struct Expected {
    name: String,
    /// `None` where this attestation is the first to speak of the thing.
    digest: Option<Sha256>,
    code: Code,
}

impl Expected {
    fn new(name: impl Into<String>, digest: Option<Sha256>, code: Code) -> Self {
        Self { name: name.into(), digest, code }
    }
}

/// Judges the subjects of every link and of what stages sign beside it.
pub(super) fn judge(trace: &mut Trace<'_>) {
    let path = trace.demand.folder.path();
    let before = subject(trace, Stage::Validate, &path);
    let bumped = subject(trace, Stage::Bump, &path);
    let chart = |digest| Expected::new(path.clone(), digest, Code::LineageOtherContent);
    let commit = |digest| Expected::new(COMMIT, digest, Code::LineageOtherCommit);
    exact(trace, &Stage::Validate.overall(), &[commit(None), chart(None)], |name| name == DESCRIPTION || name.starts_with("charts/"));
    let described = trace.statement(Stage::Validate).map(|statement| all(statement, DESCRIPTION).len());
    if described != trace.link(Stage::Validate).map(|link| link.pulls.len()) {
        trace.refuse(Code::LineageWrongSubjects, "the link of `validate` has not one description for each pull request that it names");
    }
    exact(trace, &Stage::Filter.overall(), &[chart(before), commit(None)], none);
    // Enforce judges the very commit that filter made.
    let made = subject(trace, Stage::Filter, COMMIT);
    exact(trace, &Stage::Enforce.overall(), &[chart(before), commit(made)], none);
    exact(trace, &Stage::Format.overall(), &[chart(before), commit(None)], none);
    own(trace, Key::WORKFLOW_5_VERIFY, &[chart(before)]);
    own(trace, Key::WORKFLOW_5_SEMVER, &[chart(bumped)]);
    let description = Expected::new(DESCRIPTION, None, Code::LineageOtherDescription);
    exact(trace, &Stage::Bump.overall(), &[commit(None), description, chart(None)], none);
    release(trace, bumped);
    commits(trace);
}

/// From the tag on: tag, package and manifest.
fn release(trace: &mut Trace<'_>, bumped: Option<Sha256>) {
    let Some(tag) = tag(trace) else { return };
    let chart = Expected::new(trace.demand.folder.path(), bumped, Code::LineageOtherContent);
    let name = tag.to_string();
    let tagged = subject(trace, Stage::Tag, &name);
    let package = subject(trace, Stage::Build, &tag.package());
    let as_tag = |digest| Expected::new(name.clone(), digest, Code::LineageOtherTag);
    let as_package = |digest| Expected::new(tag.package(), digest, Code::LineageOtherPackage);
    exact(trace, &Stage::Tag.overall(), &[as_tag(None), Expected::new(COMMIT, None, Code::LineageOtherCommit), chart], none);
    own(trace, Key::WORKFLOW_7_VERIFY, &[as_tag(tagged)]);
    own(trace, Key::WORKFLOW_7_BUILD, &[as_package(package)]);
    exact(trace, &Stage::Build.overall(), &[as_package(None)], |name| name == INDEX_ENTRY);
    let Some(image) = image(trace, &tag) else { return };
    let manifest = subject(trace, Stage::Publish, &image);
    own(trace, Key::WORKFLOW_8_PUBLISH, &[Expected::new(image.clone(), manifest, Code::LineageOtherManifest)]);
    exact(trace, &Stage::Publish.overall(), &[Expected::new(image, None, Code::LineageOtherManifest), as_package(package)], none);
}

/// The tag among the subjects of tag's link.
pub(super) fn tag(trace: &mut Trace<'_>) -> Option<ReleaseTag> {
    let statement = trace.statement(Stage::Tag)?;
    let mut tags = statement.subject.iter().filter_map(|subject| subject.name.parse::<ReleaseTag>().ok());
    let found = tags.next();
    if found.is_none() {
        trace.refuse(Code::LineageWrongSubjects, "the link of `tag` has no release tag among its subjects");
    }
    found
}

/// The OCI name among the subjects of publish's link: `<registry>/<namespace>/<chart>`.
fn image(trace: &mut Trace<'_>, tag: &ReleaseTag) -> Option<String> {
    let statement = trace.statement(Stage::Publish)?;
    let end = format!("/{}", tag.chart);
    let found = statement.subject.iter().find(|subject| subject.name.ends_with(&end)).map(|subject| subject.name.clone());
    if found.is_none() {
        trace.refuse(Code::LineageWrongSubjects, format!("the link of `publish` has no OCI name of `{}` among its subjects", tag.chart));
    }
    found
}

/// The commits that the predicates name beside the subjects.
fn commits(trace: &mut Trace<'_>) {
    let commit = |stage| trace.link(stage).and_then(|link| link.git_commit.clone());
    let run = trace.links.get(&Stage::Validate).and_then(|found| found.evidence.claims.source_repository_digest.clone());
    let of_filter = trace.link(Stage::Filter).map(|link| link.source_commit.clone());
    let pairs = [
        ("the link of `validate` speaks of a commit", commit(Stage::Validate).map(|id| id.to_string()), run, "the run's"),
        (
            "the link of `filter` names a source commit",
            of_filter.map(|id| id.map_or("none".to_owned(), |id| id.to_string())),
            commit(Stage::Validate).map(|id| id.to_string()),
            "validate's",
        ),
        (
            "the link of `enforce` judges a commit",
            commit(Stage::Enforce).map(|id| id.to_string()),
            commit(Stage::Filter).map(|id| id.to_string()),
            "filter's",
        ),
        (
            "the link of `build` names a commit",
            commit(Stage::Build).map(|id| id.to_string()),
            commit(Stage::Tag).map(|id| id.to_string()),
            "tag's",
        ),
    ];
    for (what, actual, expected, whose) in pairs {
        if let (Some(actual), Some(expected)) = (actual, expected)
            && actual != expected
        {
            trace.refuse(Code::LineageOtherCommit, format!("{what}, `{actual}`, that is not {whose}, `{expected}`"));
        }
    }
}

fn subject(trace: &Trace<'_>, stage: Stage, name: &str) -> Option<Sha256> {
    trace.statement(stage)?.subject(name)
}

fn none(_: &str) -> bool {
    false
}

fn own(trace: &mut Trace<'_>, key: &str, expected: &[Expected]) {
    if let Ok(key) = key.parse() {
        exact(trace, &key, expected, none);
    }
}

/// Refuses subjects that are missing, other, repeated, or more than these; `others` may be there too.
fn exact(trace: &mut Trace<'_>, key: &Key, expected: &[Expected], others: fn(&str) -> bool) {
    let Some((_, evidence)) = trace.entries.get(key) else { return };
    let statement = &evidence.statement;
    let mut faults = Vec::new();
    for one in expected {
        match (statement.subject(&one.name), one.digest) {
            (None, _) => {
                faults.push((Code::LineageWrongSubjects, format!("`{key}` has not exactly one subject `{}`", one.name.escape_debug())));
            }
            (Some(actual), Some(digest)) if actual != digest => {
                faults.push((one.code, format!("`{key}` is about `{}` {actual}, expected {digest}", one.name.escape_debug())));
            }
            (Some(_), _) => {}
        }
    }
    let mut seen = BTreeSet::new();
    for subject in &statement.subject {
        let is_known = expected.iter().any(|one| one.name == subject.name) || others(&subject.name);
        let is_repeated = subject.name != DESCRIPTION && !seen.insert(&subject.name);
        if !is_known || is_repeated || subject.digest.len() != 1 || subject.sha256().is_none() {
            faults.push((
                Code::LineageWrongSubjects,
                format!("`{key}` has a subject too many, or without a plain sha256: `{}`", subject.name.escape_debug()),
            ));
        }
    }
    for (code, what) in faults {
        trace.refuse(code, what);
    }
}
