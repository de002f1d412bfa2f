//! What a person can get wrong: the run ends with the code's number, says what and what to do, and leaves nothing half-written.

#![allow(clippy::unwrap_used, clippy::panic)]

mod story;

use chartrel_core::stage::Stage;
use serde_json::json;
use std::{path::Path, process::Command};
use story::{Story, binary};

/// The environment of a runner, without a world behind it.
fn runner(place: &Path, stage: &str) -> Command {
    let event = place.join("event.json");
    std::fs::write(&event, "{}").unwrap();
    let mut command = Command::new(binary());
    command.arg(stage).env_clear().current_dir(place).envs([
        ("GITHUB_SERVER_URL", "https://github.com"),
        // Nothing listens there: a stage that asked before it read its inputs would end with 3.
        ("GITHUB_API_URL", "http://127.0.0.1:9"),
        ("GITHUB_REPOSITORY", "acme/charts"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_SHA", "1111111111111111111111111111111111111111"),
        ("GITHUB_EVENT_NAME", "workflow_dispatch"),
        ("GITHUB_RUN_ID", "1"),
        ("GITHUB_RUN_ATTEMPT", "1"),
        ("GITHUB_WORKFLOW_REF", "acme/charts/.github/workflows/chartrel.yml@refs/heads/main"),
    ]);
    command.env("GITHUB_EVENT_PATH", event).env("GITHUB_WORKSPACE", place);
    command
}

/// Runs it; it must end with this number, name this code, and say what to do.
fn ends(command: &mut Command, number: i32, code: &str) -> String {
    let output = command.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(number), "{command:?}\n{log}");
    says(&log, code);
    assert_eq!(output.stdout, b"", "{command:?}");
    log
}

fn says(log: &str, code: &str) {
    assert!(log.contains(&format!("error: {code}\n")), "expected {code}\n{log}");
    assert!(log.contains("\n  help: "), "{log}");
}

#[test]
fn an_input_that_is_no_number_or_tag_is_named() {
    let place = tempfile::tempdir().unwrap();
    for (stage, input, value, code) in [
        ("enforce", "pr", Some("x"), "input/invalid"),
        ("enforce", "pr", Some("0"), "input/invalid"),
        ("enforce", "pr", None, "input/missing"),
        ("format", "pr", None, "input/missing"),
        ("bump", "pr", Some("12 "), "input/invalid"),
        ("bump", "pr", Some("-1"), "input/invalid"),
        ("build", "tag", None, "input/missing"),
        ("build", "tag", Some("v1.0.0"), "input/invalid"),
        ("publish", "tag", None, "input/missing"),
        ("publish", "tag", Some("../beacon-v1.0.0"), "input/invalid"),
    ] {
        let mut command = runner(place.path(), stage);
        command.env("CHARTREL_TOKEN", "ghs_some");
        if let Some(value) = value {
            command.arg(format!("--{input}={value}"));
        }
        let log = ends(&mut command, 2, code);
        assert!(log.contains(&format!("`{input}`")), "{stage}: {log}");
    }
}

#[test]
fn a_stage_without_a_token_says_which_variable_to_set() {
    let place = tempfile::tempdir().unwrap();
    for stage in ["validate", "filter", "tag"] {
        let log = ends(&mut runner(place.path(), stage), 2, "environment/no-token");
        assert!(log.contains("CHARTREL_TOKEN"), "{log}");
    }
}

#[test]
fn a_stage_on_a_persons_own_machine_points_to_rehearse() {
    let log = ends(Command::new(binary()).arg("filter").env_clear(), 2, "environment/incomplete");
    assert!(log.contains("chartrel rehearse"), "{log}");
}

#[test]
fn a_github_that_does_not_answer_is_the_outside() {
    let place = tempfile::tempdir().unwrap();
    let output = runner(place.path(), "enforce").args(["--pr", "1"]).env("CHARTREL_TOKEN", "ghs_some").output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{log}");
    assert!(log.contains("outside/failed") && log.contains("help: "), "{log}");
}

#[test]
fn rehearse_takes_a_repository_with_charts_alone() {
    let place = tempfile::tempdir().unwrap();
    let (empty, out) = (place.path().join("empty"), place.path().join("out"));
    std::fs::create_dir(&empty).unwrap();
    let rehearse = || {
        let mut command = Command::new(binary());
        // The test's own checkout is no ceiling for git's search for a repository.
        command.arg("rehearse").arg("--repo").arg(&empty).arg("--out").arg(&out).env("GIT_CEILING_DIRECTORIES", place.path());
        command
    };
    ends(&mut rehearse(), 2, "git/no-repository");
    let git = |arguments: &[&str]| {
        let people =
            [("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@b.c"), ("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@b.c")];
        assert!(Command::new("git").arg("-C").arg(&empty).args(arguments).envs(people).status().unwrap().success());
    };
    git(&["init", "--quiet"]);
    git(&["commit", "--quiet", "--allow-empty", "--message", "chore: begin"]);
    ends(&mut rehearse(), 2, "rehearse/no-charts");
    for name in ["report.json", "report.md", "releases"] {
        assert!(!out.join(name).exists(), "{name}");
    }
}

#[test]
fn rehearse_leaves_a_folder_of_somebody_else_alone() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("thesis.txt"), "years of work").unwrap();
    ends(Command::new(binary()).args(["rehearse", "--out"]).arg(place.path()), 2, "rehearse/foreign-folder");
    let names: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["thesis.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_the_repository_is_named_before_anything_is_written() {
    let story = Story::begin().await;
    let good = story.tip("main");
    let policy = story.git(&["show", "refs/heads/main:.github/chartrel.yaml"]);

    for (text, code, named) in [
        (format!("{policy}\nrequred: []\n"), "policy/unknown-key", "requred"),
        (policy.replace("required:", "requird:"), "policy/unknown-key", "requird"),
        ("# nothing yet\n".to_owned(), "policy/empty", "chartrel.yaml"),
        (format!("{policy}\n  - ["), "policy/invalid", "chartrel.yaml"),
    ] {
        story.git(&["update-ref", "refs/heads/main", &story.commit(&good, ".github/chartrel.yaml", &text)]);
        let before = story.state();
        let end = story.run(Stage::Enforce, &story.dispatched(Stage::Enforce, &[("pr", "1")])).await;
        assert_eq!(end.code, Some(2), "{}", end.log);
        says(&end.log, code);
        assert!(end.log.contains(named), "{}", end.log);
        assert_eq!(story.state(), before);
    }
    story.git(&["update-ref", "refs/heads/main", &good]);

    // A stage that was dispatched on a branch where it does not sign.
    let mut elsewhere = story.dispatched(Stage::Enforce, &[("pr", "1")]);
    elsewhere.git_ref = "refs/heads/integration".into();
    let end = story.run(Stage::Enforce, &elsewhere).await;
    assert_eq!(end.code, Some(2), "{}", end.log);
    says(&end.log, "environment/wrong-branch");

    // A chart branch's pull request that somebody opened by hand, without a map.
    let commit = story.commit(&good, "charts/beacon/values.yaml", "replicas: 2\n");
    story.git(&["update-ref", "refs/heads/charts/beacon", &commit]);
    let new = json!({"title": "fix: by hand", "head": "charts/beacon", "base": "main", "body": "No map here."});
    let number = story.ask(("POST", "/pulls"), &new)["number"].to_string();
    let before = story.state();
    let end = story.run(Stage::Bump, &story.dispatched(Stage::Bump, &[("pr", &number)])).await;
    assert_eq!(end.code, Some(1), "{}", end.log);
    says(&end.log, "map/missing");
    assert_eq!(story.state(), before);

    // A pull request and a tag that do not exist.
    let end = story.run(Stage::Build, &story.dispatched(Stage::Build, &[("tag", "beacon-v9.9.9")])).await;
    assert_eq!(end.code, Some(1), "{}", end.log);
    says(&end.log, "pull-request/missing");
    let end = story.run(Stage::Publish, &story.dispatched(Stage::Publish, &[("tag", "beacon-v9.9.9")])).await;
    assert_eq!(end.code, Some(1), "{}", end.log);
    says(&end.log, "tag/missing");
    assert_eq!(story.state(), before);

    without_an_id_token(&story, &number);
    assert_eq!(story.state(), before);
}

/// A job without `id-token: write` is told which permission it lacks.
fn without_an_id_token(story: &Story, number: &str) {
    let place = tempfile::tempdir().unwrap();
    let github = &story.rehearsal.universe.github;
    let token = github.token(&chartrel_world::github::Actor::App);
    let mut command = runner(place.path(), "bump");
    command.args(["--pr", number]).env("GITHUB_API_URL", github.api_url()).env("CHARTREL_TOKEN", token).env("NO_PROXY", "127.0.0.1");
    let log = ends(&mut command, 2, "environment/no-id-token");
    assert!(log.contains("id-token: write"), "{log}");
}
