//! Who signed: for every attestation of a lineage and every claim of its certificate, one forgery and the code that stops it.

use super::super::testing::*;
use crate::{
    evidence::{Claims, Evidence, Root},
    refusal::Code,
    stage::{Key, Stage},
};
use std::collections::BTreeSet;

type Forgery = (&'static str, fn(&mut Evidence), Code);

/// Each is refused whichever key it is done to.
const FORGERIES: &[Forgery] = &[
    ("a staging or foreign root", |e| e.root = Root::GitHub, Code::IdentityWrongRoot),
    ("no visibility", |e| e.claims.source_visibility = None, Code::IdentityWrongRoot),
    ("another issuer", |e| e.claims.issuer = "https://accounts.google.com".into(), Code::IdentityWrongIssuer),
    ("a look-alike issuer", |e| e.claims.issuer.push('/'), Code::IdentityWrongIssuer),
    ("no issuer", |e| e.claims.issuer.clear(), Code::IdentityWrongIssuer),
    ("the adopter's own workflow", |e| san(e, "chartrel/chartrel", "acme/charts"), Code::IdentityWrongSigner),
    ("a fork of the workflows", |e| san(e, "/chartrel/chartrel", "/chartrel-evil/chartrel"), Code::IdentityWrongSigner),
    ("a workflow with a longer name", |e| san(e, ".yml@", ".yml.evil.yml@"), Code::IdentityWrongSigner),
    ("a workflow below", |e| san(e, "workflows/", "workflows/x/"), Code::IdentityWrongSigner),
    ("another server", |e| san(e, "https://github.com", "https://github.com.evil.org"), Code::IdentityWrongSigner),
    ("a branch of the workflows", |e| san(e, "refs/tags/v1.0", "refs/heads/v1"), Code::IdentityWrongSigner),
    ("another version", |e| san(e, "refs/tags/v1.0", "refs/tags/v2"), Code::IdentityWrongSigner),
    ("a version's look-alike", |e| san(e, "refs/tags/v1.0", "refs/tags/v1.0-evil"), Code::IdentityWrongSigner),
    ("a commit that the certificate does not claim", |e| san(e, "refs/tags/v1.0", &"2".repeat(40)), Code::IdentityWrongSigner),
    ("no ref", |e| san(e, "@refs/tags/v1.0", ""), Code::IdentityWrongSigner),
    ("a commit that was not released", |e| e.claims.build_signer_digest = Some("2".repeat(40)), Code::IdentityUnreleasedSigner),
    ("a commit that is none", |e| e.claims.build_signer_digest = Some("v1".into()), Code::IdentityUnreleasedSigner),
    ("no signer's commit", |e| e.claims.build_signer_digest = None, Code::IdentityUnreleasedSigner),
    (
        "another repository",
        |e| e.claims.source_repository_uri = Some("https://github.com/acme/other".into()),
        Code::IdentityWrongRepository,
    ),
    ("no repository", |e| e.claims.source_repository_uri = None, Code::IdentityWrongRepository),
    ("another repository of that name", |e| e.claims.source_repository_id = Some("103".into()), Code::IdentityWrongRepository),
    ("no repository's id", |e| e.claims.source_repository_id = None, Code::IdentityWrongRepository),
    ("another owner", |e| e.claims.source_owner_uri = Some("https://github.com/evil".into()), Code::IdentityWrongRepository),
    ("no owner", |e| e.claims.source_owner_uri = None, Code::IdentityWrongRepository),
    ("another owner of that name", |e| e.claims.source_owner_id = Some("103".into()), Code::IdentityWrongRepository),
    ("no owner's id", |e| e.claims.source_owner_id = None, Code::IdentityWrongRepository),
    ("a feature branch", |e| git_ref(e, "refs/heads/feature"), Code::IdentityWrongRef),
    ("a tag", |e| git_ref(e, "refs/tags/main"), Code::IdentityWrongRef),
    ("a chart branch", |e| git_ref(e, "refs/heads/charts/nginx"), Code::IdentityWrongRef),
    ("no ref of the run", |e| e.claims.source_repository_ref = None, Code::IdentityWrongRef),
    ("a pull request's trigger on a branch", |e| trigger(e, "pull_request"), Code::IdentityWrongTrigger),
    ("an unsafe trigger", |e| trigger(e, "pull_request_target"), Code::IdentityWrongTrigger),
    ("a trigger that anyone can set off", |e| trigger(e, "issue_comment"), Code::IdentityWrongTrigger),
    ("no trigger", |e| e.claims.build_trigger = None, Code::IdentityWrongTrigger),
    ("a runner of one's own", |e| e.claims.runner_environment = Some("self-hosted".into()), Code::IdentityWrongRunner),
    ("no runner", |e| e.claims.runner_environment = None, Code::IdentityWrongRunner),
    (
        "another run",
        |e| e.claims.run_invocation_uri = Some("https://github.com/acme/charts/actions/runs/9/attempts/1".into()),
        Code::IdentityWrongRun,
    ),
    ("another attempt", |e| e.claims.run_invocation_uri.as_mut().unwrap().push('1'), Code::IdentityWrongRun),
    ("no run", |e| e.claims.run_invocation_uri = None, Code::IdentityWrongRun),
];

fn san(evidence: &mut Evidence, from: &str, to: &str) {
    let san = evidence.claims.san.replace(from, to);
    assert_ne!(san, evidence.claims.san);
    evidence.claims.san = san;
}

fn git_ref(evidence: &mut Evidence, to: &str) {
    evidence.claims.source_repository_ref = Some(to.to_owned());
}

fn trigger(evidence: &mut Evidence, to: &str) {
    evidence.claims.build_trigger = Some(to.to_owned());
}

#[test]
fn no_claim_of_any_attestation_can_be_another_or_absent() {
    let good = Good::upto(Stage::Publish);
    for name in good.evidence.keys() {
        for (what, forge, expected) in FORGERIES {
            let mut forged = good.clone();
            forge(forged.at(name.as_str()));
            let codes = forged.codes();
            assert!(codes.contains(expected), "{name}, {what}: {codes:?}");
            // The statement of a provenance names its run too, so what differs there is told twice.
            let rest: BTreeSet<_> = codes.difference(&BTreeSet::from([*expected, Code::IdentityWrongRun])).copied().collect();
            assert!(rest.is_empty(), "{name}, {what}: {rest:?}");
        }
    }
}

#[test]
fn a_stage_cannot_sign_for_another_and_a_branch_not_for_another() {
    let good = Good::upto(Stage::Publish);
    for name in good.evidence.keys() {
        for stage in Stage::ALL.into_iter().filter(|stage| *stage != name.stage()) {
            let mut forged = good.clone();
            san(forged.at(name.as_str()), &format!("{}.yml", name.stage()), &format!("{stage}.yml"));
            assert!(forged.codes().contains(&Code::IdentityWrongSigner), "{name} by {stage}");
        }
        let other = if name.stage().signs_on_integration() { "refs/heads/main" } else { "refs/heads/integration" };
        let mut forged = good.clone();
        git_ref(forged.at(name.as_str()), other);
        assert!(forged.codes().contains(&Code::IdentityWrongRef), "{name} on {other}");
    }
}

/// An attestation as a run on a pull request makes it.
fn on_pull_request(good: &mut Good, name: &str, git_ref: &str) {
    let mut run = Good::run(Stage::Validate);
    run.git_ref = git_ref.into();
    run.sha = commit('7');
    let statement = crate::provenance::check(&run, &key(name), &good.result(&key(name), before()));
    let evidence = good.at(name);
    evidence.claims = Claims { build_trigger: Some("pull_request".into()), ..claims(&run) };
    evidence.statement = statement;
}

#[test]
fn content_checks_alone_may_be_signed_on_a_pull_request() {
    for (name, git_ref, expected) in [
        ("security", "refs/pull/12/merge", None),
        ("lint-test-v1.32.11", "refs/pull/12/merge", None),
        ("security", "refs/pull/12/head", Some(Code::IdentityWrongRef)),
        ("security", "refs/pull//merge", Some(Code::IdentityWrongRef)),
        ("security", "refs/pull/12/../heads/main/merge", Some(Code::IdentityWrongRef)),
        ("commit-validation", "refs/pull/12/merge", Some(Code::IdentityWrongRef)),
    ] {
        let mut good = Good::upto(Stage::Validate);
        on_pull_request(&mut good, name, git_ref);
        assert_eq!(good.codes(), expected.into_iter().collect(), "{name} {git_ref}");
    }
    let mut good = Good::upto(Stage::Validate);
    on_pull_request(&mut good, "security", "refs/pull/12/merge");
    trigger(good.at("security"), "push");
    assert_eq!(good.codes(), BTreeSet::from([Code::IdentityWrongTrigger]));
    let mut link = Good::upto(Stage::Validate);
    git_ref(link.at("workflow-1-overall"), "refs/pull/12/merge");
    trigger(link.at("workflow-1-overall"), "pull_request");
    assert_eq!(link.codes(), BTreeSet::from([Code::IdentityWrongRef]));
}

#[test]
fn a_workflow_may_be_named_by_a_released_commit() {
    let mut good = Good::upto(Stage::Validate);
    good.policy.digest = Good::upto(Stage::Validate).policy.digest;
    san(good.at("workflow-1-overall"), "refs/tags/v1.0", SIGNER);
    assert_eq!(good.codes(), BTreeSet::new());
}

#[test]
fn a_revoked_signer_counts_no_more_even_under_a_recorded_policy() {
    let mut good = Good::upto(Stage::Tag);
    good.recorded = Some(good.policy.clone());
    assert_eq!(good.codes(), BTreeSet::new());
    good.policy.signers.revoked.insert(SIGNER.parse().unwrap());
    assert_eq!(good.codes(), BTreeSet::from([Code::IdentityUnreleasedSigner]));
}

const GIVEN: &str = "\
version: 1
checks: {required: [lint-test-v1.32.11, security, commit-validation]}
signers:
  workflows: chartrel/chartrel
  refs: [v1]
  released: ['1111111111111111111111111111111111111111']
  keys: {security: {workflow: .github/workflows/scan.yml, ref: refs/heads/integration}}
";

/// The attestation of a key by the adopter's job.
fn by_job(good: &mut Good, name: &str) {
    let mut run = Good::run(Stage::Validate);
    run.signer_workflow = "acme/charts/.github/workflows/scan.yml@refs/heads/integration".into();
    let statement = crate::provenance::check(&run, &key(name), &good.result(&key(name), before()));
    let evidence = good.at(name);
    evidence.statement = statement;
    evidence.claims = Claims { build_signer_digest: Some("5".repeat(40)), ..claims(&run) };
}

/// The good lineage under a policy, where the adopter's job has signed `security` from the start.
fn given_away() -> Good {
    let mut good = Good::under(POLICY, Stage::Validate);
    good.policy = crate::policy::Policy::parse(GIVEN, &good.repository.repository).unwrap();
    let digest = good.policy.digest;
    for name in ["lint-test-v1.32.11", "security", "commit-validation"] {
        good.result_in(name, 0, |result| result.policy = digest);
    }
    good.set("workflow-1-overall", "/predicate/policy", serde_json::json!(digest));
    good
}

#[test]
fn a_key_given_to_a_job_is_signed_by_that_job_alone_and_the_job_signs_nothing_else() {
    let validate_signed_it = given_away();
    assert_eq!(validate_signed_it.codes(), BTreeSet::from([Code::IdentityWrongSigner]));
    let mut job_signed_it = given_away();
    by_job(&mut job_signed_it, "security");
    assert_eq!(job_signed_it.codes(), BTreeSet::new());
    for other in ["lint-test-v1.32.11", "commit-validation"] {
        let mut job_signed_another = job_signed_it.clone();
        by_job(&mut job_signed_another, other);
        let codes = job_signed_another.codes();
        assert!(codes.contains(&Code::IdentityWrongSigner), "{other}: {codes:?}");
    }
    let mut on_pull_request = job_signed_it.clone();
    git_ref(on_pull_request.at("security"), "refs/pull/3/merge");
    trigger(on_pull_request.at("security"), "pull_request");
    assert!(on_pull_request.codes().contains(&Code::IdentityWrongRef));
    let mut elsewhere = job_signed_it;
    san(elsewhere.at("security"), "@refs/heads/integration", "@refs/heads/main");
    assert!(elsewhere.codes().contains(&Code::IdentityWrongSigner));
}

const COMPOSITE: &str = "\
version: 1
checks: {required: [lint-test-v1.32.11, security, commit-validation]}
signers: {workflows: composite}
";

#[test]
fn in_composite_mode_the_adopters_own_file_signs_on_its_branch_alone() {
    let good = Good::upto(Stage::Validate);
    let policy = crate::policy::Policy::parse(COMPOSITE, &good.repository.repository).unwrap();
    let evidence = |san: &str, git_ref: &str| {
        let mut evidence = good.evidence[&key("workflow-1-overall")].clone();
        evidence.claims.san = san.into();
        evidence.claims.source_repository_ref = Some(git_ref.to_owned());
        evidence.claims.build_signer_digest = Some("4".repeat(40));
        evidence
    };
    let own = "https://github.com/acme/charts/.github/workflows/chartrel.yml";
    for (san, git_ref, expected) in [
        (format!("{own}@refs/heads/integration"), "refs/heads/integration", vec![]),
        (format!("{own}@refs/heads/main"), "refs/heads/main", vec![Code::IdentityWrongSigner, Code::IdentityWrongRef]),
        (format!("{own}@refs/pull/1/merge"), "refs/pull/1/merge", vec![Code::IdentityWrongSigner, Code::IdentityWrongRef]),
        (format!("{own}@refs/heads/feature"), "refs/heads/feature", vec![Code::IdentityWrongSigner, Code::IdentityWrongRef]),
        (format!("{own}.x.yml@refs/heads/integration"), "refs/heads/integration", vec![Code::IdentityWrongSigner]),
        (
            "https://github.com/acme/charts/.github/workflows/other.yml@refs/heads/integration".into(),
            "refs/heads/integration",
            vec![Code::IdentityWrongSigner],
        ),
        (
            "https://github.com/chartrel/chartrel/.github/workflows/validate.yml@refs/tags/v1".into(),
            "refs/heads/integration",
            vec![Code::IdentityWrongSigner],
        ),
    ] {
        let link: Key = key("workflow-1-overall");
        let refusals = crate::lineage::identity(&evidence(&san, git_ref), &link, &policy, &good.repository);
        assert_eq!(refusals.iter().map(|one| one.code).collect::<Vec<_>>(), expected, "{san}");
    }
    let check = key("security");
    let mut on_pull_request = evidence(&format!("{own}@refs/pull/1/merge"), "refs/pull/1/merge");
    trigger(&mut on_pull_request, "pull_request");
    let refusals = crate::lineage::identity(&on_pull_request, &check, &policy, &good.repository);
    assert!(refusals.iter().any(|one| one.code == Code::IdentityWrongRef), "composite mode never signs on pull requests");
}

#[test]
fn a_private_repository_signs_with_either_instance_and_a_private_sigstore_replaces_both() {
    let roots = [Root::PublicGood, Root::GitHub, Root::Custom];
    let good = Good::upto(Stage::Validate);
    let name = key("workflow-1-overall");
    for (visibility, has_trust, expected) in [
        ("public", false, [true, false, true]),
        ("private", false, [true, true, true]),
        ("internal", false, [true, true, true]),
        ("public", true, [false, false, true]),
        ("private", true, [false, false, true]),
    ] {
        let mut policy = good.policy.clone();
        let files = crate::policy::TrustFiles { trusted_root: "a".into(), signing_config: "b".into() };
        policy.trust = has_trust.then_some(files);
        let actual = roots.map(|root| {
            let mut evidence = good.evidence[&name].clone();
            (evidence.root, evidence.claims.source_visibility) = (root, Some(visibility.to_owned()));
            crate::lineage::identity(&evidence, &name, &policy, &good.repository).is_empty()
        });
        assert_eq!(actual, expected, "{visibility} {has_trust}");
    }
}

#[test]
fn runners_and_issuers_are_as_the_policy_says() {
    let good = Good::upto(Stage::Validate);
    let name = key("workflow-1-overall");
    let judge = |change: fn(&mut Evidence), policy: &crate::policy::Policy, server: &str| {
        let mut evidence = good.evidence[&name].clone();
        change(&mut evidence);
        let repository = crate::lineage::RepositoryIdentity { server_url: server.into(), ..good.repository.clone() };
        crate::lineage::identity(&evidence, &name, policy, &repository).into_iter().map(|one| one.code).collect::<Vec<_>>()
    };
    let mut policy = good.policy.clone();
    policy.runners = crate::policy::Runners::SelfHosted;
    policy.signers.issuer = Some("https://token.actions.githubusercontent.com/acme".into());
    let own = |e: &mut Evidence| {
        e.claims.runner_environment = Some("self-hosted".into());
        e.claims.issuer.push_str("/acme");
    };
    assert_eq!(judge(own, &policy, "https://github.com"), []);
    assert_eq!(
        judge(|_| (), &policy, "https://github.com"),
        [Code::IdentityWrongIssuer],
        "the enterprise's issuer replaces the common one"
    );
    let enterprise = |e: &mut Evidence| e.claims.issuer = "https://git.acme.org/_services/token".into();
    assert!(!judge(enterprise, &good.policy, "https://git.acme.org").contains(&Code::IdentityWrongIssuer));
    assert!(judge(enterprise, &good.policy, "https://github.com").contains(&Code::IdentityWrongIssuer));
}

#[test]
fn ids_that_the_reader_does_not_know_are_those_of_one_attestation() {
    let mut good = Good::upto(Stage::Validate);
    let repository = "ACME/Charts".parse().unwrap();
    good.repository =
        crate::lineage::RepositoryIdentity::as_claimed(repository, "https://github.com", &good.evidence[&key("workflow-1-overall")]);
    assert_eq!((good.repository.repository.to_string().as_str(), good.codes()), ("acme/charts", BTreeSet::new()));
    good.at("security").claims.source_repository_id = Some("104".into());
    assert_eq!(good.codes(), BTreeSet::from([Code::IdentityWrongRepository]));
    good.repository.id = String::new();
    assert!(good.codes().contains(&Code::IdentityWrongRepository), "an unknown id is met by none");
}
