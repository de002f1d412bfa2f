use super::*;
use crate::chart::FileMode;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), mode: FileMode::Regular, bytes: text.into() }
}

fn chart() -> Chart {
    let long = format!("files/{}/{}.txt", "d".repeat(90), "f".repeat(90));
    let odd = format!("files/é{}.txt", "x".repeat(120));
    Chart::load(vec![
        file("Chart.yaml", "apiVersion: v2\nname: boat\nversion: 1.2.3\ndescription: floats\n"),
        file("values.yaml", "a: 1\n"),
        file("templates/a.yaml", "a: b\n"),
        file("charts/oar/Chart.yaml", "apiVersion: v2\nname: oar\nversion: 0.1.0\n"),
        file(&long, "long\n"),
        file(&odd, "odd\n"),
    ])
    .unwrap()
}

#[test]
fn a_package_is_the_same_every_time_and_reads_back() {
    let (first, second) = (package(&chart(), 1_700_000_000).unwrap(), package(&chart(), 1_700_000_000).unwrap());
    assert_eq!(first, second);
    assert_eq!(first.name, "boat-1.2.3.tgz");
    let contents = read(&first.bytes).unwrap();
    assert_eq!(contents.metadata.name.as_str(), "boat");
    let paths: Vec<_> = contents.files.iter().map(|file| file.path.len()).collect();
    assert_eq!(paths.len(), 6);
    assert!(contents.files.iter().any(|file| file.path.starts_with("files/é")));
    assert_ne!(package(&chart(), 1_700_000_001).unwrap().digest, first.digest);
}

#[test]
fn what_is_no_package_is_refused() {
    for bytes in [&b""[..], b"x", &package(&chart(), 0).unwrap().bytes[..100]] {
        assert_eq!(read(bytes).unwrap_err().violations()[0].code, Code::PackageUnreadable);
    }
}

#[test]
fn a_missing_dependency_is_named() {
    let chart = Chart::load(vec![file(
        "Chart.yaml",
        "apiVersion: v2\nname: boat\nversion: 1.2.3\ndescription: floats\ndependencies:\n- name: oar\n  version: 1.x\n  repository: https://example.org\n",
    )])
    .unwrap();
    let refused = package(&chart, 0).unwrap_err();
    assert_eq!(refused.violations()[0].code, Code::ChartMissingDependency);
    assert!(refused.violations()[0].what.contains("`oar` 1.x from https://example.org"));
}
