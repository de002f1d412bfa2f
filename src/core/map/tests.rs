use super::*;
use proptest::prelude::*;

fn reference(id: &str) -> Reference {
    Reference {
        id: id.to_owned(),
        subject: Sha256::of("s"),
        predicate_type: "https://slsa.dev/provenance/v1".to_owned(),
        statement: Sha256::of(id),
    }
}

fn references(entries: &[(&str, &str)]) -> BTreeMap<Key, Reference> {
    entries.iter().map(|(key, id)| (key.parse().unwrap(), reference(id))).collect()
}

fn code(body: &str) -> Code {
    read(body).unwrap_err().violations()[0].code
}

const GIVEN: &str = r#"Text

<!-- ATTESTATION_MAP
{
  "lint-test-v1.32.11": "123456",
  "artifacthub-lint": "456789",
  "Their Key": "x --> y"
}
-->

More text
"#;

#[test]
fn the_given_form_is_read_with_entries_of_others_and_a_nested_end() {
    let blocks = read(GIVEN).unwrap();
    assert_eq!(blocks.map.attestations["lint-test-v1.32.11".parse::<Key>().as_ref().unwrap()], "123456");
    assert_eq!(blocks.map.others["Their Key"], "x --> y");
    assert!(blocks.references.is_empty());
}

#[test]
fn a_write_touches_its_own_keys_alone() {
    let written = write(GIVEN, &references(&[("security", "1"), ("artifacthub-lint", "2")])).unwrap();
    let expected_start = "Text\n\n<!-- ATTESTATION_MAP\n{\n  \"Their Key\": \"x --\\u003e y\",\n  \"artifacthub-lint\": \"2\",\n  \"lint-test-v1.32.11\": \"123456\",\n  \"security\": \"1\"\n}\n-->\n\nMore text\n\n<!-- CHARTREL_LINEAGE\n";
    assert!(written.starts_with(expected_start), "{written}");
    let blocks = read(&written).unwrap();
    assert_eq!(blocks.map.others["Their Key"], "x --> y");
    assert_eq!(blocks.references, references(&[("security", "1"), ("artifacthub-lint", "2")]));
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_code() {
    let good = render(&references(&[("security", "1")]));
    for (body, expected) in [
        (String::new(), Code::MapMissing),
        ("no blocks".to_owned(), Code::MapMissing),
        ("<!-- ATTESTATION_MAPS {} -->".to_owned(), Code::MapMissing),
        ("<!-- CHARTREL_LINEAGE {\"version\":1,\"attestations\":{}} -->".to_owned(), Code::MapMissing),
        ("<!-- ATTESTATION_MAP -->".to_owned(), Code::MapMalformed),
        ("<!-- ATTESTATION_MAP {}".to_owned(), Code::MapMalformed),
        ("<!-- ATTESTATION_MAP".to_owned(), Code::MapMalformed),
        ("<!-- ATTESTATION_MAP {\"a\":1} -->".to_owned(), Code::MapMalformed),
        ("<!-- ATTESTATION_MAP {a: b} -->".to_owned(), Code::MapMalformed),
        ("<!-- ATTESTATION_MAP [] -->".to_owned(), Code::MapMalformed),
        ("<!-- ATTESTATION_MAP {\"a\":\"1\",\"a\":\"2\"} -->".to_owned(), Code::MapMalformed),
        ("<!-- ATTESTATION_MAP {} {} -->".to_owned(), Code::MapMalformed),
        (good.replace("\"version\": 1", "\"version\": 2"), Code::MapMalformed),
        (good.replace("\"version\": 1", "\"extra\": 1, \"version\": 1"), Code::MapMalformed),
        (format!("{good}\n<!--ATTESTATION_MAP\n{{}}-->"), Code::MapRepeated),
        (good.replacen("\"security\": \"1\"", "\"security\": \"2\"", 1), Code::MapIdMismatch),
        (good.replacen("\"security\": \"1\"", "\"else\": \"1\"", 1), Code::MapIdMismatch),
    ] {
        assert_eq!(code(&body), expected, "{body}");
    }
    assert_eq!(find("no blocks"), Ok(None));
}

#[test]
fn a_malformed_block_is_never_overwritten() {
    let body = "<!-- ATTESTATION_MAP { -->";
    assert_eq!(write(body, &references(&[("security", "1")])).unwrap_err().violations()[0].code, Code::MapMalformed);
    assert_eq!(canonical(body), body);
}

#[test]
fn a_disagreement_is_healed_by_writing_the_key() {
    let body = render(&references(&[("security", "1")])).replacen("\"security\": \"1\"", "\"security\": \"2\"", 1);
    let add = references(&[("security", "3")]);
    assert_eq!(read(&write(&body, &add).unwrap()).unwrap().references, add);
}

#[test]
fn the_canonical_description_has_no_blocks_no_cr_and_no_trailing_blanks() {
    let body = "Title  \r\n\r\ntext\t\r\n\r\n".to_owned();
    let with_blocks = write(&body, &references(&[("security", "1")])).unwrap();
    assert_eq!(canonical(&body), "Title\n\ntext");
    assert_eq!(canonical(&with_blocks), "Title\n\ntext");
    assert_eq!(description_digest(&with_blocks), Sha256::of("Title\n\ntext"));
    assert!(with_blocks.starts_with("Title  \r\n\r\ntext\t\r\n\r\n<!-- "));
}

#[test]
fn a_description_that_github_could_not_store_is_refused() {
    let refused = write(&"x".repeat(65_400), &references(&[("security", "1")])).unwrap_err();
    assert_eq!(refused.violations()[0].code, Code::MapNoRoom);
}

#[test]
fn the_maps_digest_is_that_of_its_canonical_json_without_links() {
    let body = render(&references(&[("security", "1"), ("artifacthub-lint", "2"), ("workflow-1-overall", "3")]));
    assert_eq!(read(&body).unwrap().map.digest(), Sha256::of(r#"{"artifacthub-lint":"2","security":"1"}"#));
}

fn any_reference() -> impl Strategy<Value = Reference> {
    (any::<String>(), any::<String>()).prop_map(|(id, kind)| Reference { predicate_type: kind, ..reference(&id) })
}

fn any_references() -> impl Strategy<Value = BTreeMap<Key, Reference>> {
    prop::collection::btree_map("[a-z0-9.-]{1,12}".prop_map(|key| key.parse().unwrap()), any_reference(), 0..5)
}

/// Text as hostile as descriptions get: ends of comments, markers, line ends, backslashes.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        Just("-->".to_owned()),
        Just("\r\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("<!-- note -->".to_owned()),
        Just("\\\"".to_owned()),
        Just("  ".to_owned()),
        Just("<!--".to_owned()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back(text in any_text(), add in any_references()) {
        prop_assume!(!add.is_empty());
        let written = write(&text, &add).unwrap();
        prop_assert_eq!(&read(&written).unwrap().references, &add);
        prop_assert!(written.starts_with(&text));
    }

    #[test]
    fn writing_twice_equals_once(text in any_text(), add in any_references()) {
        let once = write(&text, &add).unwrap();
        prop_assert_eq!(write(&once, &add).unwrap(), once);
    }

    #[test]
    fn the_canonical_description_does_not_see_the_map(text in any_text(), first in any_references(), second in any_references()) {
        let written = write(&write(&text, &first).unwrap(), &second).unwrap();
        prop_assert_eq!(canonical(&written), canonical(&text));
        prop_assert_eq!(canonical(&canonical(&text)), canonical(&text));
    }

    #[test]
    fn entries_and_text_of_others_survive(before in any_text(), after in any_text(), key in any::<String>(), id in any::<String>(), add in any_references()) {
        let json = serde_json::json!({ &key: &id }).to_string().replace("-->", "--\\u003e");
        let body = format!("{before}<!-- ATTESTATION_MAP {json} -->{after}");
        let written = write(&body, &add).unwrap();
        prop_assert!(written.starts_with(&before));
        let blocks = read(&written).unwrap();
        if let Ok(key) = key.parse::<Key>() {
            let expected = add.get(&key).map_or(&id, |reference| &reference.id);
            prop_assert_eq!(&blocks.map.attestations[&key], expected);
        } else {
            prop_assert_eq!(&blocks.map.others[&key], &id);
        }
        prop_assert_eq!(canonical(&written), canonical(&format!("{before}{after}")));
    }

    #[test]
    fn no_description_breaks_the_reader(body in any_text()) {
        let _ = (find(&body), canonical(&body));
    }
}
