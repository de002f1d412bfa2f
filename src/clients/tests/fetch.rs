//! Commits: rebuilt from the API, and fetched by git from the world's GitHub where that cannot be.

#![allow(clippy::unwrap_used)]

use chartrel_clients::{
    git::fetch_commit,
    github::{GitHub, Token},
};
use chartrel_core::name::ObjectId;
use chartrel_world::github::{Actor, GitHub as World, Options};
use std::{path::Path, process::Command};

fn git(folder: &Path, arguments: &[&str]) -> String {
    let out = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        // Two zones: no guess from the API's answer finds them.
        .env("GIT_AUTHOR_DATE", "1700000000 +0200")
        .env("GIT_COMMITTER_DATE", "1700000100 -0330")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_the_api_does_not_tell_whole_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(Options::new(folder.path().join("state"), "acme/charts")).await.unwrap();
    let clone = folder.path().join("clone");
    std::fs::create_dir(&clone).unwrap();
    git(&clone, &["init", "--quiet", "--initial-branch=main"]);
    git(&clone, &["commit", "--quiet", "--allow-empty", "-m", "feat: first"]);
    let id: ObjectId = git(&clone, &["rev-parse", "HEAD"]).parse().unwrap();
    git(&clone, &["push", "--quiet", world.git_dir().to_str().unwrap(), "main"]);
    let token = Token::new(&world.token(&Actor::App)).unwrap();
    let client = GitHub::new(&world.api_url(), &token, &"acme/charts".parse().unwrap()).unwrap();

    assert!(client.commit(&id).await.unwrap().raw.is_none());
    let url = format!("{}/acme/charts.git", world.server_url());
    let raw = fetch_commit(&url, &token, &id).await.unwrap();
    assert!(String::from_utf8_lossy(raw.body()).contains("1700000100 -0330"));
    let absent: ObjectId = "1".repeat(40).parse().unwrap();
    let error = format!("{:#}", fetch_commit(&url, &token, &absent).await.unwrap_err());
    assert!(error.contains("could not be fetched") && !error.contains(token.expose()), "{error}");

    // What GitHub commits itself is told whole.
    let made = client.create_commit("feat: second", &client.commit(&id).await.unwrap().tree, &[id]).await.unwrap();
    let raw = made.raw.unwrap();
    assert_eq!(client.commit(&made.sha).await.unwrap().raw.unwrap().digest_as(&made.sha).unwrap(), raw.digest_as(&made.sha).unwrap());
}
