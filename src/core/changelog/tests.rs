use super::*;
use crate::commit::{Commit, changes};
use proptest::prelude::*;

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()
}

fn of(version: &str, messages: &[&str]) -> Section {
    let changes: Vec<_> =
        messages.iter().flat_map(|message| changes(&Commit { id: String::new(), message: (*message).to_owned() })).collect();
    section(&version.parse().unwrap(), day(), &changes)
}

const EXISTING: &str = "# Changelog

## [Unreleased]

- soon

## [1.0.0](https://example.com) - 2026-01-01

### Fixed

- old
```
## [9.9.9]
```

## v0.9.0 (2025-01-01)

- older

---

*Made by hand.*

[1.0.0]: https://example.com
";

#[test]
fn changes_stand_under_their_headings() {
    for (messages, expected) in [
        (vec!["fix: a"], "### Fixed\n\n- a"),
        (vec!["feat: a"], "### Added\n\n- a"),
        (vec!["feat!: a\n\nBREAKING CHANGE: set `b`"], "### Added\n\n- **Breaking:** a (set \\`b\\`)"),
        (vec!["chore!: a", "ci: b"], "### Changed\n\n- **Breaking:** a"),
        (vec!["chore: a", "docs: b"], "### Changed\n\n- a\n- b"),
        (vec!["chore: a", "build(deps): b 2", "fix: c"], "### Changed\n\n- b 2\n\n### Fixed\n\n- c"),
        (vec!["feat: a (#12)", "feat: a", "feat: b"], "### Added\n\n- a (#12)\n- b"),
        (
            vec!["fix: a", "feat: b", "perf: c", "remove: d", "deprecate: e", "fix(security): f"],
            "### Added\n\n- b\n\n### Changed\n\n- c\n\n### Deprecated\n\n- e\n\n### Removed\n\n- d\n\n### Fixed\n\n- a\n\n### Security\n\n- f",
        ),
        (vec![], FALLBACK),
    ] {
        assert_eq!(of("1.0.0", &messages).body(), expected, "{messages:?}");
    }
}

#[test]
fn a_section_has_version_and_date() {
    assert_eq!(of("1.1.0-rc.1", &["feat: a"]).markdown(), "## [1.1.0-rc.1] - 2026-11-21\n\n### Added\n\n- a\n");
}

#[test]
fn a_new_changelog_gets_its_header() {
    let text = insert(None, &of("1.0.0", &["feat: a"])).unwrap();
    assert!(text.starts_with("# Changelog\n\nAll notable"));
    assert!(text.ends_with("\n\n## [1.0.0] - 2026-11-21\n\n### Added\n\n- a\n"));
    assert_eq!(insert(Some(&text), &of("1.0.0", &["feat: a"])).unwrap(), text);
    assert_eq!(insert(Some(" \n"), &of("1.0.0", &["feat: a"])).unwrap(), text);
}

#[test]
fn a_section_goes_before_the_newest_and_every_line_stays() {
    let text = insert(Some(EXISTING), &of("1.1.0", &["feat: a"])).unwrap();
    let expected = EXISTING.replace("## [1.0.0](", "## [1.1.0] - 2026-11-21\n\n### Added\n\n- a\n\n## [1.0.0](");
    assert_eq!(text, expected);
}

#[test]
fn a_section_of_the_same_version_is_replaced() {
    let text = insert(Some(EXISTING), &of("0.9.0", &["feat: a"])).unwrap();
    assert_eq!(text, EXISTING.replace("## v0.9.0 (2025-01-01)\n\n- older\n", "## [0.9.0] - 2026-11-21\n\n### Added\n\n- a\n"));
}

#[test]
fn a_section_is_extracted_without_footer_and_links() {
    let version = |text: &str| Version::parse(text).unwrap();
    assert_eq!(extract(EXISTING, &version("1.0.0")).unwrap(), "### Fixed\n\n- old\n```\n## [9.9.9]\n```");
    assert_eq!(extract(EXISTING, &version("0.9.0")).unwrap(), "- older");
    assert_eq!(extract(EXISTING, &version("9.9.9")), None);
    assert_eq!(extract("## 1.0.0\n", &version("1.0.0")), None);
    assert_eq!(extract("## 1.0.0\r\n\r\n- a\r\n\r\n[x]: y\r\n", &version("1.0.0")).unwrap(), "- a");
    assert_eq!(extract("## [1.0.0]\nText\n---\nmore", &version("1.0.0")).unwrap(), "Text\n---\nmore");
}

#[test]
fn forms_of_others_are_read() {
    for heading in [
        "## [1.2.3]",
        "## 1.2.3",
        "## v1.2.3",
        "### [1.2.3](https://x) (2026-01-01)",
        "# 1.2.3 / 2026",
        "## nginx-v1.2.3",
        "## [nginx-v1.2.3] ##",
    ] {
        assert_eq!(extract(&format!("{heading}\n\n- a\n"), &Version::new(1, 2, 3)).as_deref(), Some("- a"), "{heading}");
    }
}

#[test]
fn a_file_without_versions_gets_its_section_before_the_links() {
    let text = insert(Some("# Changes\n\nIntro\n\n[x]: y\n"), &of("1.0.0", &["fix: a"])).unwrap();
    assert_eq!(text, "# Changes\n\nIntro\n\n## [1.0.0] - 2026-11-21\n\n### Fixed\n\n- a\n\n[x]: y\n");
}

#[test]
fn line_ends_of_the_file_are_kept() {
    let text = insert(Some("# Changes\r\n\r\n## [1.0.0]\r\n\r\n- a\r\n"), &of("1.1.0", &["fix: b"])).unwrap();
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert_eq!(extract(&text, &Version::new(1, 1, 0)).unwrap(), "### Fixed\n\n- b");
}

#[test]
fn a_version_that_stands_twice_is_refused() {
    let refused = insert(Some("## 1.0.0\n\n- a\n\n## [1.0.0]\n\n- b\n"), &of("1.0.0", &[])).unwrap_err();
    assert_eq!(refused.violations()[0].code, Code::ChangelogRepeated);
    assert!(refused.violations()[0].what.ends_with("at line 5"));
}

#[test]
fn a_code_block_without_end_is_refused() {
    let refused = insert(Some("# Changelog\n\n```\n## 1.0.0\n"), &of("1.0.0", &[])).unwrap_err();
    assert_eq!(refused.violations()[0].code, Code::ChangelogOpenBlock);
}

#[test]
fn artifact_hub_reads_the_changes_as_a_list() {
    let section = of("1.0.0", &["feat: a: \"b\" # c", "fix!: d\n\nBREAKING CHANGE: e"]);
    let expected = "- kind: added\n  description: \"a: \\\"b\\\" # c\"\n- kind: fixed\n  description: \"Breaking: d (e)\"\n";
    assert_eq!(artifacthub_changes(&section), expected);
    assert_eq!(artifacthub_changes(&of("1.0.0", &[])), format!("- kind: changed\n  description: \"{FALLBACK}\"\n"));
}

fn any_changelog() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "# Changelog\n",
        "## [Unreleased]\n",
        "## [1.0.0] - 2026-01-01\n",
        "## v0.9.0\n",
        "### Added\n",
        "- a\n",
        "\n",
        "\r\n",
        "---\n",
        "```\n",
        "[x]: y\n",
        "text",
        "<!-- c -->\n",
        "Title\n",
        "#### deep\n",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| {
        let text = pieces.concat();
        if file::ends_in_code(&text) { text + "\n```\n" } else { text }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inserting_twice_equals_once_and_reads_back(text in any_changelog(), description in "[^\\s\\p{C}/][^\\p{C}]{0,20}") {
        let section = of("1.1.0", &[&format!("fix: {description}")]);
        let once = insert(Some(&text), &section).unwrap();
        prop_assert_eq!(&insert(Some(&once), &section).unwrap(), &once);
        prop_assert_eq!(extract(&once, &section.version).unwrap(), section.body());
    }

    #[test]
    fn lines_of_others_survive(text in any_changelog()) {
        prop_assume!(!text.trim().is_empty());
        let written = insert(Some(&text), &of("1.1.0", &["fix: new"])).unwrap();
        let ours = ["## [1.1.0] - 2026-11-21", "### Fixed", "- new"];
        let kept = |text: &str| text.lines().filter(|line| !line.is_empty() && !ours.contains(line)).map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(kept(&written), kept(&text));
    }

    #[test]
    fn annotation_values_are_yaml(description in "[^\\s\\p{C}/].{0,30}") {
        let section = of("1.1.0", &[&format!("fix: {description}")]);
        let read: Vec<std::collections::BTreeMap<String, String>> = serde_saphyr::from_str(&artifacthub_changes(&section)).unwrap();
        prop_assert_eq!(&read[0]["description"], &section.entries.first().map_or(FALLBACK.to_owned(), |entry| entry.description.clone()));
    }
}
