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

/// A gzipped tar of entries: path, kind, content.
fn archive(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), Compression::default()));
    for (path, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

const CHART: (&str, tar::EntryType, &[u8]) = ("boat/Chart.yaml", tar::EntryType::Regular, b"apiVersion: v2\nname: boat\nversion: 1.2.3\n");

#[test]
fn a_package_that_would_reach_out_or_fill_memory_is_refused() {
    use tar::EntryType::{Fifo, Link, Regular, Symlink};
    for (path, kind) in [
        ("boat/../../etc/x", Regular),
        ("boat//etc/x", Regular),
        ("/etc/x", Regular),
        ("../x/y", Regular),
        ("boat/./x", Regular),
        ("boat\\x/y", Regular),
        ("x", Regular),
        ("boat/a\nb", Regular),
        ("boat/link", Symlink),
        ("boat/link", Link),
        ("boat/pipe", Fifo),
        ("boat/Chart.yaml", Regular),
    ] {
        let refused = read(&archive(&[CHART, (path, kind, b"")])).unwrap_err();
        assert_eq!(refused.violations()[0].code, Code::PackageUnreadable, "{path}: {refused}");
    }
    assert!(read(&archive(&[CHART, ("boat/a/", tar::EntryType::Directory, b""), ("boat/a/b", Regular, b"x")])).is_ok());
    let large = vec![0; crate::chart::FILE_LIMIT + 1];
    let many: Vec<(String, tar::EntryType, &[u8])> = (0..21).map(|n| (format!("boat/{n}"), Regular, &large[1..])).collect();
    let many: Vec<_> = many.iter().map(|(path, kind, content)| (path.as_str(), *kind, *content)).collect();
    for bomb in [archive(&[CHART, ("boat/big", Regular, &large)]), archive(&many), archive(&[])] {
        assert_eq!(read(&bomb).unwrap_err().violations()[0].code, Code::PackageUnreadable);
    }
}

#[test]
fn others_charts_are_read_whatever_their_version_looks_like() {
    let entries = [("sub/Chart.yaml", tar::EntryType::Regular, &b"name: Sub_1\nversion: v1.2\n"[..])];
    assert_eq!(identity(&archive(&entries)).unwrap(), ("Sub_1".to_owned(), "v1.2".to_owned()));
    assert!(read(&archive(&entries)).is_err());
}

#[test]
fn what_a_second_member_of_the_gzip_holds_counts_too() {
    // Go reads on there; who stops sees another chart than Helm.
    let mut bytes = archive(&[CHART]);
    bytes.extend(archive(&[]));
    assert!(read(&bytes).is_ok());
    bytes.extend(b"trailing");
    assert_eq!(read(&bytes).unwrap_err().violations()[0].code, Code::PackageUnreadable);
}

#[test]
fn the_gzip_header_is_that_of_helm() {
    let bytes = package(&chart(), 0).unwrap().bytes;
    assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0b1_0100, 0, 0, 0, 0, 0, 255]);
    assert_eq!(bytes[10..12], [44, 0]);
    assert!(bytes[12..].starts_with(b"rr\x28\x00aHR0c"));
}

#[test]
fn charts_packed_in_charts_do_not_go_on_for_ever() {
    let below = |inner: &[u8]| archive(&[CHART, ("boat/charts/boat.tgz", tar::EntryType::Regular, inner)]);
    let mut bytes = archive(&[CHART]);
    for _ in 0..16 {
        bytes = below(&bytes);
    }
    assert!(read(&bytes).is_ok());
    assert_eq!(read(&below(&bytes)).unwrap_err().violations()[0].code, Code::ChartBadSubchart);
    let large = vec![0; crate::chart::FILE_LIMIT];
    let parts: Vec<String> = (0..11).map(|n| format!("boat/{n}")).collect();
    let entries: Vec<_> = parts.iter().map(|path| (path.as_str(), tar::EntryType::Regular, large.as_slice())).collect();
    let heavy = |name: &str| {
        let chart_file = format!("name: {name}\nversion: 1.0.0\n");
        let all: Vec<_> =
            [("boat/Chart.yaml", tar::EntryType::Regular, chart_file.as_bytes())].into_iter().chain(entries.clone()).collect();
        SourceFile { path: format!("charts/{name}.tgz"), mode: FileMode::Regular, bytes: archive(&all) }
    };
    let good = file("Chart.yaml", "apiVersion: v2\nname: boat\nversion: 1.2.3\ndescription: floats\n");
    assert!(Chart::load(vec![good.clone(), heavy("a")]).is_ok());
    let refused = Chart::load(vec![good, heavy("a"), heavy("b")]).unwrap_err();
    assert!(refused.violations()[0].what.contains("unpack to more than"), "{refused}");
}
