//! The checks of a contribution: there, passed, and bound to this chart or to this range of commits.

use super::trace::Trace;
use crate::{
    check::{ChartResult, CheckResult, Conclusion},
    digest::Sha256,
    evidence::Evidence,
    provenance,
    refusal::Code,
    stage::{Binding, Key, Stage},
};

/// Judges every check that validate's link refers to, required or not.
pub(super) fn judge(trace: &mut Trace<'_>) {
    let checks: Vec<_> = trace.entries.iter().filter(|(key, _)| key.is_check()).map(|(key, entry)| (key.clone(), entry.1)).collect();
    let path = trace.demand.folder.path();
    let chart = trace.statement(Stage::Validate).and_then(|statement| statement.subject(&path));
    for (key, evidence) in checks {
        let Some(result) = read(trace, &key, evidence) else { continue };
        match key.binding() {
            Binding::Content => content(trace, &result, chart),
            Binding::Commits => commits(trace, &result),
        }
        trace.results.insert(key, result);
    }
    same_dependencies(trace);
}

/// The result document, held against its digest, its key and the subjects.
fn read(trace: &mut Trace<'_>, key: &Key, evidence: &Evidence) -> Option<CheckResult> {
    let result = match provenance::result_of(&evidence.statement) {
        Ok(result) => result,
        Err(fault) => {
            trace.refusals.push(fault);
            return None;
        }
    };
    if result.check != *key {
        trace.refuse(Code::LineageResultMismatch, format!("the attestation of `{key}` holds the result of `{}`", result.check));
        return None;
    }
    let sorted = |mut subjects: Vec<crate::statement::Subject>| {
        subjects.sort();
        subjects
    };
    if sorted(evidence.statement.subject.clone()) != sorted(result.subjects()) {
        trace.refuse(Code::LineageWrongSubjects, format!("the subjects of `{key}` are not what its result is bound to"));
    }
    passed(trace, &result, &format!("`{key}`"));
    Some(result)
}

/// Whether a result, as a whole, counts.
pub(super) fn passed(trace: &mut Trace<'_>, result: &CheckResult, whose: &str) {
    trace.same_policy(&format!("the result of {whose}"), result.policy);
    if result.conclusion != Conclusion::Success {
        trace.refuse(Code::LineageFailedCheck, format!("{whose} did not pass"));
    }
}

fn content(trace: &mut Trace<'_>, result: &CheckResult, chart: Option<Sha256>) {
    let Some(chart) = chart else { return };
    covers(trace, result, chart, &format!("`{}`", result.check));
}

/// Whether a content check passed for this chart, as it is.
pub(super) fn covers(trace: &mut Trace<'_>, result: &CheckResult, chart: Sha256, whose: &str) {
    let path = trace.demand.folder.path();
    let Some(ChartResult { digest, conclusion, .. }) = result.chart(trace.demand.folder) else {
        return trace.refuse(Code::LineageOtherContent, format!("{whose} did not look at `{path}`"));
    };
    if *digest != chart {
        trace.refuse(Code::LineageOtherContent, format!("{whose} looked at `{path}` {digest}, expected {chart}"));
    }
    if *conclusion != Conclusion::Success {
        trace.refuse(Code::LineageFailedCheck, format!("{whose} did not pass for `{path}`"));
    }
}

fn commits(trace: &mut Trace<'_>, result: &CheckResult) {
    let stated = trace.link(Stage::Validate).and_then(|link| link.range.clone());
    if stated.is_none() || result.range != stated {
        trace.refuse(Code::LineageOtherRange, format!("`{}` looked at other commits than the link of validate covers", result.check));
    }
}

/// Every content check saw the same bytes: a dependency that was replaced between two of them was checked by neither.
fn same_dependencies(trace: &mut Trace<'_>) {
    let folder = trace.demand.folder.clone();
    let rows = |trace: &Trace<'_>| -> Vec<_> {
        trace.results.iter().filter_map(|(key, result)| Some((key.clone(), result.chart(&folder)?.dependencies.clone()))).collect()
    };
    let rows = rows(trace);
    let Some((first, expected)) = rows.first() else { return };
    for (key, _) in rows.iter().filter(|(_, dependencies)| dependencies != expected) {
        trace.refuse(Code::LineageOtherDependencies, format!("`{key}` and `{first}` saw different dependencies"));
    }
}
