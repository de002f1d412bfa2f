//! What the reader holds in hand, against what the links are about.

use super::{
    Anchors,
    subjects::{self, COMMIT, DESCRIPTION, INDEX_ENTRY},
    trace::Trace,
};
use crate::{digest::Sha256, refusal::Code, stage::Stage};

/// Judges every anchor against the newest link that has such a subject.
pub(super) fn judge(trace: &mut Trace<'_>) {
    let Anchors { chart, commit, tag, package, manifest, index_entry, description } = trace.demand.anchors.clone();
    let upto = trace.demand.upto;
    if let Some(chart) = chart {
        let path = trace.demand.folder.path();
        held(trace, upto.min(Stage::Tag), (&path, chart), Code::LineageOtherContent);
    }
    if let Some((id, digest)) = commit {
        let stage = upto.min(Stage::Tag);
        held(trace, stage, (COMMIT, digest), Code::LineageOtherCommit);
        if let Some(named) = trace.link(stage).map(|link| link.git_commit.clone())
            && named.as_ref() != Some(&id)
        {
            let named = named.map_or("none".to_owned(), |named| named.to_string());
            trace.refuse(Code::LineageOtherCommit, format!("the link of `{stage}` names the commit `{named}`, expected `{id}`"));
        }
    }
    for (anchor, stage, code) in [(tag, Stage::Tag, Code::LineageOtherTag), (package, Stage::Build, Code::LineageOtherPackage)] {
        if let Some((name, digest)) = anchor {
            held(trace, stage, (&name, digest), code);
        }
    }
    if let Some(digest) = index_entry {
        held(trace, Stage::Build, (INDEX_ENTRY, digest), Code::LineageOtherIndexEntry);
    }
    if let Some(digest) = description {
        let stage = if upto < Stage::Bump { Stage::Validate } else { Stage::Bump };
        held(trace, stage, (DESCRIPTION, digest), Code::LineageOtherDescription);
    }
    if let Some(digest) = manifest {
        self::manifest(trace, digest);
    }
}

/// An anchor that no link speaks of proves nothing, and is refused like one that differs.
fn held(trace: &mut Trace<'_>, stage: Stage, (name, digest): (&str, Sha256), code: Code) {
    if is_cut_off(trace, stage) {
        return;
    }
    let signed = trace.statement(stage).map(|statement| subjects::all(statement, name)).unwrap_or_default();
    if !signed.contains(&digest) {
        let signed = signed.first().map_or("nothing".to_owned(), ToString::to_string);
        trace.refuse(code, format!("`{}` is {digest}, but the link of `{stage}` signed {signed}", name.escape_debug()));
    }
}

/// The manifest is the subject of publish's link that is no package: its name is the registry's, which a mirror's may differ from.
fn manifest(trace: &mut Trace<'_>, digest: Sha256) {
    if is_cut_off(trace, Stage::Publish) {
        return;
    }
    let subjects = trace.statement(Stage::Publish).map(|statement| statement.subject.clone()).unwrap_or_default();
    let is_signed = subjects.iter().any(|subject| subject.name.contains('/') && subject.sha256() == Some(digest));
    if !is_signed {
        trace.refuse(Code::LineageOtherManifest, format!("the OCI manifest is {digest}, which the link of `publish` did not sign"));
    }
}

/// Whether the chain breaks off above a stage that belongs to it: it is refused for that, and not for each anchor below again.
fn is_cut_off(trace: &Trace<'_>, stage: Stage) -> bool {
    trace.is_broken && trace.statement(stage).is_none() && stage <= trace.demand.upto
}
