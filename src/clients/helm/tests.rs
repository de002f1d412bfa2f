use super::*;
use chartrel_core::{Code, Refusal, Sha256};
use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

/// A program that answers as Helm does.
fn script(folder: &Path, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join("helm");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

const VERSION: &str = "[ \"$1\" = version ] && { printf v4.9.9; exit 0; }";

fn places(cache: &Path) -> Places {
    Places { explicit: None, path: None, cache: cache.to_owned(), base_url: "http://127.0.0.1:9".into(), archive: Some(Sha256::of("x")) }
}

fn code(error: &anyhow::Error) -> Code {
    error.downcast_ref::<Refusal>().unwrap().code
}

/// Serves one answer to each request until it is dropped with the test.
fn serve(body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    url
}

fn archive(program: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for target in ["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(program.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, format!("{target}/helm"), program.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

#[tokio::test]
async fn the_program_that_is_named_is_taken_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = script(folder.path(), VERSION);
    let found = Helm::find_in(&Places { explicit: Some(good.clone()), ..places(folder.path()) }).await.unwrap();
    assert_eq!((found.version(), found.program()), ("v4.9.9", good.as_path()));
    for text in ["exit 1", "echo v2.17.0", "echo hello"] {
        let explicit = Some(script(folder.path(), text));
        let error = Helm::find_in(&Places { explicit, ..places(folder.path()) }).await.unwrap_err();
        assert_eq!(code(&error), Code::HelmMissing, "{text}");
    }
    let absent = Places { explicit: Some("/absent/helm".into()), ..places(folder.path()) };
    assert_eq!(code(&Helm::find_in(&absent).await.unwrap_err()), Code::HelmMissing);
}

#[tokio::test]
async fn the_path_is_searched_and_a_helm_that_does_not_answer_is_passed_over() {
    let (bad, good, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    script(bad.path(), "exit 1");
    let expected = script(good.path(), VERSION);
    let path = std::env::join_paths([bad.path(), good.path()]).unwrap();
    let found = Helm::find_in(&Places { path: Some(path), ..places(cache.path()) }).await.unwrap();
    assert_eq!(found.program(), expected);
}

#[tokio::test]
async fn the_archive_is_fetched_checked_and_kept() {
    let cache = tempfile::tempdir().unwrap();
    let bytes = archive(&format!("#!/bin/sh\n{VERSION}\n"));
    let digest = Sha256::of(&bytes);
    let from = Places { base_url: serve(bytes), archive: Some(digest), ..places(cache.path()) };
    let found = Helm::find_in(&from).await.unwrap();
    assert_eq!(found.version(), "v4.9.9");
    assert!(found.program().starts_with(cache.path()));
    // Another run finds it there, with no server to ask.
    assert_eq!(Helm::find_in(&places(cache.path())).await.unwrap().program(), found.program());
}

#[tokio::test]
async fn an_archive_with_another_digest_is_refused_and_not_kept() {
    let cache = tempfile::tempdir().unwrap();
    let from = Places { base_url: serve(archive("#!/bin/sh")), ..places(cache.path()) };
    assert_eq!(code(&Helm::find_in(&from).await.unwrap_err()), Code::HelmAltered);
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn without_archive_and_go_there_is_none_and_help() {
    let cache = tempfile::tempdir().unwrap();
    let error = Helm::find_in(&Places { archive: None, ..places(cache.path()) }).await.unwrap_err();
    assert_eq!(code(&error), Code::HelmMissing);
    assert!(error.to_string().contains("CHARTREL_HELM_BASE_URL"));
}

#[tokio::test]
async fn helm_sees_nothing_of_the_users_environment() {
    let folder = tempfile::tempdir().unwrap();
    let explicit = Some(script(folder.path(), &format!("{VERSION}\nenv; echo \"arguments: $*\"; echo no >&2; exit 3")));
    let helm = Helm::find_in(&Places { explicit, ..places(folder.path()) }).await.unwrap();
    let values = folder.path().join("-v.yaml");
    fs::write(&values, "").unwrap();
    let outcome = helm.template(folder.path(), "release", &Setting { values: &[values], kube_version: "v1.34.3" }).await.unwrap();
    assert!(!outcome.ok);
    assert_eq!(outcome.stderr.trim(), "no");
    assert!(outcome.output().ends_with("no"));
    for name in ["CARGO", "USER", "GITHUB", "KUBERNETES"] {
        assert!(!outcome.stdout.lines().any(|line| line.starts_with(name)), "{}", outcome.stdout);
    }
    assert!(outcome.stdout.contains("KUBECONFIG=/dev/null"));
    let arguments = outcome.stdout.lines().find(|line| line.starts_with("arguments: ")).unwrap();
    assert!(arguments.starts_with("arguments: template --include-crds --kube-version=v1.34.3 --values=/"), "{arguments}");
    assert!(helm.template(folder.path(), "--post-renderer", &Setting { values: &[], kube_version: "v1.34.3" }).await.is_err());
}

#[tokio::test]
async fn the_repositories_of_a_lock_are_made_known_first() {
    let folder = tempfile::tempdir().unwrap();
    let explicit = Some(script(folder.path(), &format!("{VERSION}\necho \"$*\" >> \"$TMPDIR/log\"; cat \"$TMPDIR/log\"")));
    let helm = Helm::find_in(&Places { explicit, ..places(folder.path()) }).await.unwrap();
    let chart =
        "dependencies: [{name: a, repository: 'https://a'}, {name: b, repository: 'file://../b'}, {name: c, repository: 'oci://c'}]";
    fs::write(folder.path().join("Chart.yaml"), chart).unwrap();
    fs::write(folder.path().join("Chart.lock"), "dependencies: [{name: a, repository: 'https://a'}, {name: d}]").unwrap();
    let outcome = helm.dependency_build(folder.path()).await.unwrap();
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert_eq!(lines[0], "repo add --force-update -- chartrel-0 https://a");
    assert!(lines[1].starts_with("dependency build --skip-refresh -- /"), "{lines:?}");
    assert_eq!(lines.len(), 2);
}
