use super::*;
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn made(name: &str, version: &str) -> Entry {
    let chart = json!({"apiVersion": "v2", "name": name, "version": version, "appVersion": "1.10", "unknown": 1, "keywords": []});
    entry(&chart, Sha256::of(version), &format!("https://x.example/{name}-{version}.tgz"), at("2026-01-02T03:04:05Z")).unwrap()
}

fn added(index: Option<&str>, entry: &Entry) -> String {
    match splice(index, entry).unwrap() {
        Splice::Added(text) => text,
        Splice::AlreadyThere => panic!("already there"),
    }
}

fn code(result: Result<Splice>) -> Code {
    result.unwrap_err().violations()[0].code
}

fn versions(index: &str, name: &str) -> Vec<String> {
    let value = yaml::parse(index).unwrap();
    value["entries"][name].as_array().unwrap().iter().map(|entry| entry["version"].as_str().unwrap().to_owned()).collect()
}

const HELM: &str = "apiVersion: v1
entries:
  alertmanager:
  - annotations:
      artifacthub.io/changes: |
        - version: 9.9.9

        # c
    apiVersion: v2
    created: \"2025-01-01T00:00:00.123456789Z\"
    dependencies:
    - name: x
      version: 3.0.0
    description: a long text that goes
      version 9.9.9
    digest: aaaa
    name: alertmanager
    urls:
    - https://x.example/alertmanager-2.0.0.tgz
    version: 2.0.0
  - name: alertmanager
    version: v1.0.0
  - name: alertmanager
    version: not-a-version
  zookeeper:
  - name: zookeeper
    version: 1.0.0
generated: \"2025-01-01T00:00:00Z\"
";

#[test]
fn an_entry_is_written_as_helm_writes_it() {
    let chart = json!({
        "apiVersion": "v2", "name": "nginx", "version": "1.2.3", "appVersion": "1.10", "description": "d", "type": "application",
        "annotations": {"artifacthub.io/changes": "- a\n- b\n"}, "maintainers": [{"name": "m", "email": ""}],
        "dependencies": [{"name": "c", "version": "1.x", "repository": "", "import-values": []}], "deprecated": false, "x": {"y": 1},
    });
    let digest = Sha256::of("p");
    let entry = entry(&chart, digest, "https://x.example/nginx-1.2.3.tgz", at("2026-01-02T03:04:05.1Z")).unwrap();
    let expected = format!(
        "  - annotations:\n      artifacthub.io/changes: |\n        - a\n        - b\n    apiVersion: v2\n    appVersion: \"1.10\"\n    \
         created: \"2026-01-02T03:04:05.100Z\"\n    dependencies:\n    - name: c\n      repository: \"\"\n      version: 1.x\n    \
         description: d\n    digest: {}\n    maintainers:\n    - name: m\n    name: nginx\n    type: application\n    urls:\n    \
         - https://x.example/nginx-1.2.3.tgz\n    version: 1.2.3\n",
        digest.hex()
    );
    assert_eq!(entry.text, expected);
    assert_eq!(entry.digest, Sha256::of(&expected));
}

#[test]
fn metadata_that_helm_would_refuse_makes_no_entry() {
    for chart in [
        json!({"apiVersion": "v2", "name": "a", "version": 1.0}),
        json!({"apiVersion": "v2", "name": "a", "version": "1.0"}),
        json!({"apiVersion": "v2", "version": "1.0.0"}),
        json!({"apiVersion": "v2", "name": "a", "version": "1.0.0", "annotations": {"k": true}}),
        json!({"apiVersion": "v2", "name": "../a", "version": "1.0.0"}),
        json!([]),
    ] {
        assert!(entry(&chart, Sha256::of(""), "u", at("2026-01-02T03:04:05Z")).is_err(), "{chart}");
    }
}

#[test]
fn a_repository_begins_with_its_first_entry() {
    let entry = made("nginx", "1.0.0");
    let expected = format!("apiVersion: v1\nentries:\n  nginx:\n{}generated: \"2026-01-02T03:04:05Z\"\n", entry.text);
    assert_eq!(added(None, &entry), expected);
    for empty in
        ["apiVersion: v1\nentries: {}\ngenerated: \"x\"\n", "apiVersion: v1\nentries:\ngenerated: x", "apiVersion: v1\nentries: {}"]
    {
        assert_eq!(added(Some(empty), &entry), expected, "{empty}");
    }
    let odd = added(None, &made("on", "1.0.0"));
    assert!(odd.contains("  \"on\":\n"), "{odd}");
}

#[test]
fn a_version_goes_to_its_place_and_nothing_else_changes() {
    let generated = |text: &str| text.replace("generated: \"2025-01-01T00:00:00Z\"", "generated: \"2026-01-02T03:04:05Z\"");
    for (name, version, before) in [
        ("alertmanager", "3.0.0", "  - annotations:\n"),
        ("alertmanager", "2.0.0+b", "  - annotations:\n"),
        ("alertmanager", "2.0.0-rc.1", "  - name: alertmanager\n    version: v1.0.0\n"),
        ("alertmanager", "1.0.0-rc.1", "  - name: alertmanager\n    version: not-a-version\n"),
        ("zookeeper", "0.1.0", "generated:"),
    ] {
        let entry = made(name, version);
        let expected = generated(&HELM.replacen(before, &format!("{}{before}", entry.text), 1));
        let index = added(Some(HELM), &entry);
        assert_eq!(index, expected, "{name} {version}");
        assert_eq!(splice(Some(&index), &entry), Ok(Splice::AlreadyThere));
        assert_eq!(digest_of(&index, &entry.name, &entry.version), Ok(Some(entry.package_digest)));
    }
    for (name, before) in [("a", "  alertmanager:\n"), ("nginx", "  zookeeper:\n"), ("zz", "generated:")] {
        let entry = made(name, "1.0.0");
        let expected = generated(&HELM.replacen(before, &format!("  {name}:\n{}{before}", entry.text), 1));
        assert_eq!(added(Some(HELM), &entry), expected, "{name}");
    }
}

#[test]
fn other_indentations_are_followed() {
    let index = "apiVersion: v1\nentries:\n    a:\n        -   name: a\n            version: \"1.0.0\"\n\n    # end\ngenerated: x\n";
    let two = "apiVersion: v1\nentries:\n    a:\n        - name: a\n          version: \"1.0.0\"\ngenerated: x\n";
    assert_eq!(versions(&added(Some(two), &made("a", "2.0.0")), "a"), ["2.0.0", "1.0.0"]);
    assert_eq!(versions(&added(Some(index), &made("a", "0.1.0")), "a"), ["1.0.0", "0.1.0"]);
    assert_eq!(versions(&added(Some(index), &made("b", "0.1.0")), "b"), ["0.1.0"]);
    let none = "apiVersion: v1\nentries:\n  a: []\n  b:\ngenerated: x\n";
    for name in ["a", "b", "c"] {
        assert_eq!(versions(&added(Some(none), &made(name, "1.0.0")), name), ["1.0.0"]);
    }
}

#[test]
fn a_version_never_gets_another_package() {
    let first = made("nginx", "1.0.0+1");
    let index = added(None, &first);
    let other = Entry { package_digest: Sha256::of("other"), ..first.clone() };
    assert_eq!(code(splice(Some(&index), &other)), Code::IndexOtherDigest);
    assert_eq!(code(splice(Some(HELM), &made("zookeeper", "1.0.0"))), Code::IndexOtherDigest);
    let both = added(Some(&index), &made("nginx", "1.0.0+2"));
    assert_eq!(versions(&both, "nginx"), ["1.0.0+2", "1.0.0+1"]);
    assert_eq!(digest_of(&both, &first.name, &"1.0.0".parse().unwrap()), Ok(None));
    assert_eq!(digest_of(&both, &"x".parse().unwrap(), &first.version), Ok(None));
}

#[test]
fn what_helm_does_not_write_is_refused() {
    for index in [
        "",
        "hello\n",
        "entries: {}\n",
        "apiVersion: v1\n",
        "{\"apiVersion\":\"v1\",\"entries\":{}}",
        "apiVersion: v1\nentries: {a: []}\n",
        "apiVersion: v1\nentries:\n  a: [{version: 1.0.0}]\n",
        "apiVersion: v1\nentries:\n  nginx:\n  - {version: 1.0.0}\n",
        "apiVersion: v1\nentries:\n  nginx:\n  -\n    version: 1.0.0\n",
        "apiVersion: v1\nentries:\n\tnginx:\n",
        "apiVersion: v1\r\nentries: {}\r\n",
        "apiVersion: v1\nentries:\n  a:\n  b:\n  nginx:\n  nginx:\n",
        "apiVersion: v1\nentries: {}\nentries: {}\n",
        "apiVersion: v1\nentries:\n- a\n",
        "apiVersion: v1\nentries:\n  nginx:\n  - version: >-\n      1.0.0\n",
        "apiVersion: v1\nentries:\n  nginx: &x\n  - version: 1.0.0\n",
        "apiVersion: v1\nentries: {}\n---\nentries: {}\n",
        "<!DOCTYPE html>\n<html>\n",
    ] {
        assert_eq!(code(splice(Some(index), &made("nginx", "1.0.0"))), Code::IndexForeignStyle, "{index}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn entries_in_any_order_make_one_index(order in Just(["1.0.0", "1.0.1", "1.1.0-rc.1", "1.1.0", "2.0.0+1", "2.0.0+2"]).prop_shuffle(),
        names in Just(["a", "b-10", "b-2", "zoo"]).prop_shuffle()) {
        let fill = |versions: &[&str], names: &[&str]| {
            let mut index = None;
            for name in names {
                for version in versions {
                    index = Some(added(index.as_deref(), &made(name, version)));
                }
            }
            index.unwrap()
        };
        let sorted = fill(&["1.0.0", "1.0.1", "1.1.0-rc.1", "1.1.0", "2.0.0+1", "2.0.0+2"], &["a", "b-10", "b-2", "zoo"]);
        let shuffled = fill(&order, &names);
        prop_assert_eq!(&shuffled, &sorted);
        prop_assert_eq!(yaml::emit(&yaml::parse(&sorted).unwrap()), sorted);
    }
}

#[test]
fn a_large_index_grows_by_its_entry_alone() {
    let mut index = String::from("apiVersion: v1\nentries:\n");
    for chart in 0..30 {
        index.extend(["  c", &(1000 + chart).to_string(), ":\n"]);
        for version in (0..100).rev() {
            let filler = "    description: what is said of a chart at some length, as charts do\n    home: https://x.example\n".repeat(10);
            let end = format!("    name: c{}\n    version: 1.{version}.0\n", 1000 + chart);
            index.extend(["  - apiVersion: v2\n", &filler, &end]);
        }
    }
    index.push_str("generated: x\n");
    let entry = made("c1015", "1.50.1");
    let spliced = added(Some(&index), &entry);
    assert_eq!(spliced.len(), index.len() + entry.text.len() + "generated: \"2026-01-02T03:04:05Z\"\n".len() - "generated: x\n".len());
}
