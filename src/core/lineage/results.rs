//! What stages say they verified and made, held against what is there.

use super::{checks, trace::Trace};
use crate::{
    check::{CheckResult, Conclusion},
    digest::Sha256,
    evidence::Evidence,
    provenance::{Provenance, ResolvedDependency, VerificationResult},
    refusal::Code,
    stage::{Key, Stage},
};
use serde::Deserialize as _;
use std::collections::BTreeMap;

/// Judges verification results, the bump's provenance, the package's and the manifest's.
pub(super) fn judge(trace: &mut Trace<'_>) {
    verification(trace, Key::WORKFLOW_5_VERIFY, Stage::Format);
    verification(trace, Key::WORKFLOW_7_VERIFY, Stage::Tag);
    bump(trace);
    build(trace);
    publish(trace);
}

fn evidence<'a>(trace: &Trace<'a>, key: &str) -> Option<&'a Evidence> {
    trace.entries.iter().find(|(known, _)| known.as_str() == key).map(|(_, (_, evidence))| *evidence)
}

/// A verification result lists exactly the attestations up to the link that it was made on.
fn verification(trace: &mut Trace<'_>, key: &str, upto: Stage) {
    let Some(evidence) = evidence(trace, key) else { return };
    let result = match VerificationResult::deserialize(&evidence.statement.predicate) {
        Ok(result) => result,
        Err(error) => return trace.refuse(Code::LineageMalformed, format!("`{key}` can't be read: {error}")),
    };
    let end = upto.overall();
    let place = trace.order.iter().position(|known| *known == end);
    let expected: BTreeMap<Key, Sha256> = trace
        .order
        .iter()
        .take(place.map_or(0, |place| place + 1))
        .filter_map(|key| Some((key.clone(), trace.entries.get(key)?.0.statement)))
        .collect();
    let actual: BTreeMap<Key, Sha256> = result.verified.iter().map(|one| (one.key.clone(), one.statement)).collect();
    if !trace.is_broken && (actual != expected || actual.len() != result.verified.len()) {
        trace.refuse(Code::LineageOtherVerification, format!("`{key}` does not list exactly the attestations up to `{end}`"));
    }
    if trace.links.get(&upto).is_some_and(|found| found.reference.statement != result.parent.digest) {
        trace.refuse(Code::LineageBrokenParent, format!("`{key}` was not made on the link `{end}` of this lineage"));
    }
    trace.same_policy(&format!("`{key}`"), result.policy);
    if result.conclusion != Conclusion::Success {
        trace.refuse(Code::LineageFailedCheck, format!("`{key}` did not succeed"));
    }
}

/// The bump took this tree, and every content check passed on what it made of it.
fn bump(trace: &mut Trace<'_>) {
    let Some(provenance) = provenance(trace, Key::WORKFLOW_5_SEMVER) else { return };
    let path = trace.demand.folder.path();
    let subject = |trace: &Trace<'_>, stage| trace.statement(stage).and_then(|statement| statement.subject(&path));
    let (before, after) = (subject(trace, Stage::Validate), subject(trace, Stage::Bump));
    took(trace, (Key::WORKFLOW_5_SEMVER, &provenance), (&path, before), Code::LineageOtherContent);
    let results = match provenance.results() {
        Ok(results) => results,
        Err(fault) => return trace.refusals.push(fault),
    };
    let due: Vec<_> = trace.policy.content_checks().filter(|key| !trace.policy.is_given_away(key)).cloned().collect();
    for key in due {
        let whose = format!("`{key}` after the bump");
        let mut found = results.iter().filter(|result| result.check == key);
        let (Some(result), None) = (found.next(), found.next()) else {
            trace.refuse(Code::LineageMissingCheck, format!("`{}` has not exactly one result of `{key}`", Key::WORKFLOW_5_SEMVER));
            continue;
        };
        checks::passed(trace, result, &whose);
        if let Some(after) = after {
            checks::covers(trace, result, after, &whose);
        }
        let row = |result: &CheckResult| result.chart(trace.demand.folder).map(|row| row.dependencies.clone());
        if trace.results.get(&key).is_some_and(|before| row(before) != row(result)) {
            trace.refuse(Code::LineageOtherDependencies, format!("{whose} saw other dependencies than before it"));
        }
    }
}

/// The package was made of the tag's commit, this tree, and the dependencies that the checks saw.
fn build(trace: &mut Trace<'_>) {
    let Some(provenance) = provenance(trace, Key::WORKFLOW_7_BUILD) else { return };
    let path = trace.demand.folder.path();
    let chart = trace.statement(Stage::Tag).and_then(|statement| statement.subject(&path));
    took(trace, (Key::WORKFLOW_7_BUILD, &provenance), (&path, chart), Code::LineageOtherContent);
    let commit = trace.link(Stage::Tag).and_then(|link| link.git_commit.clone());
    // The first dependency is the run's own commit, which may be a later one.
    let taken = provenance.build_definition.resolved_dependencies.iter().skip(1);
    if commit.is_some() && !taken.clone().any(|one| one.git_commit() == commit) {
        trace.refuse(Code::LineageOtherCommit, format!("`{}` was not made from the tag's commit", Key::WORKFLOW_7_BUILD));
    }
    let row = trace.results.values().find_map(|result| result.chart(trace.demand.folder));
    let Some(expected) = row.map(|row| row.dependencies.iter().map(ResolvedDependency::package).collect::<Vec<_>>()) else { return };
    let is_package = |one: &&ResolvedDependency| one.name.as_ref().is_some_and(|name| *name != path);
    let actual: Vec<_> = taken.filter(is_package).cloned().collect();
    if actual != expected {
        trace.refuse(Code::LineageOtherDependencies, format!("`{}` took other dependencies than the checks saw", Key::WORKFLOW_7_BUILD));
    }
}

/// What was published is the package that was built.
fn publish(trace: &mut Trace<'_>) {
    let Some(provenance) = provenance(trace, Key::WORKFLOW_8_PUBLISH) else { return };
    let Some(tag) = super::subjects::tag(trace) else { return };
    let package = trace.statement(Stage::Build).and_then(|statement| statement.subject(&tag.package()));
    took(trace, (Key::WORKFLOW_8_PUBLISH, &provenance), (&tag.package(), package), Code::LineageOtherPackage);
}

fn provenance(trace: &mut Trace<'_>, key: &str) -> Option<Provenance> {
    let evidence = evidence(trace, key)?;
    Provenance::of(&evidence.statement).map_err(|fault| trace.refusals.push(fault)).ok()
}

/// Whether a provenance has exactly one dependency of that name, and it is this one.
fn took(trace: &mut Trace<'_>, (key, provenance): (&str, &Provenance), (name, expected): (&str, Option<Sha256>), code: Code) {
    let mut found = provenance.build_definition.resolved_dependencies.iter().filter(|one| one.name.as_deref() == Some(name));
    let is_one = matches!((found.next(), found.next()), (Some(one), None) if one.sha256() == expected);
    if let (false, Some(expected)) = (is_one, expected) {
        trace.refuse(code, format!("`{key}` was not made from `{name}` {expected} alone"));
    }
}
