//! What was signed: for every attestation of a lineage and every field that carries trust, one forgery and the code that stops it.
//!
//! A forgery here is signed by the right workflow, as if that workflow had been made to say it: the chain alone must not add up.

use super::super::testing::*;
use crate::{
    check::{CheckResult, Conclusion},
    digest::Sha256,
    refusal::Code,
    stage::{Key, Stage},
    statement::{LINEAGE, PROVENANCE, VERIFICATION},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn x() -> Value {
    json!(Sha256::of("x").hex())
}

/// Takes a value out of an object or a list inside a statement.
fn take_out(good: &mut Good, name: &str, pointer: &str) {
    let evidence = good.at(name);
    let mut statement = serde_json::to_value(&evidence.statement).unwrap();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match statement.pointer_mut(parent).unwrap() {
        Value::Object(object) => assert!(object.remove(field).is_some(), "{pointer}"),
        Value::Array(array) => drop(array.remove(field.parse().unwrap())),
        other => panic!("{other}"),
    }
    evidence.statement = serde_json::from_value(statement).unwrap();
}

fn is_exactly(good: &Good, expected: &[Code], what: &str) {
    assert_eq!(good.codes(), expected.iter().copied().collect::<BTreeSet<_>>(), "{what}");
}

#[test]
fn nothing_may_be_missing() {
    let good = Good::upto(Stage::Publish);
    for name in good.evidence.keys() {
        let mut forged = good.clone();
        forged.evidence.remove(name);
        let codes = forged.codes();
        assert!(codes.contains(&Code::LineageMissingAttestation), "{name}: {codes:?}");
    }
}

#[test]
fn every_reference_in_a_link_binds() {
    let good = Good::upto(Stage::Publish);
    let links = good.evidence.iter().filter(|(_, evidence)| evidence.statement.predicate_type == LINEAGE);
    let mut count = 0;
    for (link, evidence) in links {
        let references = evidence.statement.predicate["references"].as_object().unwrap();
        for key in references.keys() {
            let at = format!("/predicate/references/{key}");
            let is_own = link.as_str() == "workflow-1-overall" || key.starts_with(&link.as_str()[..11]) && !key.ends_with("-overall");
            let forge = |change: &dyn Fn(&mut Good), expected: Code| {
                let mut forged = good.clone();
                change(&mut forged);
                let codes = forged.codes();
                assert!(codes.contains(&expected), "{link} {key}: {codes:?}, expected {expected}");
            };
            let other = if is_own { Code::LineageMissingAttestation } else { Code::LineageOtherReference };
            forge(&|good| good.set(link.as_str(), &format!("{at}/statement"), x()), other);
            forge(&|good| good.set(link.as_str(), &format!("{at}/id"), json!("9")), Code::LineageOtherId);
            if is_own {
                forge(&|good| good.set(link.as_str(), &format!("{at}/predicateType"), json!("x")), Code::LineageWrongType);
                forge(&|good| good.set(link.as_str(), &format!("{at}/subject"), x()), Code::LineageWrongSubjects);
            }
            let missing = if link.as_str() == "workflow-1-overall" { Code::LineageMissingCheck } else { Code::LineageMissingAttestation };
            forge(&|good| take_out(good, link.as_str(), &at), missing);
            forge(&|good| take_out(good, link.as_str(), &format!("/predicate/attestations/{key}")), Code::LineageOtherId);
            count += 1;
        }
    }
    assert_eq!(count, 3 + (3 + 4 + 2) + 2 + 1, "validate's, bump's, build's, publish's");
}

#[test]
fn every_link_names_its_own_stage_parent_policy_and_run() {
    for stage in Stage::ALL {
        let name = stage.overall();
        let good = Good::upto(stage);
        let forge = |field: &str, value: Value, expected: Code| {
            let mut forged = good.clone();
            forged.set(name.as_str(), &format!("/predicate/{field}"), value);
            is_exactly(&forged, &[expected], &format!("{name} {field}"));
        };
        let other = if stage == Stage::Tag { "build" } else { "tag" };
        forge("stage", json!(other), Code::LineageWrongStage);
        forge("policy", x(), Code::LineageOtherPolicy);
        forge("invocation", json!("https://github.com/acme/charts/actions/runs/77/attempts/1"), Code::IdentityWrongRun);
        if stage > Stage::Validate {
            forge("parent", Value::Null, Code::LineageBrokenParent);
            forge("parent/digest", x(), Code::LineageMissingAttestation);
            forge("parent/subject", x(), Code::LineageWrongSubjects);
        } else {
            let parent = json!({"id": "1", "digest": Sha256::of("x"), "subject": Sha256::of("x")});
            forge("parent", parent, Code::LineageBrokenParent);
        }
        let mut alien = good.clone();
        alien.set(name.as_str(), "/predicate/attestations/x", json!("1"));
        is_exactly(&alien, &[Code::LineageUnexpectedKey], "an id of nothing");
        let mut alien = good.clone();
        let reference = json!({"id": "1", "subject": Sha256::of("x"), "predicateType": PROVENANCE, "statement": Sha256::of("x")});
        alien.set(name.as_str(), "/predicate/references/workflow-8-publish", reference);
        alien.set(name.as_str(), "/predicate/attestations/workflow-8-publish", json!("1"));
        let expected = if stage == Stage::Publish { Code::LineageMissingAttestation } else { Code::LineageUnexpectedKey };
        assert!(alien.codes().contains(&expected), "{name}: {:?}", alien.codes());
    }
}

#[test]
fn a_parent_from_another_lineage_is_refused() {
    // Each link is skipped in turn: its child takes its grandparent for its parent.
    for stage in Stage::ALL.into_iter().skip(2) {
        let mut forged = Good::upto(stage);
        let grandparent = forged.references[&stage.previous().unwrap().previous().unwrap().overall()].clone();
        let parent = json!({"id": grandparent.id, "digest": grandparent.statement, "subject": grandparent.subject});
        forged.set(stage.overall().as_str(), "/predicate/parent", parent);
        let codes = forged.codes();
        assert!(codes.contains(&Code::LineageWrongStage), "{stage}: {codes:?}");
    }
}

/// Attestation, place inside its statement, value, and the codes that must come of it, exactly.
type Row = (&'static str, &'static str, Value, &'static [Code]);

fn commits_and_ranges() -> Vec<Row> {
    let other = || json!("0".repeat(40));
    vec![
        ("workflow-1-overall", "gitCommit", other(), &[Code::LineageOtherCommit]),
        ("workflow-1-overall", "gitCommit", Value::Null, &[Code::LineageOtherCommit]),
        ("workflow-1-overall", "range", Value::Null, &[Code::LineageOtherRange]),
        ("workflow-1-overall", "range/from", other(), &[Code::LineageOtherRange]),
        ("workflow-1-overall", "range/to", other(), &[Code::LineageOtherRange, Code::LineageOtherCommit]),
        ("workflow-1-overall", "pulls", json!([11]), &[Code::LineageWrongSubjects]),
        ("workflow-2-overall", "sourceCommit", other(), &[Code::LineageOtherCommit]),
        ("workflow-2-overall", "sourceCommit", Value::Null, &[Code::LineageOtherCommit]),
        ("workflow-2-overall", "gitCommit", Value::Null, &[Code::LineageOtherCommit]),
        ("workflow-3-overall", "gitCommit", other(), &[Code::LineageOtherCommit]),
        ("workflow-3-overall", "gitCommit", Value::Null, &[Code::LineageOtherCommit]),
        ("workflow-4-overall", "gitCommit", Value::Null, &[Code::LineageOtherCommit]),
        ("workflow-5-overall", "gitCommit", Value::Null, &[Code::LineageOtherCommit]),
        ("workflow-6-overall", "gitCommit", Value::Null, &[Code::LineageOtherCommit]),
        ("workflow-7-overall", "gitCommit", other(), &[Code::LineageOtherCommit]),
        ("workflow-7-overall", "lineage/0/attestation", json!("9"), &[Code::LineageOtherId]),
        ("workflow-7-overall", "lineage/2/stage", json!("deploy"), &[Code::LineageUnexpectedKey]),
        ("workflow-7-overall", "attestations/workflow-1-overall", json!("9"), &[Code::LineageOtherId]),
    ]
}

fn verification_results() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for key in ["workflow-5-verify", "workflow-7-verify"] {
        let extra = json!({"key": "security", "statement": Sha256::of("x")});
        rows.extend([
            (key, "verified/0/statement", x(), [Code::LineageOtherVerification].as_slice()),
            (key, "verified/0/key", json!("another"), &[Code::LineageOtherVerification]),
            (key, "verified/-", extra, &[Code::LineageOtherVerification]),
            (key, "verified", json!([]), &[Code::LineageOtherVerification]),
            (key, "parent/digest", x(), &[Code::LineageBrokenParent]),
            (key, "policy", x(), &[Code::LineageOtherPolicy]),
            (key, "conclusion", json!("failure"), &[Code::LineageFailedCheck]),
            (key, "invocation", json!("another"), &[Code::IdentityWrongRun]),
            (key, "parent", Value::Null, &[Code::IdentityWrongRun, Code::LineageMalformed]),
        ]);
    }
    rows
}

fn provenances() -> Vec<Row> {
    const TAKEN: &str = "buildDefinition/resolvedDependencies";
    let dependency = |name: &str, at: usize| -> &'static str { Box::leak(format!("{TAKEN}/{at}/digest/{name}").into_boxed_str()) };
    let mut rows: Vec<Row> = vec![
        ("workflow-5-semver", dependency("sha256", 1), x(), &[Code::LineageOtherContent]),
        ("workflow-7-build", dependency("gitCommit", 1), json!("0".repeat(40)), &[Code::LineageOtherCommit]),
        ("workflow-7-build", dependency("sha256", 2), x(), &[Code::LineageOtherContent]),
        ("workflow-7-build", dependency("sha256", 3), x(), &[Code::LineageOtherDependencies]),
        ("workflow-7-build", "buildDefinition/resolvedDependencies/3/name", json!("evil-1.0.0.tgz"), &[Code::LineageOtherDependencies]),
        (
            "workflow-7-build",
            "buildDefinition/resolvedDependencies/-",
            json!({"name": "evil.tgz", "digest": {"sha256": x()}}),
            &[Code::LineageOtherDependencies],
        ),
        (
            "workflow-7-build",
            "buildDefinition/resolvedDependencies/-",
            json!({"name": "charts/nginx", "digest": {"sha256": x()}}),
            &[Code::LineageOtherContent],
        ),
        ("workflow-8-publish", dependency("sha256", 1), x(), &[Code::LineageOtherPackage]),
        ("security", "runDetails/byproducts", json!([]), &[Code::LineageMalformed]),
        ("security", "runDetails/byproducts/0/content", json!("!"), &[Code::CheckMalformed]),
        ("security", "runDetails/byproducts/0/content", json!("e30="), &[Code::LineageResultMismatch]),
        ("security", "runDetails/byproducts/0/digest/sha256", x(), &[Code::LineageResultMismatch]),
        ("workflow-5-semver", "runDetails/byproducts", json!([]), &[Code::LineageMissingCheck]),
        ("workflow-5-semver", "runDetails/byproducts/0/content", json!("e30="), &[Code::LineageResultMismatch]),
    ];
    for key in ["security", "commit-validation", "workflow-5-semver", "workflow-7-build", "workflow-8-publish"] {
        rows.extend([
            (key, "runDetails/builder/id", json!("https://github.com/evil"), [Code::IdentityWrongRun].as_slice()),
            (key, "runDetails/metadata/invocationId", json!("another"), &[Code::IdentityWrongRun]),
            (key, "buildDefinition/externalParameters/workflow/ref", json!("refs/heads/x"), &[Code::IdentityWrongRun]),
            (key, "buildDefinition/externalParameters/workflow/repository", json!("https://github.com/evil/x"), &[Code::IdentityWrongRun]),
            (key, dependency("gitCommit", 0), json!("0".repeat(40)), &[Code::IdentityWrongRun]),
        ]);
    }
    rows
}

#[test]
fn every_field_of_a_predicate_that_carries_trust_is_held_against_the_rest() {
    let good = Good::upto(Stage::Publish);
    for (name, field, value, expected) in [commits_and_ranges(), verification_results(), provenances()].concat() {
        let mut forged = good.clone();
        forged.set(name, &format!("/predicate/{field}"), value.clone());
        is_exactly(&forged, expected, &format!("{name} {field} {value}"));
    }
}

#[test]
fn a_predicate_that_cannot_be_read_is_none() {
    let good = Good::upto(Stage::Publish);
    for (name, evidence) in &good.evidence {
        let mut forged = good.clone();
        forged.at(name.as_str()).statement.predicate = json!({});
        let codes = forged.codes();
        assert!(codes.contains(&Code::LineageMalformed) && codes.contains(&Code::IdentityWrongRun), "{name}: {codes:?}");
        for other in [LINEAGE, PROVENANCE, VERIFICATION, "https://example.com/attestation-lineage/v1"] {
            let mut forged = good.clone();
            forged.at(name.as_str()).statement.predicate_type = other.into();
            let is_own = evidence.statement.predicate_type == other;
            assert_eq!(forged.codes().contains(&Code::LineageWrongType), !is_own, "{name} as {other}");
        }
        let mut old = good.clone();
        old.at(name.as_str()).statement.kind = "https://in-toto.io/Statement/v0.1".into();
        is_exactly(&old, &[Code::LineageWrongType], name.as_str());
    }
}

#[test]
fn every_attestation_is_about_exactly_its_subjects() {
    let good = Good::upto(Stage::Publish);
    for (name, evidence) in &good.evidence {
        for (at, subject) in evidence.statement.subject.iter().enumerate() {
            let forge = |change: &dyn Fn(&mut Good)| {
                let mut forged = good.clone();
                change(&mut forged);
                let codes = forged.codes();
                // Without the subject of its own name, a check's document is bound to nothing, and that is said of it.
                let is_unbound = subject.name == name.as_str() && codes.contains(&Code::LineageResultMismatch);
                assert!(codes.contains(&Code::LineageWrongSubjects) || is_unbound, "{name} {}: {codes:?}", subject.name);
            };
            let place = format!("/subject/{at}");
            let is_free = matches!(subject.name.as_str(), "charts/other" | "index-entry");
            if !is_free || name.is_check() {
                forge(&|good| take_out(good, name.as_str(), &place));
            }
            forge(&|good| good.set(name.as_str(), &format!("{place}/name"), json!("another")));
            forge(&|good| good.set(name.as_str(), &format!("{place}/digest/sha512"), json!("ab")));
            forge(&|good| good.set(name.as_str(), &format!("{place}/digest"), json!({"sha1": "ab"})));
            forge(&|good| good.set(name.as_str(), "/subject/-", serde_json::to_value(subject).unwrap()));
        }
        let mut more = good.clone();
        more.set(name.as_str(), "/subject/-", json!({"name": "more", "digest": {"sha256": x()}}));
        is_exactly(&more, &[Code::LineageWrongSubjects], name.as_str());
    }
}

#[test]
fn what_a_link_is_about_is_the_same_from_link_to_link() {
    let good = Good::upto(Stage::Publish);
    for (name, subject, expected) in [
        ("workflow-2-overall", "charts/nginx", Code::LineageOtherContent),
        ("workflow-3-overall", "charts/nginx", Code::LineageOtherContent),
        ("workflow-3-overall", "commit", Code::LineageOtherCommit),
        ("workflow-4-overall", "charts/nginx", Code::LineageOtherContent),
        ("workflow-5-verify", "charts/nginx", Code::LineageOtherContent),
        ("workflow-5-semver", "charts/nginx", Code::LineageOtherContent),
        ("workflow-6-overall", "charts/nginx", Code::LineageOtherContent),
        ("workflow-6-overall", "commit", Code::LineageOtherCommit),
        ("workflow-6-overall", TAG, Code::LineageOtherTag),
        ("workflow-7-verify", TAG, Code::LineageOtherTag),
        ("workflow-7-build", PACKAGE, Code::LineageOtherPackage),
        ("workflow-7-overall", PACKAGE, Code::LineageOtherPackage),
        ("workflow-7-overall", "index-entry", Code::LineageOtherIndexEntry),
        ("workflow-8-publish", IMAGE, Code::LineageOtherManifest),
        ("workflow-8-overall", IMAGE, Code::LineageOtherManifest),
        ("workflow-8-overall", PACKAGE, Code::LineageOtherPackage),
        ("workflow-5-overall", "charts/nginx", Code::LineageOtherContent),
        ("workflow-5-overall", "pr-description", Code::LineageOtherDescription),
        ("workflow-1-overall", "charts/nginx", Code::LineageOtherContent),
    ] {
        let mut forged = good.clone();
        let subjects = &forged.evidence[&key(name)].statement.subject;
        let at = subjects.iter().position(|one| one.name == subject).unwrap();
        forged.set(name, &format!("/subject/{at}/digest/sha256"), x());
        let codes = forged.codes();
        assert!(codes.contains(&expected), "{name} {subject}: {codes:?}");
    }
}

type Change = fn(&mut CheckResult);

#[test]
fn a_check_passed_on_this_very_chart_under_this_policy() {
    let rows: [(&str, Change, &[Code]); 11] = [
        ("security", |r| r.policy = Sha256::of("x"), &[Code::LineageOtherPolicy]),
        ("security", |r| r.conclusion = Conclusion::Failure, &[Code::LineageFailedCheck]),
        ("security", |r| r.charts[0].conclusion = Conclusion::Failure, &[Code::LineageFailedCheck]),
        ("security", |r| r.charts[0].digest = Sha256::of("x"), &[Code::LineageOtherContent]),
        ("security", |r| r.charts[0].folder = "apache".parse().unwrap(), &[Code::LineageOtherContent]),
        ("security", |r| r.charts[0].dependencies.clear(), &[Code::LineageOtherDependencies]),
        ("security", |r| r.charts[0].dependencies[0].digest = Sha256::of("x"), &[Code::LineageOtherDependencies]),
        ("security", |r| drop(r.charts.remove(0)), &[Code::LineageOtherContent]),
        ("commit-validation", |r| r.policy = Sha256::of("x"), &[Code::LineageOtherPolicy]),
        ("commit-validation", |r| r.conclusion = Conclusion::Failure, &[Code::LineageFailedCheck]),
        ("commit-validation", |r| r.range.as_mut().unwrap().from = commit('0'), &[Code::LineageOtherRange]),
    ];
    for (name, change, expected) in rows {
        let mut forged = Good::upto(Stage::Format);
        forged.result_in(name, 0, change);
        is_exactly(&forged, expected, name);
    }
    let mut swapped = Good::upto(Stage::Format);
    swapped.result_in("security", 0, |result| result.check = key("lint-test-v1.32.11"));
    assert!(swapped.codes().contains(&Code::LineageResultMismatch));
}

#[test]
fn a_result_for_another_chart_does_not_count_for_this_one() {
    let mut good = Good::upto(Stage::Validate);
    good.folder = "other".parse().unwrap();
    good.anchors.chart = Some(Sha256::of("other"));
    is_exactly(&good, &[], "the same push, another chart");
    good.folder = "third".parse().unwrap();
    assert!(good.codes().contains(&Code::LineageOtherContent) && good.codes().contains(&Code::LineageWrongSubjects));
}

#[test]
fn the_checks_passed_again_on_what_the_bump_made() {
    let rows: [(Change, &[Code]); 7] = [
        (|r| r.policy = Sha256::of("x"), &[Code::LineageOtherPolicy]),
        (|r| r.conclusion = Conclusion::Failure, &[Code::LineageFailedCheck]),
        (|r| r.charts[0].conclusion = Conclusion::Failure, &[Code::LineageFailedCheck]),
        (|r| r.charts[0].digest = before(), &[Code::LineageOtherContent]),
        (|r| r.charts[0].folder = "apache".parse().unwrap(), &[Code::LineageOtherContent, Code::LineageOtherDependencies]),
        (|r| r.charts[0].dependencies.clear(), &[Code::LineageOtherDependencies]),
        (|r| r.check = "artifacthub-lint".parse().unwrap(), &[Code::LineageMissingCheck]),
    ];
    for (at, _) in ["lint-test-v1.32.11", "security"].iter().enumerate() {
        for (row, (change, expected)) in rows.iter().enumerate() {
            let mut forged = Good::upto(Stage::Bump);
            forged.result_in("workflow-5-semver", at, change);
            is_exactly(&forged, expected, &format!("result {at}, row {row}"));
        }
    }
    let mut twice = Good::upto(Stage::Bump);
    let again = twice.evidence[&key("workflow-5-semver")].statement.predicate["runDetails"]["byproducts"][0].clone();
    twice.set("workflow-5-semver", "/predicate/runDetails/byproducts/-", again);
    is_exactly(&twice, &[Code::LineageMissingCheck], "two results of one check");
}

#[test]
fn a_check_that_the_policy_requires_cannot_be_left_out_by_leaving_it_out_everywhere() {
    let text = POLICY.replace("security, ", "");
    let mut good = Good::under(&text, Stage::Publish);
    is_exactly(&good, &[], "without `security`");
    good.policy.required.push(key("security"));
    is_exactly(&good, &[Code::LineageMissingCheck], "with it");
}

#[test]
fn all_violations_are_reported_not_the_first() {
    let mut forged = Good::upto(Stage::Publish);
    forged.at("security").claims.runner_environment = None;
    forged.result_in("lint-test-v1.32.11", 0, |result| result.conclusion = Conclusion::Failure);
    forged.set("workflow-3-overall", "/predicate/policy", x());
    forged.anchors.manifest = Some(Sha256::of("x"));
    let expected = [Code::IdentityWrongRunner, Code::LineageFailedCheck, Code::LineageOtherPolicy, Code::LineageOtherManifest];
    is_exactly(&forged, &expected, "four at once");
}

#[test]
fn a_name_that_is_no_release_tag_or_no_registrys_is_refused() {
    for (name, at, to) in
        [("workflow-6-overall", 0, "latest"), ("workflow-8-overall", 0, "ghcr.io/acme/charts/apache"), ("workflow-8-overall", 0, "nginx")]
    {
        let mut forged = Good::upto(Stage::Publish);
        forged.set(name, &format!("/subject/{at}/name"), json!(to));
        let codes = forged.codes();
        assert!(codes.contains(&Code::LineageWrongSubjects), "{to}: {codes:?}");
    }
    let _: Key = key("workflow-6-overall");
}
