//! What a lineage link must say, taken by itself.

use super::refusal;
use crate::{
    policy::{BreakGlass, Policy},
    refusal::{Code, Refusal},
    stage::{Key, Stage},
    statement::{LINEAGE, Link, PROVENANCE, Statement, VERIFICATION},
};
use serde::Deserialize as _;

/// The link inside a statement.
pub(super) fn parse(statement: &Statement) -> Result<Link, Refusal> {
    if statement.predicate_type != LINEAGE {
        let what = format!("a link has the predicate type `{}`, expected `{LINEAGE}`", statement.predicate_type.escape_debug());
        return Err(refusal(Code::LineageWrongType, what));
    }
    Link::deserialize(&statement.predicate).map_err(|error| refusal(Code::LineageMalformed, format!("a link can't be read: {error}")))
}

/// The predicate type under which a key is signed.
pub(super) fn type_of(key: &Key) -> &'static str {
    match key.as_str() {
        Key::WORKFLOW_5_VERIFY | Key::WORKFLOW_7_VERIFY => VERIFICATION,
        _ if key.overall_of().is_some() => LINEAGE,
        _ => PROVENANCE,
    }
}

/// The keys, beside checks and its link, that a stage signs.
pub(super) fn own_keys(stage: Stage) -> Vec<Key> {
    let keys: &[&str] = match stage {
        Stage::Bump => &[Key::WORKFLOW_5_VERIFY, Key::WORKFLOW_5_SEMVER],
        Stage::Build => &[Key::WORKFLOW_7_VERIFY, Key::WORKFLOW_7_BUILD],
        Stage::Publish => &[Key::WORKFLOW_8_PUBLISH],
        _ => &[],
    };
    keys.iter().filter_map(|key| key.parse().ok()).collect()
}

/// Whether a stage signs this key itself, so that its link is where the lineage takes it from.
pub(super) fn is_own(stage: Stage, key: &Key) -> bool {
    if stage == Stage::Validate { key.is_check() } else { own_keys(stage).contains(key) }
}

/// Break-glass: at the tag alone, in place of a parent, with a reason, where the policy enables it (C-17).
pub(super) fn break_glass(stage: Stage, link: &Link, policy: &Policy) -> Option<Refusal> {
    let reason = link.break_glass.as_ref()?;
    let why = if stage != Stage::Tag {
        "only tag may leave out what comes before it"
    } else if link.parent.is_some() {
        "it has a lineage all the same"
    } else if reason.trim().is_empty() {
        "it states no reason"
    } else if policy.break_glass == BreakGlass::Disabled {
        "the policy does not enable it"
    } else {
        return None;
    };
    let what = format!("the link of `{stage}` was signed under break-glass (`{}`), but {why}", reason.escape_debug());
    Some(refusal(Code::LineageBreakGlass, what))
}

/// What each stage's link says beside its references.
pub(super) fn fields(stage: Stage, link: &Link) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if stage == Stage::Validate {
        match (&link.range, &link.git_commit) {
            (Some(range), Some(commit)) if range.to == *commit => {}
            (Some(range), commit) => {
                let commit = commit.as_ref().map_or("absent".to_owned(), |commit| format!("`{commit}`"));
                refusals.push(refusal(
                    Code::LineageOtherCommit,
                    format!("the link of validate covers up to `{}`, but its commit is {commit}", range.to),
                ));
            }
            (None, _) => refusals.push(refusal(Code::LineageOtherRange, "the link of validate states no range of commits")),
        }
    }
    let has_commit = matches!(stage, Stage::Filter | Stage::Enforce | Stage::Format | Stage::Bump | Stage::Tag);
    if has_commit && link.git_commit.is_none() {
        refusals.push(refusal(Code::LineageOtherCommit, format!("the link of `{stage}` names no commit")));
    }
    refusals
}
