//! The policy's file: what is read, and every way to get it wrong.

use super::*;

fn repository() -> Repository {
    "Acme/charts".parse().unwrap()
}

const LEAST: &str = "\
version: 1
checks:
  required: [lint-test-v1.32.11, security, commit-validation]
signers:
  workflows: chartrel/chartrel
  refs: [v1]
  released: ['1111111111111111111111111111111111111111']
";

fn codes(text: &str) -> Vec<Code> {
    match Policy::parse(text, &repository()) {
        Ok(_) => Vec::new(),
        Err(refused) => refused.violations().iter().map(|one| one.code).collect(),
    }
}

fn whats(text: &str) -> String {
    Policy::parse(text, &repository()).unwrap_err().to_string()
}

#[test]
fn the_least_policy_has_the_defaults_of_everything_else() {
    let policy = Policy::parse(LEAST, &repository()).unwrap();
    assert_eq!(policy.digest, Sha256::of(LEAST));
    assert_eq!(policy.branches, Branches::default());
    assert_eq!(policy.kubernetes_versions(), ["v1.32.11"]);
    assert_eq!(policy.publish.oci, "ghcr.io/acme/charts");
    assert_eq!((policy.runners, policy.break_glass, policy.trust.clone()), (Runners::GithubHosted, BreakGlass::Disabled, None));
    assert_eq!(policy.bot, "github-actions[bot]");
    assert!(policy.signs_on_pull_requests());
    let StageSigner::Reusable { versions, released, .. } = &policy.signers.stages else { panic!("{policy:?}") };
    assert!(versions[0].covers("v1.2.3"));
    assert_eq!(released.as_ref().unwrap().len(), 1);
}

#[test]
fn everything_that_can_be_said_is_read() {
    let text = "\
version: 1
branches: {main: trunk, integration: next, release: charts, chart: 'integration/{chart}', sync: 'sync/{chart}', publish: 'out/{tag}'}
bot: chartrel[bot]
checks:
  required: [lint-test-v1.32.11, my-scan]
signers:
  workflows: composite
  files: [.github/workflows/release.yaml]
  issuer: https://token.actions.githubusercontent.com/acme
  revoked: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]
  keys:
    my-scan: {workflow: .github/workflows/scan.yml, ref: refs/heads/next}
trust: {trusted-root: .github/sigstore/root.json, signing-config: .github/sigstore/config.json}
runners: self-hosted
break-glass: {enabled: true}
publish:
  oci: 127.0.0.1:5000/acme/charts
  mirrors: [docker.io/acme]
  repository-url: https://acme.github.io/charts
  repository-name: acme
  s3: {bucket: acme-charts, distribution: E1}
version-options: {bump-minor-pre-major: true}
";
    let policy = Policy::parse(text, &repository()).unwrap();
    assert_eq!(policy.branches.chart(&"nginx".parse().unwrap()), "integration/nginx");
    assert_eq!((policy.branches.main.as_str(), policy.bot.as_str()), ("trunk", "chartrel[bot]"));
    assert!(policy.is_given_away(&"my-scan".parse().unwrap()) && !policy.signs_on_pull_requests());
    assert_eq!(policy.signers.stages, StageSigner::Composite { workflows: vec![".github/workflows/release.yaml".into()] });
    assert_eq!((policy.runners, policy.break_glass), (Runners::SelfHosted, BreakGlass::Enabled));
    assert_eq!(policy.publish.s3.as_ref().unwrap().region, "us-east-1");
    assert_eq!(policy.publish.mirrors, ["docker.io/acme"]);
    assert!(policy.version_options.bump_minor_pre_major && !policy.version_options.bump_patch_for_minor_pre_major);
}

#[test]
fn an_empty_policy_is_an_error() {
    for text in ["", "\n\n", "# version: 1\n", "  \t\n#\n"] {
        assert_eq!(codes(text), [Code::PolicyEmpty], "{text:?}");
    }
    assert_eq!(codes("version: 1\n"), [Code::PolicyInvalid, Code::PolicyInvalid], "no signers, no checks");
    assert_eq!(codes(&LEAST.replace("[lint-test-v1.32.11, security, commit-validation]", "[]")), [Code::PolicyInvalid]);
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
    let text = format!("{LEAST}  refz: [v2]\nbranch: {{main: x}}\npublish: {{s3: {{bucket: b, regoin: x}}}}\nwhatever: 1\n");
    let whats = whats(&text);
    for expected in [
        "line 8 of `.github/chartrel.yaml`: `signers` has no key `refz`\n  help: did you mean `refs`?",
        "line 9 of `.github/chartrel.yaml`: the policy has no key `branch`\n  help: did you mean `branches`?",
        "`publish.s3` has no key `regoin`\n  help: did you mean `region`?",
        "has no key `whatever`\n  help: use one of `version`",
    ] {
        assert!(whats.contains(expected), "{expected}\n---\n{whats}");
    }
}

#[test]
fn all_faults_are_reported_at_once_with_their_lines() {
    let text = "\
version: 2
branches: {main: 'a b', chart: 'charts/x'}
checks:
  required: [lint-test-v1.32, security, security, workflow-1-overall, scan, UPPER]
signers: {workflows: chartrel, refs: [main], released: [abc]}
runners: mine
break-glass: {enabled: yes}
publish: {oci: 'https://GHCR.io', repository-url: 'ftp://x', mirrors: [x]}
";
    let whats = whats(text);
    for expected in [
        "line 1 of `.github/chartrel.yaml`: `version` is `2`",
        "`branches.main` is `a b`",
        "`branches.chart` is `charts/x`, not a branch name with one `{chart}`",
        "line 4 of `.github/chartrel.yaml`: `checks.required` is `lint-test-v1.32`, a check that chartrel does not have",
        "`security`, which is listed twice",
        "`workflow-1-overall`, not a check but a stage's",
        "`checks.required` is `scan`",
        "`checks.required` is `UPPER`",
        "`signers.workflows` is `chartrel`",
        "`runners` is `mine`",
        "`break-glass.enabled` is `yes`",
        "`publish.oci` is `https://GHCR.io`",
        "`publish.repository-url` is `ftp://x`",
        "`publish.mirrors` is `x`",
    ] {
        assert!(whats.contains(expected), "{expected}\n---\n{whats}");
    }
}

#[test]
fn reusable_workflows_need_versions_and_a_lock() {
    let text = LEAST.replace("[v1]", "[main]").replace("'1111111111111111111111111111111111111111'", "v1.0.0");
    assert!(whats(&text).contains("`signers.refs` is `main`") && whats(&text).contains("`signers.released` is `v1.0.0`"));
    let bare = "version: 1\nchecks: {required: [security]}\nsigners: {workflows: a/b}\n";
    assert_eq!(codes(bare), [Code::PolicyInvalid, Code::PolicyInvalid]);
}

#[test]
fn a_pattern_that_collides_with_a_branch_is_refused() {
    for branches in [
        "{chart: 'integration/{chart}'}",
        "{chart: 'sync/{chart}'}",
        "{release: charts}",
        "{integration: main}",
        "{publish: 'release/{tag}'}",
    ] {
        assert_eq!(codes(&format!("{LEAST}branches: {branches}\n")), [Code::PolicyCollidingBranches], "{branches}");
    }
}

#[test]
fn a_key_is_given_to_one_job_on_a_branch_that_signs() {
    let good = "{workflow: .github/workflows/scan.yml, ref: refs/heads/integration}";
    let given = |key: &str, signer: &str| codes(&format!("{LEAST}  keys:\n    {key}: {signer}\n"));
    assert_eq!(given("security", good), []);
    for (key, signer) in [
        ("security", "{workflow: .github/workflows/scan.yml, ref: refs/heads/feature}"),
        ("security", "{workflow: .github/workflows/scan.yml, ref: refs/pull/1/merge}"),
        ("security", "{workflow: ../scan.yml, ref: refs/heads/integration}"),
        ("security", "{workflow: .github/workflows/scan.yml}"),
        ("commit-validation", good),
        ("workflow-1-overall", good),
    ] {
        assert_eq!(given(key, signer), [Code::PolicyInvalid], "{key} {signer}");
    }
    let composite = "version: 1\nchecks: {required: [security]}\nsigners:\n  workflows: composite\n  keys: {security: {workflow: .github/workflows/chartrel.yml, ref: refs/heads/main}}\n";
    assert!(whats(composite).contains("which signs the stages too"));
}

#[test]
fn what_is_not_one_yaml_document_is_refused_with_its_line() {
    for text in ["version: [", "- a\n", "version: 1\nversion: 1\n", "a: 1\n---\nb: 2\n", "checks: 3\n"] {
        let refused = Policy::parse(text, &repository()).unwrap_err();
        assert!(refused.violations().iter().any(|one| one.code == Code::PolicyInvalid), "{text}: {refused}");
    }
}

#[test]
fn a_version_covers_its_own_more_exact_ones_alone() {
    for (version, tag, expected) in [
        ("v1", "v1", true),
        ("v1", "v1.2", true),
        ("v1", "v1.2.3", true),
        ("v1", "v10", false),
        ("v1", "v1.2.3.4", false),
        ("v1", "v1-evil", false),
        ("v1.2", "v1.2.9", true),
        ("v1.2", "v1.20", false),
        ("v1", "v1.02", false),
        ("v1", "1", false),
    ] {
        assert_eq!(VersionTag::parse(version).unwrap().covers(tag), expected, "{version} {tag}");
    }
}

#[test]
fn the_printed_identity_is_anchored_and_names_publish_alone() {
    let policy = Policy::parse(LEAST, &repository()).unwrap();
    let pattern = policy.signers.publisher_identity("https://github.com", &repository(), &policy.branches);
    let regex = regex::Regex::new(&pattern).unwrap();
    let base = "https://github.com/chartrel/chartrel/.github/workflows/publish.yml@";
    assert!(regex.is_match(&format!("{base}refs/tags/v1.2")) && regex.is_match(&format!("{base}{}", "a".repeat(40))));
    for bad in ["refs/heads/main", "refs/tags/v2", "refs/tags/v1x"] {
        assert!(!regex.is_match(&format!("{base}{bad}")), "{bad}");
    }
    assert!(!regex.is_match(&format!("x{base}refs/tags/v1")));
}
