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
    let refused = Chart::load(vec![file("Chart.yaml", &GOOD.replace("1.2.3", "1.10"))]).unwrap_err();
    assert!(refused.violations()[0].what.contains("line 3"), "{refused}");
    assert!(refused.violations()[0].help.contains("version: \"1.10\""));
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
