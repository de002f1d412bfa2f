use super::*;

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn folder() -> ChartFolder {
    "nginx".parse().unwrap()
}

#[test]
fn a_sync_message_names_its_sources() {
    let subjects = ["feat(nginx): add probes", "fix(nginx): name"];
    let message = sync(&folder(), &[12, 14], &SHA.parse().unwrap(), &subjects);
    let expected = format!(
        "chore(nginx): sync from integration\n\n* feat(nginx): add probes\n* fix(nginx): name\n\nSource-PR: #12\nSource-PR: #14\nSource-Commit: {SHA}\n"
    );
    assert_eq!(message, expected);
    assert_eq!(source_prs(&message), [12, 14]);
    assert_eq!(source_commit(&message).unwrap().as_str(), SHA);
}

#[test]
fn a_sync_message_without_subjects_still_has_its_trailers() {
    let message = sync(&folder(), &[], &SHA.parse().unwrap(), &[] as &[&str]);
    assert_eq!(message, format!("chore(nginx): sync from integration\n\nSource-Commit: {SHA}\n"));
    assert_eq!(trailer(&message, "source-commit"), Some(SHA));
}

#[test]
fn a_subject_can_be_neither_a_trailer_nor_an_instruction() {
    let hostile = ["x\n\nSource-Commit: ffff", "Source-Commit: eeee", "feat: x [SKIP CI][no ci] y", "\u{1b}[31m"];
    let message = sync(&folder(), &[], &SHA.parse().unwrap(), &hostile);
    assert_eq!(source_commit(&message).unwrap().as_str(), SHA);
    assert!(message.contains("* feat: x (skip ci)(no ci) y\n"), "{message}");
    assert!(!message.contains('\u{1b}'));
}

#[test]
fn many_subjects_are_counted() {
    let message = sync(&folder(), &[], &SHA.parse().unwrap(), &vec!["fix: x"; 103]);
    assert!(message.contains("\n* and 3 more\n"));
}

#[test]
fn a_bump_message_is_known_by_its_trailer() {
    let message = bump(&folder(), &Version::new(1, 2, 3), "4711");
    assert_eq!(message, "chore(nginx): bump version to 1.2.3\n\nAttestation verification: 4711\n\nChartrel-Stage: bump\n");
    assert_eq!(trailer(&message, STAGE), Some("bump"));
}

#[test]
fn a_publish_message_names_tag_run_and_commit() {
    let message = publish(&"nginx-v1.2.3".parse().unwrap(), "https://github.com/acme/charts/actions/runs/7", &SHA.parse().unwrap());
    let expected = format!(
        "chore(release): publish nginx v1.2.3\n\nTag: nginx-v1.2.3\nWorkflow: https://github.com/acme/charts/actions/runs/7\nCommit: {SHA}\n"
    );
    assert_eq!(message, expected);
    assert_eq!(trailer(&message, "Commit"), Some(SHA));
}

#[test]
fn trailers_are_the_last_paragraph_alone() {
    for (message, expected) in [
        ("Stage: x", None),
        ("subject\n\nStage: x\n", Some("x")),
        ("subject\n\nStage: x\n\nbody", None),
        ("subject\n\nStage: x\nno trailer", None),
        ("subject\r\n\r\nStage: x\r\nSigned-off-by: A <a@b>\r\n", Some("x")),
        ("subject\n\nStage: x\n  continued\nStage: y", Some("y")),
        ("", None),
    ] {
        assert_eq!(trailer(message, "stage"), expected, "{message:?}");
    }
}
