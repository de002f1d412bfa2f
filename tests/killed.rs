//! A stage that is stopped between two writes: run again, it finishes, and the story ends as if nothing had happened.

#![allow(clippy::unwrap_used, clippy::panic)]

mod story;

use chartrel_core::stage::Stage;
use serde_json::json;
use std::collections::BTreeSet;
use story::{Story, second};

/// Stops the stage after one write, after two, and so on, each time in a new run of it; then lets it pass and ends the story.
async fn stopped_after_each_write(stage: Stage) {
    let mut story = Story::begin().await;
    let mut run = story.until(stage).await;
    let mut stops = 0;
    for writes in 1..=4 {
        story.rehearsal.universe.github.fail_after(writes);
        let end = story.run(stage, &run).await;
        story.rehearsal.universe.github.mend();
        if end.code == Some(0) {
            break;
        }
        assert_eq!(end.code, Some(3), "{stage} stopped after {writes} writes:\n{}", end.log);
        stops += 1;
        run = second(&run);
    }
    assert!(stops > 0, "{stage} was never stopped");
    story.finish().await;
    judge(&story);
}

/// The same end as that of a story without a stop.
fn judge(story: &Story) {
    let tags: BTreeSet<String> = story.git(&["tag", "--list"]).lines().map(str::to_owned).collect();
    assert_eq!(tags.len(), 2, "{tags:?}");
    let releases = story.list("/releases");
    let published: BTreeSet<String> = releases.iter().map(|release| release["tag_name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(published, tags);
    for release in &releases {
        assert_eq!(release["draft"], json!(false), "{release}");
        let tag = release["tag_name"].as_str().unwrap();
        let package = format!("{}.tgz", tag.replace("-v", "-"));
        let assets = release["assets"].as_array().unwrap();
        assert!(assets.iter().all(|asset| asset["state"] == "uploaded"), "{tag}: {assets:?}");
        let names: BTreeSet<&str> = assets.iter().map(|asset| asset["name"].as_str().unwrap()).collect();
        for name in [&package, &format!("{package}.sig"), &format!("{package}.sigstore.json"), "attestation-lineage.json", "README.md"] {
            assert!(names.contains(name), "{tag} has no {name}: {names:?}");
        }
        assert_eq!(names.len(), assets.len(), "{tag}: {names:?}");
    }
    let index = story.released("index.yaml");
    assert_eq!(index.matches("digest: ").count(), 2, "{index}");
    let pulls = story.list("/pulls?state=all&per_page=100");
    let open: Vec<_> = pulls.iter().filter(|pull| pull["state"] == "open").map(|pull| &pull["title"]).collect();
    assert!(open.is_empty(), "{open:?}");
    let branches = story.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/charts", "refs/heads/sync"]);
    assert_eq!(branches, "", "swept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_was_stopped_is_finished_by_the_next() {
    stopped_after_each_write(Stage::Filter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enforce_that_was_stopped_is_finished_by_the_next() {
    stopped_after_each_write(Stage::Enforce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bump_that_was_stopped_is_finished_by_the_next() {
    stopped_after_each_write(Stage::Bump).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_was_stopped_is_finished_by_the_next() {
    stopped_after_each_write(Stage::Tag).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_was_stopped_is_finished_by_the_next() {
    stopped_after_each_write(Stage::Build).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_was_stopped_is_finished_by_the_next() {
    stopped_after_each_write(Stage::Publish).await;
}
