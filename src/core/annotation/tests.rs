use super::*;
use crate::Sha256;
use proptest::prelude::*;

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn reference(id: &str) -> Reference {
    Reference {
        id: id.to_owned(),
        subject: Sha256::of("s"),
        predicate_type: "https://slsa.dev/provenance/v1".to_owned(),
        statement: Sha256::of(id),
    }
}

fn annotation() -> Annotation {
    let ids = [("workflow-1-overall", "11"), ("workflow-5-semver", "52"), ("workflow-5-overall", "53")];
    Annotation {
        tag: "nginx-v1.2.3".parse().unwrap(),
        attestations: ids.iter().map(|(key, id)| (key.parse().unwrap(), (*id).to_owned())).collect(),
        references: BTreeMap::new(),
        changelog: "### Added\n\n- probes".to_owned(),
        source_pr: Some(42),
        commit: SHA.parse().unwrap(),
        break_glass: None,
    }
}

const GIVEN: &str = "Release: nginx v1.2.3

Attestation Lineage:
- Workflow 1: 11
- Workflow 5: 53
- workflow-1-overall: 11
- workflow-5-semver: 52
- workflow-5-overall: 53

Changelog:
### Added

- probes

Source PR: #42
Commit: 0123456789abcdef0123456789abcdef01234567
";

#[test]
fn it_has_the_given_form() {
    assert_eq!(annotation().to_string(), GIVEN);
    assert_eq!(GIVEN.parse(), Ok(annotation()));
}

#[test]
fn the_three_forms_of_lines_are_read() {
    let text = format!(
        "Release: a v1.0.0\r\n\r\nAttestation Lineage:\r\n- Workflow 1: 1\r\n- workflow-5-semver: 2\r\n- security: 3\r\n\r\nChangelog:\r\n\r\nPR: #7\r\nCommit: {SHA}"
    );
    let read: Annotation = text.parse().unwrap();
    let ids: Vec<_> = read.attestations.iter().map(|(key, id)| format!("{key}={id}")).collect();
    assert_eq!(ids, ["security=3", "workflow-1-overall=1", "workflow-5-semver=2"]);
    assert_eq!((read.source_pr, read.changelog.as_str()), (Some(7), ""));
}

#[test]
fn a_changelog_can_forge_nothing() {
    let mut hostile = annotation();
    hostile.changelog =
        format!("x\n\nChangelog:\nAttestation Lineage:\n- security: 9\nCHARTREL_LINEAGE {{}}\nSource PR: #9\nCommit: {}", "f".repeat(40));
    let read: Annotation = hostile.to_string().parse().unwrap();
    assert_eq!(read, hostile);
}

#[test]
fn a_reason_and_references_survive() {
    let mut glass = annotation();
    glass.break_glass = Some("registry down: see #1".to_owned());
    glass.source_pr = None;
    glass.references = [("workflow-5-overall".parse().unwrap(), reference("53"))].into();
    let text = glass.to_string();
    assert_eq!(text.parse(), Ok(glass.clone()));
    glass.break_glass = Some("two\nlines\nChangelog:".to_owned());
    assert_eq!(glass.to_string().parse::<Annotation>().unwrap().break_glass.as_deref(), Some("two lines Changelog:"));
}

#[test]
fn what_chartrel_did_not_write_is_refused() {
    for (from, to) in [
        ("Release: nginx v1.2.3", "nginx 1.2.3"),
        ("v1.2.3", "v1.2"),
        ("Release: nginx", "Release: ../x"),
        ("\n\nAttestation", "\nhello\nAttestation"),
        ("Attestation Lineage:", "Lineage:"),
        ("- Workflow 1: 11", "- Workflow 9: 11"),
        ("- Workflow 1: 11", "- Workflow 1: 12"),
        ("- Workflow 1: 11", "hello"),
        ("- Workflow 1: 11", "CHARTREL_LINEAGE {\"version\":2,\"attestations\":{}}"),
        ("Changelog:", "Changes:"),
        ("#42", "#unknown"),
        ("Commit: 0", "Commit: x"),
        ("Source PR: #42\n", ""),
    ] {
        let text = GIVEN.replacen(from, to, 1);
        assert_ne!(text, GIVEN);
        assert_eq!(text.parse::<Annotation>().unwrap_err().code, Code::AnnotationMalformed, "{text}");
    }
    assert!("".parse::<Annotation>().is_err());
}

#[test]
fn an_empty_changelog_is_never_written() {
    let mut empty = annotation();
    empty.changelog = " \n".to_owned();
    assert!(empty.to_string().contains(&format!("Changelog:\n{}\n\nSource", changelog::FALLBACK)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back(
        changelog in "(?s)[a-z#](Changelog:|\n|- a: b|\n\nCommit: |.){0,20}[a-z]",
        ids in prop::collection::btree_map("[a-z0-9.-]{1,9}".prop_map(|key| key.parse::<Key>().unwrap()), "[0-9a-z]{1,9}", 0..4),
        number in any::<Option<u64>>()
    ) {
        let references = ids.iter().map(|(key, id)| (key.clone(), reference(id))).collect();
        let changelog = changelog.replace('\r', "");
        let written = Annotation { changelog, references, attestations: ids, source_pr: number, ..annotation() };
        prop_assert_eq!(written.to_string().parse(), Ok(written));
    }

    #[test]
    fn no_text_breaks_the_reader(text in any::<String>()) {
        let _ = (text.parse::<Annotation>(), format!("{GIVEN}{text}").parse::<Annotation>());
    }
}
