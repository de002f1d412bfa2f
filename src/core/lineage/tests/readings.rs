//! Who reads: a stage, a stage after the tag, a consumer; and releases that left the pipeline out.

use super::super::{Anchors, testing::*};
use crate::{
    digest::Sha256,
    policy::{BreakGlass, Policy, StageSigner, VersionTag},
    refusal::Code,
    stage::Stage,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn one(code: Code) -> BTreeSet<Code> {
    BTreeSet::from([code])
}

#[test]
fn a_stage_counts_only_what_was_made_under_the_policy_at_the_tip() {
    for stage in Stage::ALL {
        let mut good = Good::upto(stage);
        good.policy.digest = Sha256::of("a newer policy");
        assert_eq!(good.codes(), one(Code::LineageOtherPolicy), "{stage}");
    }
}

#[test]
fn after_the_tag_the_recorded_policy_rules() {
    let mut good = Good::upto(Stage::Build);
    good.recorded = Some(good.policy.clone());
    good.policy.digest = Sha256::of("a newer policy");
    let link = &good.evidence[&key("workflow-7-overall")];
    assert_eq!(crate::lineage::recorded_policy(link), Some(Sha256::of(POLICY)));
    good.policy.required.push(key("artifacthub-lint"));
    assert_eq!(good.codes(), BTreeSet::new());
    good.recorded.as_mut().unwrap().digest = Sha256::of("another file");
    assert_eq!(good.codes(), one(Code::LineageOtherPolicy));
}

fn floor(good: &Good) -> Policy {
    let stages = StageSigner::Reusable {
        repository: "chartrel/chartrel".parse().unwrap(),
        versions: vec![VersionTag::parse("v1").unwrap()],
        released: None,
    };
    Policy::floor(&good.repository.repository, stages)
}

#[test]
fn a_consumer_takes_the_policy_as_recorded_and_holds_a_floor() {
    let mut good = Good::upto(Stage::Publish);
    good.policy = floor(&good);
    good.is_consumer = true;
    assert_eq!(good.codes(), BTreeSet::new());
    assert_eq!(good.verified().policy(), Sha256::of(POLICY));
    let mut mixed = good.clone();
    mixed.set("workflow-3-overall", "/predicate/policy", json!(Sha256::of("another")));
    assert_eq!(mixed.codes(), one(Code::LineageOtherPolicy));
    let mut demanding = good.clone();
    demanding.policy.required.push(key("artifacthub-lint"));
    assert_eq!(demanding.codes(), one(Code::LineageMissingCheck));
    let mut by_commit = good.clone();
    by_commit.at("workflow-3-overall").claims.san = format!("https://github.com/chartrel/chartrel/.github/workflows/enforce.yml@{SIGNER}");
    assert_eq!(by_commit.codes(), one(Code::IdentityWrongSigner), "a bare commit needs a list of released ones");
}

#[test]
fn a_consumer_wants_at_least_one_lint_test() {
    let text = POLICY.replace("lint-test-v1.32.11, ", "");
    let mut good = Good::under(&text, Stage::Validate);
    assert_eq!(good.codes(), BTreeSet::new());
    good.policy = floor(&good);
    good.is_consumer = true;
    assert_eq!(good.codes(), one(Code::LineageMissingCheck));
}

#[test]
fn a_lineage_is_held_against_something_or_refused() {
    let mut good = Good::upto(Stage::Publish);
    good.anchors = Anchors::default();
    assert_eq!(good.codes(), one(Code::LineageUnanchored));
}

#[test]
fn a_policy_that_requires_nothing_proves_nothing() {
    let mut good = Good::upto(Stage::Publish);
    good.policy.required.clear();
    assert!(good.codes().contains(&Code::LineageMissingCheck));
}

type Forgery = (&'static str, fn(&mut Anchors, Sha256), Code);

#[test]
fn what_the_reader_holds_is_what_was_signed() {
    let x = Sha256::of("x");
    let forgeries: [Forgery; 9] = [
        ("chart", |a, x| a.chart = Some(x), Code::LineageOtherContent),
        ("commit", |a, x| a.commit.as_mut().unwrap().1 = x, Code::LineageOtherCommit),
        ("commit id", |a, _| a.commit.as_mut().unwrap().0 = commit('0'), Code::LineageOtherCommit),
        ("tag", |a, x| a.tag.as_mut().unwrap().1 = x, Code::LineageOtherTag),
        ("tag name", |a, _| a.tag.as_mut().unwrap().0 = "nginx-v1.2.4".into(), Code::LineageOtherTag),
        ("package", |a, x| a.package.as_mut().unwrap().1 = x, Code::LineageOtherPackage),
        ("manifest", |a, x| a.manifest = Some(x), Code::LineageOtherManifest),
        ("index entry", |a, x| a.index_entry = Some(x), Code::LineageOtherIndexEntry),
        ("description", |a, x| a.description = Some(x), Code::LineageOtherDescription),
    ];
    for (what, forge, expected) in forgeries {
        let mut good = Good::upto(Stage::Publish);
        forge(&mut good.anchors, x);
        assert_eq!(good.codes(), one(expected), "{what}");
    }
    for stage in Stage::ALL {
        let mut good = Good::upto(stage);
        good.anchors.chart = Some(x);
        assert_eq!(good.codes(), one(Code::LineageOtherContent), "{stage}");
        let mut good = Good::upto(stage);
        good.anchors.commit.as_mut().unwrap().1 = x;
        assert_eq!(good.codes(), one(Code::LineageOtherCommit), "{stage}");
    }
    let mut early = Good::upto(Stage::Filter);
    early.anchors.package = Some((PACKAGE.into(), x));
    assert_eq!(early.codes(), one(Code::LineageOtherPackage), "an anchor that no link speaks of is not met");
}

#[test]
fn a_package_under_another_name_is_another_package() {
    let mut good = Good::upto(Stage::Publish);
    good.anchors.package.as_mut().unwrap().0 = "nginx-1.2.4.tgz".into();
    assert_eq!(good.codes(), one(Code::LineageOtherPackage));
}

/// A release whose tag's link has no parent, but a reason.
fn broken_glass(upto: Stage, reason: &str) -> Good {
    let mut good = Good::upto(Stage::Tag);
    good.set("workflow-6-overall", "/predicate/parent", Value::Null);
    good.set("workflow-6-overall", "/predicate/breakGlass", json!(reason));
    good.policy.break_glass = BreakGlass::Enabled;
    good.evidence.retain(|key, _| key.as_str() == "workflow-6-overall");
    good.references.retain(|key, _| key.as_str() == "workflow-6-overall");
    good.anchors.description = None;
    if upto > Stage::Tag { good.then(upto) } else { good }
}

#[test]
fn break_glass_is_a_reason_where_the_policy_allows_it() {
    for upto in [Stage::Tag, Stage::Publish] {
        let good = broken_glass(upto, "the registry burns");
        let lineage = good.verified();
        assert_eq!(lineage.break_glass(), Some("the registry burns"));
        assert_eq!((lineage.chart_digest(), lineage.released_digest(), lineage.range()), (after(), after(), None));
        let mut refused = good;
        refused.policy.break_glass = BreakGlass::Disabled;
        assert_eq!(refused.codes(), one(Code::LineageBreakGlass), "{upto}");
    }
    assert_eq!(broken_glass(Stage::Tag, " ").codes(), one(Code::LineageBreakGlass));
}

#[test]
fn break_glass_has_no_place_in_any_other_link_nor_beside_a_parent() {
    for stage in Stage::ALL {
        let mut good = Good::upto(stage);
        good.policy.break_glass = BreakGlass::Enabled;
        good.set(stage.overall().as_str(), "/predicate/breakGlass", json!("why not"));
        assert_eq!(good.codes(), one(Code::LineageBreakGlass), "{stage}");
    }
}
