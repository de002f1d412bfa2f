//! The real GitHub client against the rehearsal world's GitHub: every call it makes, over HTTP.

#![allow(clippy::unwrap_used, clippy::panic)]

use chartrel_clients::github::{
    GitHub, Merge, Merged, NewAsset, NewCheck, NewEntry, NewPull, NewRelease, NewTag, PullChange, ReleaseChange, Token,
};
use chartrel_core::name::ObjectId;
use chartrel_world::github::{Actor, GitHub as World, Options};
use std::{collections::BTreeMap, path::Path, process::Command};

const WORKFLOW: &str = "on: {workflow_dispatch: {inputs: {stage: {required: true}}}}\n";

fn git(dir: &Path, args: &[&str]) {
    let git =
        Command::new("git").args(["-c", "user.name=A", "-c", "user.email=a@example.com"]).args(args).current_dir(dir).output().unwrap();
    assert!(git.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&git.stderr));
}

/// A world whose `main` and `integration` have the workflow and a chart, and a client that acts as the App.
async fn place() -> (tempfile::TempDir, World, GitHub) {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(Options::new(dir.path().join("state"), "acme/charts")).await.unwrap();
    let seed = dir.path().join("seed");
    for (path, text) in [(".github/workflows/chartrel.yml", WORKFLOW), ("charts/nginx/Chart.yaml", "name: nginx\nversion: 1.0.0\n")] {
        std::fs::create_dir_all(seed.join(path).parent().unwrap()).unwrap();
        std::fs::write(seed.join(path), text).unwrap();
    }
    git(&seed, &["init", "-q", "-b", "main"]);
    git(&seed, &["add", "-A"]);
    git(&seed, &["commit", "-qm", "feat: first"]);
    git(&seed, &["push", "-q", world.git_dir().to_str().unwrap(), "main:main", "main:integration"]);
    let token = Token::new(&world.token(&Actor::App)).unwrap();
    let client = GitHub::new(&world.api_url(), &token, &"acme/charts".parse().unwrap()).unwrap();
    (dir, world, client)
}

async fn branch(client: &GitHub, name: &str) -> ObjectId {
    let tip = client.reference("heads/main").await.unwrap().unwrap();
    let base = client.commit(&tip).await.unwrap();
    assert!(base.raw.is_some(), "a commit made by git can be rebuilt");
    let blob = client.create_blob(b"a: 1\n").await.unwrap();
    let entry = NewEntry { path: "charts/nginx/values.yaml".into(), mode: "100644".into(), kind: "blob".into(), sha: Some(blob.clone()) };
    let tree = client.create_tree(Some(&base.tree), &[entry]).await.unwrap();
    assert!(client.tree(&tree, true).await.unwrap().iter().any(|entry| entry.sha == blob));
    assert_eq!(client.blob(&blob, 100).await.unwrap(), b"a: 1\n");
    let commit = client.create_commit("feat: values\n\nBody.", &tree, &[tip]).await.unwrap();
    assert!(commit.raw.is_some(), "a commit made by the API can be rebuilt");
    client.create_reference(&format!("heads/{name}"), &commit.sha).await.unwrap();
    commit.sha
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_takes_a_change_through_a_pull_request() {
    let (_dir, world, client) = place().await;
    let facts = client.repository_facts().await.unwrap();
    assert_eq!((facts.visibility.as_str(), facts.default_branch.as_str(), facts.owner_is_organization), ("public", "main", true));
    let head = branch(&client, "sync/nginx").await;
    assert_eq!(client.matching_references("heads/sync").await.unwrap().len(), 1);
    let pull = NewPull { title: "t".into(), head: "sync/nginx".into(), base: "main".into(), body: "b".into() };
    let opened = client.create_pull(&pull).await.unwrap();
    assert_eq!(client.create_pull(&pull).await.unwrap().number, opened.number, "a twin is the one that is there");
    assert_eq!((opened.head_sha.clone(), opened.author.as_str()), (head.clone(), "chartrel[bot]"));
    let change = PullChange { body: Some("c".into()), ..PullChange::default() };
    assert_eq!(client.update_pull(opened.number, &change).await.unwrap().body, "c");
    let comment = client.create_comment(opened.number, "hello").await.unwrap();
    client.update_comment(comment.id, "bye").await.unwrap();
    assert_eq!(client.comments(opened.number).await.unwrap().len(), 1);
    let (name, conclusion, title) = ("security".into(), "success".into(), "fine".into());
    client.check(&NewCheck { name, head: head.clone(), conclusion, title, summary: "s".into(), details_url: String::new() }).await.unwrap();
    let merge = |sha: &ObjectId| Merge { sha: sha.clone(), method: "merge".into(), title: "T".into(), message: String::new() };
    let other = client.reference("heads/main").await.unwrap().unwrap();
    assert_eq!(client.merge_pull(opened.number, &merge(&other)).await.unwrap(), Merged::HeadMoved);
    let Merged::Merged(merged) = client.merge_pull(opened.number, &merge(&head)).await.unwrap() else { panic!("not merged") };
    assert_eq!(client.pulls_of_commit(&merged).await.unwrap()[0].number, opened.number);
    assert_eq!(client.pull_commits(opened.number).await.unwrap().len(), 1);
    assert_eq!(client.compare("main", "integration").await.unwrap().merge_base, other);
    assert_eq!(client.last_commit_touching("main", "charts/nginx/values.yaml").await.unwrap(), Some(head));
    client.delete_reference("heads/sync/nginx").await.unwrap();
    let inputs = BTreeMap::from([("stage".to_owned(), "enforce".to_owned())]);
    client.dispatch("chartrel.yml", "main", &inputs).await.unwrap();
    assert_eq!(world.take_runs().len(), 1);
    assert_eq!(client.file("charts/nginx/values.yaml", "main").await.unwrap().unwrap(), b"a: 1\n");
    assert!(client.file("nothing", "main").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_tags_and_releases() {
    let (_dir, _world, client) = place().await;
    let object = client.reference("heads/main").await.unwrap().unwrap();
    let date = client.commit(&object).await.unwrap().committer_date;
    let (tag, message) = ("nginx-v1.0.0".to_owned(), "nginx 1.0.0\n\nlineage".to_owned());
    let tag = NewTag { tag, message, object, tagger_name: "bot".into(), tagger_email: "bot@example.com".into(), date };
    let made = client.create_tag_object(&tag).await.unwrap();
    client.create_reference("tags/nginx-v1.0.0", &made.sha).await.unwrap();
    assert_eq!(client.tag_object(&made.sha).await.unwrap().raw, made.raw);
    let release = NewRelease {
        tag: "nginx-v1.0.0".into(),
        name: "nginx".into(),
        body: "notes".into(),
        is_prerelease: false,
        make_latest: "false".into(),
    };
    let draft = client.create_release(&release).await.unwrap();
    let asset = client
        .upload_asset(&draft, &NewAsset { name: "nginx-1.0.0+a b.tgz", content_type: "application/gzip", bytes: b"package" })
        .await
        .unwrap();
    assert_eq!((asset.name.as_str(), asset.size), ("nginx-1.0.0.a.b.tgz", 7));
    let publish = ReleaseChange { is_draft: Some(false), ..ReleaseChange::default() };
    client.update_release(draft.id, &publish).await.unwrap();
    let found = client.release_by_tag("nginx-v1.0.0").await.unwrap().unwrap();
    assert_eq!(client.download_asset(&found.assets[0]).await.unwrap(), b"package");
    client.delete_asset(found.assets[0].id).await.unwrap();
}
