use super::*;
use chartrel_core::Sha256;
use std::{fs, process::Command as Plain};

struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn new() -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        made.git(&["init", "--quiet", "--initial-branch=main"]);
        made
    }

    fn git(&self, arguments: &[&str]) -> String {
        let out = Plain::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_DATE", "1700000000 +0200")
            .env("GIT_COMMITTER_DATE", "1700000100 +0200")
            .output()
            .unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&self, message: &str) -> ObjectId {
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"]).parse().unwrap()
    }

    async fn open(&self) -> Checkout {
        Checkout::open(self.folder.path()).await.unwrap()
    }
}

fn code(error: &anyhow::Error) -> Code {
    error.downcast_ref::<Refusal>().unwrap().code
}

#[tokio::test]
async fn a_folder_in_no_repository_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code(&Checkout::open(folder.path()).await.unwrap_err()), Code::GitNoRepository);
    assert_eq!(code(&Checkout::open(&folder.path().join("absent")).await.unwrap_err()), Code::GitNoRepository);
}

#[tokio::test]
async fn files_are_those_of_the_commit_whatever_the_work_tree_says() {
    let repository = Repository::new();
    repository.write("charts/nginx/Chart.yaml", "name: nginx\n");
    repository.write("charts/nginx/templates/ü b.yaml", "x\r\n");
    repository.write("charts/nginx-extra/Chart.yaml", "name: other\n");
    repository.write(".gitattributes", "* text eol=crlf\n");
    std::os::unix::fs::symlink("../../secret", repository.folder.path().join("charts/nginx/link")).unwrap();
    let commit = repository.commit("feat: first");
    repository.write("charts/nginx/Chart.yaml", "name: altered\n");
    let checkout = repository.open().await;

    let files = checkout.files(&commit, "charts/nginx").await.unwrap();
    let seen: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.mode)).collect();
    assert_eq!(
        seen,
        [("charts/nginx/Chart.yaml", 0o100_644), ("charts/nginx/link", 0o120_000), ("charts/nginx/templates/ü b.yaml", 0o100_644)]
    );
    assert_eq!(files[0].bytes, b"name: nginx\n");
    assert_eq!(files[1].bytes, b"../../secret");

    let folders = checkout.entries(&commit, "charts").await.unwrap();
    assert_eq!(folders.iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>(), ["charts/nginx", "charts/nginx-extra"]);
    assert_eq!(checkout.entries(&commit, "").await.unwrap().len(), 2);
    let tree = repository.git(&["rev-parse", "HEAD:charts/nginx"]);
    assert_eq!(checkout.tree(&commit, "charts/nginx").await.unwrap().unwrap().as_str(), tree);
    assert_eq!(checkout.tree(&commit, "charts/absent").await.unwrap(), None);
    assert!(checkout.files(&commit, "charts/absent").await.unwrap().is_empty());
    // A pathspec's magic is just a name here.
    assert!(checkout.files(&commit, ":(glob)charts/**").await.unwrap().is_empty());
}

#[tokio::test]
async fn commits_are_read_raw_with_their_times() {
    let repository = Repository::new();
    let commit = repository.commit("feat: first\n\nbody");
    let checkout = repository.open().await;
    let raw = checkout.raw_commit(&commit).await.unwrap();
    assert_eq!(raw.digest_as(&commit).unwrap(), Sha256::of(raw.body()));
    assert_eq!(checkout.commit_time(&commit).await.unwrap().timestamp(), 1_700_000_100);
    assert_eq!(checkout.resolve("main").await.unwrap(), Some(commit.clone()));
    for absent in ["absent", "--all", "-x", ""] {
        assert_eq!(checkout.resolve(absent).await.unwrap(), None, "{absent}");
    }
    let log = checkout.log(None, &commit, None).await.unwrap();
    assert_eq!((log[0].message.as_str(), log[0].author_date.timestamp()), ("feat: first\n\nbody\n", 1_700_000_000));
}

#[tokio::test]
async fn history_is_told_by_range_path_and_first_parent() {
    let repository = Repository::new();
    repository.write("charts/a/x", "1");
    let first = repository.commit("feat: a");
    repository.git(&["checkout", "--quiet", "-b", "side"]);
    repository.write("charts/b/x y", "1");
    let side = repository.commit("feat: b");
    repository.git(&["checkout", "--quiet", "main"]);
    repository.git(&["merge", "--quiet", "--no-ff", "-m", "merge side", "side"]);
    repository.git(&["tag", "b-v1.0.0"]);
    let tip: ObjectId = repository.git(&["rev-parse", "HEAD"]).parse().unwrap();
    let checkout = repository.open().await;

    assert_eq!(checkout.first_parents(&tip, 10).await.unwrap(), [tip.clone(), first.clone()]);
    assert_eq!(checkout.first_parents(&tip, 1).await.unwrap(), std::slice::from_ref(&tip));
    let all = checkout.log(Some(&first), &tip, None).await.unwrap();
    assert_eq!(all.iter().map(|entry| &entry.id).collect::<Vec<_>>(), [&tip, &side]);
    assert_eq!(all[0].parents, [first.clone(), side.clone()]);
    let of_b = checkout.log(None, &tip, Some("charts/b")).await.unwrap();
    assert_eq!(of_b.iter().map(|entry| &entry.id).collect::<Vec<_>>(), [&side]);
    assert_eq!(checkout.changed_paths(&first, &tip).await.unwrap(), ["charts/b/x y"]);
    assert!(checkout.is_ancestor(&first, &tip).await.unwrap());
    assert!(!checkout.is_ancestor(&tip, &first).await.unwrap());
    assert_eq!(checkout.merge_base(&side, &tip).await.unwrap(), side);
    assert!(checkout.has(&side).await.unwrap());
    assert!(!checkout.has(&"0".repeat(40).parse().unwrap()).await.unwrap());
    assert_eq!(checkout.tags("b-v*").await.unwrap(), [("b-v1.0.0".to_owned(), tip)]);
    assert!(checkout.tags("a-v*").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_shallow_checkout_does_not_speak_of_history() {
    let repository = Repository::new();
    repository.commit("one");
    let tip = repository.commit("two");
    let shallow = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repository.folder.path().display());
    repository.git(&["clone", "--quiet", "--depth=1", &url, shallow.path().to_str().unwrap()]);
    let checkout = Checkout::open(shallow.path()).await.unwrap();
    assert_eq!(code(&checkout.log(None, &tip, None).await.unwrap_err()), Code::GitShallow);
    assert_eq!(code(&checkout.first_parents(&tip, 5).await.unwrap_err()), Code::GitShallow);
    assert!(checkout.raw_commit(&tip).await.is_ok());
}

#[tokio::test]
async fn a_replaced_object_is_read_as_it_was() {
    let repository = Repository::new();
    repository.write("charts/a/x", "good");
    let good = repository.commit("good");
    repository.write("charts/a/x", "evil");
    let evil = repository.commit("evil");
    repository.git(&["replace", good.as_str(), evil.as_str()]);
    let files = repository.open().await.files(&good, "charts/a").await.unwrap();
    assert_eq!(files[0].bytes, b"good");
}

#[tokio::test]
async fn a_path_that_is_not_utf8_is_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let repository = Repository::new();
    let first = repository.commit("none");
    fs::create_dir_all(repository.folder.path().join("charts/a")).unwrap();
    fs::write(repository.folder.path().join("charts/a").join(OsStr::from_bytes(b"\xff")), "x").unwrap();
    let second = repository.commit("odd");
    let checkout = repository.open().await;
    assert_eq!(code(&checkout.changed_paths(&first, &second).await.unwrap_err()), Code::InputInvalid);
    assert_eq!(code(&checkout.files(&second, "charts/a").await.unwrap_err()), Code::InputInvalid);
}

#[tokio::test]
async fn a_token_is_not_sent_in_the_clear() {
    let id: ObjectId = "0".repeat(40).parse().unwrap();
    let token = Token::new("secret").unwrap();
    for url in ["http://example.com/a/b.git", "ssh://git@example.com/a/b", "file:///tmp", "ext::sh -c x"] {
        let error = fetch_commit(url, &token, &id).await.unwrap_err();
        assert!(format!("{error:#}").contains("TLS") || format!("{error:#}").contains("not the URL"), "{url}: {error:#}");
    }
}

use crate::github::Token;
