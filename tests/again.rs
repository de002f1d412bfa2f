//! Every stage a second time: nothing changes, and the stage says so.

#![allow(clippy::unwrap_used, clippy::panic)]

mod story;

use std::collections::BTreeMap;
use story::{Story, second};

/// What differs, in words.
fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let keys: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let differs = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    differs.map(|key| format!("{key}: {:?} -> {:?}", before.get(key), after.get(key))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_of_any_stage_after_the_story_changes_nothing_and_says_so() {
    let mut story = Story::begin().await;
    story.finish().await;
    assert_eq!(story.list("/releases").len(), 2);
    let mut faults = Vec::new();
    for (run, end) in story.ended.clone() {
        let before = story.state();
        let again = story.run(end.stage, &second(&run)).await;
        let name = format!("{} of run {} ({} {:?})", end.stage, run.id, run.event, run.inputs);
        if again.code != Some(0) {
            faults.push(format!("{name} ended with {:?}: {}", again.code, again.log));
        }
        faults.extend(difference(&before, &story.state()).into_iter().map(|what| format!("{name} changed {what}")));
        if !again.wrote.is_empty() {
            faults.push(format!("{name} wrote {:?}", again.wrote));
        }
        if again.decisions.is_empty() {
            faults.push(format!("{name} does not say why there was nothing to do"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_in_which_every_stage_runs_twice_at_once_ends_the_same() {
    let mut story = Story::begin().await;
    story.is_twice = true;
    story.finish().await;
    let titles: Vec<_> = story.list("/pulls?state=all&per_page=100").iter().map(|pull| pull["title"].to_string()).collect();
    let tags = story.git(&["tag", "--list"]);
    assert_eq!(tags.lines().count(), 2, "{tags}");
    assert_eq!(story.list("/releases").len(), 2);
    // One of Alice, then for each chart sync, main and release; a back-merge for each merge to `main` at most.
    assert!(titles.len() <= 9, "{titles:#?}");
    let index = story.released("index.yaml");
    assert_eq!(index.matches("digest: ").count(), 2, "{index}");
}
