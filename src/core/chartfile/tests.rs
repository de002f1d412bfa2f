use super::*;
use proptest::prelude::*;

const CHANGES_TEXT: &str = "- kind: added\n  description: \"a new thing\"\n- kind: fixed\n  description: \"it's: #1\"\n";

fn version(text: &str) -> Edits {
    Edits { version: Some(text.parse().unwrap()), ..Edits::default() }
}

fn app(text: &str) -> Edits {
    Edits { app_version: Some(text.to_owned()), ..Edits::default() }
}

fn changes(text: &str) -> Edits {
    Edits { changes: Some(text.to_owned()), ..Edits::default() }
}

fn prerelease(is_set: bool) -> Edits {
    Edits { prerelease: Some(is_set), ..Edits::default() }
}

fn code(result: Result<String>) -> Code {
    result.unwrap_err().violations()[0].code
}

#[test]
fn only_the_line_that_is_meant_changes() {
    for (before, edits, after) in [
        ("name: a\nversion: 1.0.0 # why\nx: y\n", version("1.1.0"), "name: a\nversion: 1.1.0 # why\nx: y\n"),
        ("name: a\nversion: '1.0.0'\n", version("1.1.0+b"), "name: a\nversion: 1.1.0+b\n"),
        ("\u{feff}version: 1.0.0\r\nname: a\r\n", version("2.0.0-rc.1"), "\u{feff}version: 2.0.0-rc.1\r\nname: a\r\n"),
        ("# c\n---\nname: a\n\nversion:   1.0.0", version("2.0.0"), "# c\n---\nname: a\n\nversion:   2.0.0"),
        ("name: a\n\"version\": 1.0.0\n---\nversion: 3\n", version("2.0.0"), "name: a\n\"version\": 2.0.0\n---\nversion: 3\n"),
        ("name: a\nversion: &v 1.0.0\n", version("2.0.0"), "name: a\nversion: &v 2.0.0\n"),
        ("name: a\nversion: &v 1.0.0\nappVersion: *v\n", app("1.1"), "name: a\nversion: &v 1.0.0\nappVersion: \"1.1\"\n"),
        ("name: a\nappVersion: 1.10\nversion: 1.0.0\n", app("1.10"), "name: a\nappVersion: \"1.10\"\nversion: 1.0.0\n"),
        ("name: a\nappVersion: >-\n  1.10\n  b\n\nversion: 1.0.0\n", app("2"), "name: a\nappVersion: \"2\"\n\nversion: 1.0.0\n"),
        ("name: a\nversion: 1.0.0\nx: y\n", app("y"), "name: a\nversion: 1.0.0\nappVersion: \"y\"\nx: y\n"),
        ("name: a\r\nversion: 1.0.0", app("1_000"), "name: a\r\nversion: 1.0.0\r\nappVersion: \"1_000\"\r\n"),
        (
            "name: a\ndependencies:\n- name: b\n  version: 1.0.0\nversion: 1.0.0\n",
            version("2.0.0"),
            "name: a\ndependencies:\n- name: b\n  version: 1.0.0\nversion: 2.0.0\n",
        ),
        (
            "name: a\ndescription: |\n  x\n  version: 1.0.0\nversion: 1.0.0\n",
            version("2.0.0"),
            "name: a\ndescription: |\n  x\n  version: 1.0.0\nversion: 2.0.0\n",
        ),
    ] {
        assert_eq!(edit(before, &edits).unwrap(), after, "{before}");
        assert_eq!(edit(after, &edits).unwrap(), after, "{before}");
    }
}

#[test]
fn annotations_are_written_in_the_style_they_stand_in() {
    let one = "- kind: added\n  description: x\n";
    for (before, edits, after) in [
        ("name: a\n", changes(one), "name: a\nannotations:\n  artifacthub.io/changes: |\n    - kind: added\n      description: x\n"),
        ("name: a\r\n", changes("- a\n- b"), "name: a\r\nannotations:\r\n  artifacthub.io/changes: |-\r\n    - a\r\n    - b\r\n"),
        (
            "name: a\nannotations: {} # c\nx: y\n",
            changes("- a\n- b\n"),
            "name: a\nannotations: # c\n  artifacthub.io/changes: |\n    - a\n    - b\nx: y\n",
        ),
        (
            "name: a\nannotations:\nx: y\n",
            changes("- a\n- b\n"),
            "name: a\nannotations:\n  artifacthub.io/changes: |\n    - a\n    - b\nx: y\n",
        ),
        (
            "annotations:\n    k: v # c\n\nname: a\n",
            changes("- a\n- b\n"),
            "annotations:\n    k: v # c\n    artifacthub.io/changes: |\n      - a\n      - b\n\nname: a\n",
        ),
        (
            "annotations:\n  artifacthub.io/changes: |\n    - old\n\n    # old\n    - older\n\n  # about k\n  k: v\nname: a\n",
            changes("- a\n- b\n"),
            "annotations:\n  artifacthub.io/changes: |\n    - a\n    - b\n\n  # about k\n  k: v\nname: a\n",
        ),
        (
            "annotations:\n  \"artifacthub.io/changes\": \"- old\\n\\\n    - x\"\n# end\nname: a\n",
            changes("- a\n- b\n"),
            "annotations:\n  artifacthub.io/changes: |\n    - a\n    - b\n# end\nname: a\n",
        ),
        (
            "name: a\nannotations: {k: v, l: 'x, y'} # c\n",
            changes("- a\n- b\n"),
            "name: a\nannotations: {k: v, l: 'x, y', artifacthub.io/changes: \"- a\\n- b\\n\"} # c\n",
        ),
        (
            "name: a\nannotations: {artifacthub.io/changes: old, k: v}\n",
            changes("- a\n"),
            "name: a\nannotations: {artifacthub.io/changes: \"- a\\n\", k: v}\n",
        ),
        ("name: a\nannotations:\n  k: v\n", prerelease(true), "name: a\nannotations:\n  k: v\n  artifacthub.io/prerelease: \"true\"\n"),
        (
            "name: a\nannotations:\n  artifacthub.io/prerelease: true\n",
            prerelease(true),
            "name: a\nannotations:\n  artifacthub.io/prerelease: \"true\"\n",
        ),
        (
            "name: a\nannotations:\n  artifacthub.io/prerelease: \"true\"\n",
            prerelease(false),
            "name: a\nannotations:\n  artifacthub.io/prerelease: \"false\"\n",
        ),
        ("name: a\n", prerelease(false), "name: a\n"),
    ] {
        assert_eq!(edit(before, &edits).unwrap(), after, "{before}");
        assert_eq!(edit(after, &edits).unwrap(), after, "{before}");
    }
}

#[test]
fn what_cannot_be_edited_alone_is_refused() {
    for (before, edits, expected) in [
        ("name: a\nversion: 1.0.0\nversion: 2.0.0\n", version("3.0.0"), Code::ChartDuplicateKey),
        ("name: a\nversion: 1.0.0\nannotations:\n  a: b\n  a: c\n", version("3.0.0"), Code::ChartDuplicateKey),
        ("{name: a, version: 1.0.0}\n", version("3.0.0"), Code::ChartNotEditable),
        ("  name: a\n  version: 1.0.0\n", version("3.0.0"), Code::ChartNotEditable),
        ("name: a\nversion: &v 1.0.0\nappVersion: *v\n", version("3.0.0"), Code::ChartNotEditable),
        ("x: &x {a: b}\nname: a\nannotations: *x\n", changes("- a\n"), Code::ChartNotEditable),
        ("name: a\nannotations: text\n", changes("- a\n"), Code::ChartNotEditable),
        ("- a\n", version("3.0.0"), Code::ChartNotEditable),
        ("name: [\n", version("3.0.0"), Code::YamlMalformed),
    ] {
        assert_eq!(code(edit(before, &edits)), expected, "{before}");
    }
}

#[test]
fn awkward_values_read_back_as_texts() {
    for text in ["1.10", "y", "null", "~", "0x1f", "2021-01-01", "1_000", "a\"b\\", "\u{7}", "a\tb", "é🚀", "", "a # b", "{{ x }}"] {
        let edited = edit("name: a\nversion: 1.0.0\n", &app(text)).unwrap();
        assert_eq!(yaml::parse(&edited).unwrap()["appVersion"], *text, "{edited}");
    }
}

proptest! {
    #[test]
    fn all_edits_at_once_hold_or_refuse(text in "[ -~\n\u{85}é]{0,40}", app_version in "\\PC{0,10}", tail in "(annotations:\n( {2}k: v\n)?)?") {
        let before = format!("apiVersion: v2\nname: a\nversion: 1.0.0\n# end\n{tail}");
        let edits = Edits {
            version: Some("1.0.1".parse().unwrap()), app_version: Some(app_version.clone()), changes: Some(text.clone()), prerelease: Some(true),
        };
        let edited = edit(&before, &edits).unwrap();
        let value = yaml::parse(&edited).unwrap();
        prop_assert_eq!(&value["annotations"][CHANGES], &Value::String(text));
        prop_assert_eq!(&value["appVersion"], &Value::String(app_version));
        prop_assert_eq!(edit(&edited, &edits).unwrap(), edited);
    }

    #[test]
    fn the_changes_of_several_lines_never_disturb(lines in proptest::collection::vec("[ a-z#:'\"-]{0,12}", 1..6)) {
        let text = lines.join("\n") + "\n";
        let before = format!("name: a\nannotations:\n  k: v\n  {CHANGES}: |\n    {}  z: w\nversion: 1.0.0\n", CHANGES_TEXT.replace('\n', "\n    ").trim_end_matches(' '));
        let edited = edit(&before, &changes(&text)).unwrap();
        prop_assert_eq!(edit(&edited, &changes(CHANGES_TEXT)).unwrap(), before);
    }
}
