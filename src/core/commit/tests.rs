use super::*;
use proptest::prelude::*;

fn read(message: &str) -> Vec<Change> {
    changes(&Commit { id: "abc".to_owned(), message: message.to_owned() })
}

/// Each change as `kind(scope)!: description | note | release-as`.
fn shown(message: &str) -> Vec<String> {
    let show = |change: Change| {
        let scope = change.scope.map_or_else(String::new, |scope| format!("({scope})"));
        let bang = if change.is_breaking { "!" } else { "" };
        let more = [change.breaking_note, change.release_as.map(|version| version.to_string())].into_iter().flatten();
        let header = format!("{}{scope}{bang}: {}", change.kind, change.description);
        std::iter::once(header).chain(more).collect::<Vec<_>>().join(" | ")
    };
    read(message).into_iter().map(show).collect()
}

#[test]
fn a_message_says_what_was_changed() {
    for (message, expected) in [
        ("feat: add probes", vec!["feat: add probes"]),
        ("feat(nginx)!: drop v1", vec!["feat(nginx)!: drop v1"]),
        ("feat!(nginx): drop v1", vec!["feat(nginx)!: drop v1"]),
        ("Feat: add", vec!["feat: add"]),
        ("feature: add", vec!["feat: add"]),
        (" fix: leading blank", vec!["fix: leading blank"]),
        ("fix: x\nbody without a blank line", vec!["fix: x"]),
        ("fix: x\n\nNote:", vec!["fix: x"]),
        ("fix: x\n\nReviewed-by: A\nRefs: #3", vec!["fix: x"]),
        ("fix: x\r\n\r\nBREAKING CHANGE: gone\r\nfor good\r\n\r\nRefs: #3\r\n", vec!["fix!: x | gone for good"]),
        ("fix: x\n\nBREAKING-CHANGE: gone\nRefs: #3", vec!["fix!: x | gone"]),
        ("fix: x\n\nbreaking change: gone", vec!["fix!: x | gone"]),
        ("fix: x\n\n**BREAKING CHANGE:** gone", vec!["fix!: x | gone"]),
        ("chore: x\n\nRelease-As: v2.0.0\n\nCo-authored-by: A <a@b>", vec!["chore: x | 2.0.0"]),
        ("chore: x\n\nRelease-As: two", vec!["chore: x"]),
        ("Merge pull request #12 from acme/x\n\nfeat: add probes", vec!["feat: add probes"]),
        ("Merge branch 'main' into x", vec![]),
        ("feat: a\n\nfix(x): b\n\nwhy\n\nfix: c", vec!["feat: a", "fix(x): b", "fix: c"]),
        ("feat: a (#3)\n\n* feat: one\n\n* fix!: two\n\n* chore: three", vec!["feat: a (#3)", "fix!: two"]),
        ("fix: a\n\nBEGIN_NESTED_COMMIT\nfeat: b\n\nwhy\nEND_NESTED_COMMIT\nafter", vec!["fix: a", "feat: b"]),
        ("Revert \"feat: a\"\n\nThis reverts commit 123.", vec!["revert: revert \"feat: a\""]),
        ("Updated the values file", vec![]),
        ("https://example.com/x", vec![]),
        ("feat: ", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(shown(message), expected, "{message:?}");
    }
}

#[test]
fn a_message_that_is_not_conventional_is_refused_with_its_rule() {
    for (message, rule) in [
        ("Updated the values file", "header-shape"),
        ("Fix stuff", "header-shape"),
        ("feat - add new feature", "header-shape"),
        ("FEAT(nginx): uppercase type", "type-case"),
        ("feat(): empty scope", "scope-empty"),
        ("feat(nginx) missing colon", "header-shape"),
        ("wip: work in progress", "type-enum"),
        ("feat:no space", "header-shape"),
        ("feat: ", "subject-empty"),
        ("feat!(nginx): bang before scope", "header-shape"),
        ("feat(a)(b): two scopes", "header-shape"),
        (" feat: leading blank", "header-shape"),
        ("", "header-shape"),
        ("fix: x\n\nRelease-As: two", "release-as"),
    ] {
        let refused = validate_all(&[Commit { id: "0123456789abcdef".to_owned(), message: message.to_owned() }]).unwrap_err();
        let violation = &refused.violations()[0];
        assert_eq!(violation.code, Code::CommitNotConventional);
        assert!(
            violation.what.starts_with("commit `0123456789ab` `") && violation.what.contains(&format!("`{rule}`")),
            "{}",
            violation.what
        );
        assert!(validate(message).is_err());
    }
}

#[test]
fn what_stages_commit_declares_nothing() {
    for message in [
        "chore(nginx): sync from integration\n\n* feat!: x",
        "chore(nginx): bump version to 1.2.3",
        "chore(release): publish nginx v1.2.3",
        "chore(release): merge main back to integration",
        "Merge pull request #1 from acme/sync/nginx\n\nchore(nginx): sync from integration",
    ] {
        assert_eq!(read(message), [], "{message}");
    }
    assert!(!is_own("chore(release): x") && !is_own("fix(nginx): bump version to 1"));
}

#[test]
fn all_bad_commits_are_named_not_the_first() {
    let commits = ["wip", "feat: x", "stuff"].map(|message| Commit { id: message.to_owned(), message: message.to_owned() });
    assert_eq!(validate_all(&commits).unwrap_err().violations().len(), 2);
}

#[test]
fn every_known_type_is_accepted() {
    for kind in TYPES {
        for message in [format!("{kind}: x"), format!("{kind}(a-b)!: x: y\n\nbody\n\nRelease-As: 1.0.0")] {
            assert_eq!(validate(&message), Ok(()), "{message}");
        }
    }
}

#[test]
fn merges_reverts_and_bots_are_exempt() {
    for (message, author, expected) in [
        ("Merge pull request #1 from a/b", "ann", true),
        ("Merge branch 'x'", "ann", true),
        ("Revert \"feat: x\"", "ann", true),
        ("Bump x from 1 to 2", "dependabot[bot]", true),
        ("Bump x from 1 to 2", "ann", false),
        ("Merge the two values files", "ann", false),
    ] {
        assert_eq!(is_exempt(message, author), expected, "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_message_breaks_the_reader(message in any::<String>()) {
        let _ = (read(&message), validate(&message), is_exempt(&message, ""));
    }

    #[test]
    fn what_validates_declares_a_change(kind in prop::sample::select(TYPES), scope in prop::option::of("[a-z]{1,8}"), text in "[^\\s\\p{C}/][^\\p{C}]{0,30}") {
        let message = scope.map_or_else(|| format!("{kind}: {text}"), |scope| format!("{kind}({scope}): {text}"));
        if validate(&message).is_ok() {
            let change = read(&message).remove(0);
            prop_assert_eq!(change.kind.as_str(), kind);
            prop_assert_eq!(change.description.as_str(), text.trim());
        }
    }
}
