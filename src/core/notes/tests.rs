use super::*;

pub(crate) fn release() -> Release {
    let ids = [("workflow-1-overall", "11"), ("workflow-5-semver", "52"), ("workflow-7-build", "71")];
    Release {
        tag: "nginx-v1.2.3".parse().unwrap(),
        repository: "acme/charts".parse().unwrap(),
        server: "https://github.com".to_owned(),
        oci: "ghcr.io/acme/charts".to_owned(),
        oci_digest: Sha256::of("manifest"),
        signer: Signer {
            identity_regexp: r"^https://github\.com/chartrel/chartrel/\.github/workflows/publish\.yml@refs/tags/v1(\.[0-9]+)*$".to_owned(),
            repository: Some("chartrel/chartrel".parse().unwrap()),
            trusted_root: None,
        },
        helm_repository: Some(HelmRepository { name: "acme".to_owned(), url: "https://acme.github.io/charts".to_owned() }),
        attestations: ids.iter().map(|(key, id)| (key.parse().unwrap(), (*id).to_owned())).collect(),
        changelog: "### Added\n\n- probes (#12)".to_owned(),
        break_glass: None,
    }
}

#[test]
fn notes_follow_the_template() {
    assert_eq!(release().notes(), include_str!("../../../tests/golden/publish/notes/out/notes.md"));
    assert_eq!(release().title(), "nginx: v1.2.3");
}

#[test]
fn without_helm_repository_and_reusable_workflows_less_is_printed() {
    let mut plain = release();
    plain.helm_repository = None;
    plain.signer.repository = None;
    let notes = plain.notes();
    assert!(!notes.contains("helm repo add") && !notes.contains("--signer-repo"));
    assert!(notes.contains("gh attestation verify nginx-1.2.3.tgz --repo acme/charts\n"));
}

#[test]
fn a_private_root_and_a_build_version_are_named() {
    let mut private = release();
    private.tag = "nginx-v1.2.3+b.1".parse().unwrap();
    private.signer.trusted_root = Some("my root.json".to_owned());
    let commands = private.commands();
    assert!(commands.signature.oci.ends_with(" --trusted-root 'my root.json'"));
    assert!(
        commands.attestations.oci.contains("charts/nginx:1.2.3_b.1 ")
            && commands.attestations.oci.ends_with(" --custom-trusted-root 'my root.json'")
    );
    assert!(private.page().ends_with("/nginx-v1.2.3%2Bb.1"));
}

#[test]
fn a_word_of_the_shell_cannot_break_out() {
    for (word, expected) in [("acme", "acme"), ("a'b", "'a'\\''b'"), ("", "''"), ("$(x)", "'$(x)'")] {
        assert_eq!(quoted(word), expected);
    }
}

#[test]
fn notes_are_never_without_changelog_or_warning() {
    let mut glass = release();
    glass.changelog = String::new();
    glass.break_glass = Some("outage".to_owned());
    let notes = glass.notes();
    assert!(notes.contains(crate::changelog::FALLBACK) && notes.contains("Stated reason: outage"));
}
