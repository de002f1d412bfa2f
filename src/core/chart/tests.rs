use super::*;

const GOOD: &str = "apiVersion: v2\nname: boat\nversion: 1.2.3\ndescription: floats\n";

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), mode: FileMode::Regular, bytes: text.into() }
}

fn code(files: Vec<SourceFile>) -> Option<Code> {
    Chart::load(files).err().map(|refused| refused.violations()[0].code)
}

#[test]
fn a_chart_file_that_helm_would_corrupt_is_refused_with_its_line() {
    for (text, expected) in [
        (GOOD.to_owned(), None),
        (GOOD.replace("1.2.3", "1.10"), Some(Code::ChartNumberTrap)),
        (format!("{GOOD}appVersion: 1234e56\n"), Some(Code::ChartNumberTrap)),
        (format!("{GOOD}appVersion: 0777\n"), Some(Code::ChartNumberTrap)),
        (format!("{GOOD}appVersion: 1.27\n"), None),
        (format!("{GOOD}appVersion: \"1.10\"\n"), None),
        (GOOD.replace("version: 1.2.3\n", ""), Some(Code::ChartNoVersion)),
        (GOOD.replace("description: floats\n", ""), Some(Code::ChartNoDescription)),
        (GOOD.replace("name: boat\n", ""), Some(Code::ChartNoName)),
        (GOOD.replace("boat", "Boat"), Some(Code::ChartBadName)),
        (GOOD.replace("1.2.3", "v1.2"), Some(Code::ChartBadVersion)),
        (GOOD.replace("v2", "v3"), Some(Code::ChartBadApiVersion)),
        (format!("{GOOD}type: thing\n"), Some(Code::ChartBadType)),
        ("a: [".to_owned(), Some(Code::YamlMalformed)),
    ] {
        assert_eq!(code(vec![file("Chart.yaml", &text)]), expected, "{text}");
    }
}

#[test]
fn a_number_trap_names_its_line_and_the_quoted_fix() {
    for (more, what, help) in [
        (
            "appVersion: 1.10",
            "line 5 of Chart.yaml says `appVersion: 1.10`, which Helm reads as a number and writes as `1.1`",
            "`appVersion: \"1.10\"`",
        ),
        ("appVersion: 0777 # octal", "`appVersion: 0777`, which Helm reads as a number and writes as `511`", "`appVersion: \"0777\"`"),
        ("appVersion: 1234e56", "writes as `+Inf`", "`appVersion: \"1234e56\"`"),
        ("appVersion: 0010", "writes as `8`", "\"0010\""),
        ("appVersion: 12345678901234567890123", "writes as `1.2345679e+22`", "\"12345678901234567890123\""),
        ("appVersion: 1_0.5", "`appVersion: 1_0.5`, which Helm reads as a number", "\"1_0.5\""),
        ("appVersion: yes", "reads as a boolean and writes as `true`", "\"yes\""),
        ("kubeVersion: 1.30", "`kubeVersion: 1.30`", "`kubeVersion: \"1.30\"`"),
        ("annotations:\n  example.org/a: 1.0", "line 6 of Chart.yaml says `example.org/a: 1.0`", "`example.org/a: \"1.0\"`"),
        ("annotations: {a: b, c: 1e3}", "line 5 of Chart.yaml says `c: 1e3`", "`c: \"1e3\"`"),
        ("keywords:\n- a\n- no", "line 7 of Chart.yaml says `- no`", "`- \"no\"`"),
        ("dependencies:\n- name: a\n  version: 1.10", "line 7 of Chart.yaml says `version: 1.10`", "`version: \"1.10\"`"),
        ("maintainers: [{name: 007}]", "`name: 007`", "`name: \"007\"`"),
    ] {
        let refused = Chart::load(vec![file("Chart.yaml", &format!("{GOOD}{more}\n"))]).unwrap_err();
        let [refusal] = refused.violations() else { panic!("{more}: {refused}") };
        assert_eq!(refusal.code, Code::ChartNumberTrap, "{more}");
        assert!(refusal.what.contains(what), "{more}: {}", refusal.what);
        assert!(refusal.help.contains(help), "{more}: {}", refusal.help);
    }
    for fine in [
        "appVersion: 1.27",
        "appVersion: 27",
        "appVersion: true",
        "appVersion: 2026-11-21",
        "appVersion: 1.2.3",
        "appVersion: '1.10'",
        "appVersion: v1_0",
    ] {
        assert_eq!(code(vec![file("Chart.yaml", &format!("{GOOD}{fine}\n"))]), None, "{fine}");
    }
}

#[test]
fn a_field_of_another_type_is_named_with_its_place() {
    for (more, place) in [
        ("keywords: sea", "`keywords` of Chart.yaml is not a list of texts"),
        ("deprecated: \"true\"", "`deprecated`"),
        ("annotations: {a: [b]}", "`annotations`"),
        ("annotations: {a: \"\\u2028\"}", "`\\u{2028}`"),
        ("annotations: {on: b}", "takes for a number or a boolean"),
        ("maintainers: [{name: a}, b]", "`maintainers[1]`"),
        ("dependencies: [{name: a, tags: b}]", "`dependencies[0].tags`"),
        ("dependencies: [{name: a}, {name: b, alias: a}]", "go by the name `a`"),
        ("dependencies: [{name: a, alias: ../a}]", "`../a`"),
    ] {
        let refused = Chart::load(vec![file("Chart.yaml", &format!("{GOOD}{more}\n"))]).unwrap_err();
        assert_eq!(refused.violations()[0].code, Code::ChartBadField, "{more}: {refused}");
        assert!(refused.violations()[0].what.contains(place), "{more}: {refused}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let link = SourceFile { mode: FileMode::Symlink, ..file("link", "") };
    let refused = Chart::load(vec![file("Chart.yaml", "apiVersion: v9\ntype: x\nappVersion: 1.10\n"), link, file("a\tb", "")]).unwrap_err();
    let codes: Vec<_> = refused.violations().iter().map(|refusal| refusal.code).collect();
    let expected = [
        Code::ChartBadPath,
        Code::ChartNotAFile,
        Code::ChartNumberTrap,
        Code::ChartNoName,
        Code::ChartNoVersion,
        Code::ChartNoDescription,
        Code::ChartBadApiVersion,
        Code::ChartBadType,
    ];
    assert_eq!(codes, expected, "{refused}");
}

#[test]
fn what_is_ignored_does_no_harm_to_the_package_but_counts_in_the_digest() {
    let link = SourceFile { mode: FileMode::Symlink, ..file("x.bak", "") };
    let files = vec![file("Chart.yaml", GOOD), file(".helmignore", "*.bak\n"), link];
    assert_eq!(code(files.clone()), None);
    let refused = digest(&"boat".parse().unwrap(), &files).unwrap_err();
    assert_eq!(refused.violations()[0].code, Code::ChartNotAFile);
}

#[test]
fn a_version_from_outside_is_the_charts_version() {
    let mut chart = Chart::load(vec![file("Chart.yaml", GOOD)]).unwrap();
    chart.set_version("2.0.0".parse().unwrap());
    chart.set_app_version("1.10");
    assert_eq!(chart.metadata.version.to_string(), "2.0.0");
    assert_eq!(chart.metadata.document["appVersion"], "1.10");
    assert_eq!(chart.metadata.document, chart.tree.document);
}

#[test]
fn what_is_no_file_of_the_chart_is_refused() {
    let with = |other: SourceFile| code(vec![file("Chart.yaml", GOOD), other]);
    let link = SourceFile { mode: FileMode::Symlink, ..file("link", "/etc/hostname") };
    let module = SourceFile { mode: FileMode::Submodule, ..file("module", "") };
    for (other, expected) in [
        (link, Code::ChartNotAFile),
        (module, Code::ChartNotAFile),
        (file("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), Code::ChartNotAFile),
        (file("a\nb", ""), Code::ChartBadPath),
        (file("../x", ""), Code::ChartBadPath),
        (file("charts/readme.md", "x"), Code::ChartBadSubchart),
        (file("values.yaml", "- a\n"), Code::ChartBadValues),
        (file("values.schema.json", "{"), Code::ChartBadValues),
        (file(".helmignore", "a/**"), Code::ChartBadIgnore),
    ] {
        let path = other.path.clone();
        assert_eq!(with(other), Some(expected), "{path}");
    }
    assert_eq!(with(SourceFile { bytes: vec![0; 5 * 1024 * 1024 + 1], ..file("big", "") }), Some(Code::ChartTooLarge));
    assert_eq!(with(SourceFile { bytes: vec![0; 5 * 1024 * 1024], ..file("big", "") }), None);
}

#[test]
fn two_subcharts_of_one_name_are_refused() {
    let files = vec![
        file("Chart.yaml", GOOD),
        file("charts/a/Chart.yaml", "name: x\nversion: 1.0.0\n"),
        file("charts/b/Chart.yaml", "name: x\nversion: 1.0.0\n"),
    ];
    assert_eq!(code(files), Some(Code::ChartTwoSubcharts));
}

#[test]
fn the_digest_needs_files_and_sees_every_byte() {
    let folder: ChartFolder = "boat".parse().unwrap();
    assert_eq!(digest(&folder, &[]).unwrap_err().violations()[0].code, Code::ChartNoFile);
    assert_ne!(digest(&folder, &[file("a", "1")]).unwrap(), digest(&folder, &[file("a", "2")]).unwrap());
    assert_ne!(digest(&folder, &[file("a", "1")]).unwrap(), digest(&folder, &[file("b", "1")]).unwrap());
}

#[test]
fn a_chart_file_alone_tells_its_identity() {
    let (name, version) = identity(GOOD.as_bytes()).unwrap();
    assert_eq!((name.as_str(), version.to_string()), ("boat", "1.2.3".to_owned()));
}
