//! What somebody with write access may try, at each stage: the first stage that can know refuses it, by its own code.

#![allow(clippy::unwrap_used, clippy::panic)]

mod story;

use chartrel::rehearse::Ended;
use chartrel_core::stage::Stage;
use chartrel_world::github::{Actor, Role, Run};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::LazyLock};
use story::Story;

/// One story in which each attempt is made, seen, and undone; what came of each, by its name.
static SEEN: LazyLock<Seen> = LazyLock::new(|| {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut play = Play { story: Story::begin().await, seen: Seen::default() };
        play.at_filter().await;
        play.at_enforce().await;
        play.at_bump().await;
        play.at_tag().await;
        play.at_build().await;
        play.at_publish().await;
        play.story.finish().await;
        play.seen.tags = play.story.git(&["tag", "--list"]).lines().count();
        play.seen
    })
});

#[derive(Default)]
struct Seen {
    ends: BTreeMap<&'static str, Ended>,
    /// The stranger's pull requests afterwards, with the comments on them.
    closed: BTreeMap<&'static str, (Value, Vec<Value>)>,
    tags: usize,
}

struct Play {
    story: Story,
    seen: Seen,
}

fn mallory() -> Actor {
    Actor::Person("mallory".into(), Role::Write)
}

impl Play {
    async fn attempt(&mut self, name: &'static str, (stage, run): (Stage, &Run)) {
        let end = self.story.run(stage, run).await;
        assert!(self.seen.ends.insert(name, end).is_none(), "{name} twice");
    }

    /// Runs the stage under each altered description, and restores it.
    async fn descriptions(&mut self, number: u64, names: [&'static str; 3], at: (Stage, &Run)) {
        let body = self.story.body(number);
        let [missing, swapped, other] = names;
        let rows = [
            (
                missing,
                altered(&body, |map, references| {
                    map.remove("security");
                    references.remove("security");
                }),
            ),
            (
                swapped,
                altered(&body, |map, references| {
                    let (one, two) = (map["security"].clone(), map["artifacthub-lint"].clone());
                    map["security"] = two.clone();
                    map["artifacthub-lint"] = one.clone();
                    references["security"]["id"] = two;
                    references["artifacthub-lint"]["id"] = one;
                }),
            ),
            (
                other,
                altered(&body, |_, references| {
                    references["security"]["statement"] = references["artifacthub-lint"]["statement"].clone();
                }),
            ),
        ];
        for (name, text) in rows {
            self.story.describe(number, &text);
            self.attempt(name, at).await;
        }
        self.story.describe(number, &body);
    }

    async fn at_filter(&mut self) {
        let run = self.story.until(Stage::Filter).await;
        let names = ["filter: a key left out", "filter: two ids swapped", "filter: another statement"];
        self.descriptions(1, names, (Stage::Filter, &run)).await;
    }

    async fn at_enforce(&mut self) {
        let run = self.story.until(Stage::Enforce).await;
        let number: u64 = run.inputs["pr"].parse().unwrap();
        let pull = self.pull(number);
        let (head, base) = (reference(&pull, "head"), reference(&pull, "base"));
        let names = ["enforce: a key left out", "enforce: two ids swapped", "enforce: another statement"];
        self.descriptions(number, names, (Stage::Enforce, &run)).await;

        let path = format!("{base}/values.yaml");
        let commit = self.story.commit(&self.story.tip(&base), &path, "replicas: 666\n");
        self.stranger("enforce: a person's pull request", ("feature/x", &base), &commit).await;

        // The right branch, but opened by a person whose name looks like the bot's.
        self.story.ask(("PATCH", &format!("/pulls/{number}")), &json!({"state": "closed"}));
        let person = Actor::Person("chartrel-bot".into(), Role::Write);
        let new = json!({"title": "fix: mine", "head": head, "base": base, "body": self.story.body(number)});
        let own = self.story.ask_as(&person, ("POST", "/pulls"), &new)["number"].as_u64().unwrap();
        let dispatched = self.story.dispatched(Stage::Enforce, &[("pr", &own.to_string())]);
        self.attempt("enforce: a person who is named like the bot", (Stage::Enforce, &dispatched)).await;
        self.note("enforce: a person who is named like the bot", own);
        self.reopen(number);

        let tip = self.story.tip(&head);
        for (name, path) in [
            ("enforce: a commit pushed to the sync branch", format!("{base}/values.yaml")),
            ("enforce: a file beside the chart", "README.md".to_owned()),
        ] {
            let commit = self.story.commit(&tip, &path, "replicas: 666\n");
            self.move_branch(&head, &commit);
            self.attempt(name, (Stage::Enforce, &run)).await;
            self.note(name, number);
            // A closed pull request does not follow its branch.
            self.reopen(number);
            self.move_branch(&head, &tip);
        }
    }

    async fn at_bump(&mut self) {
        let run = self.story.until(Stage::Bump).await;
        let number: u64 = run.inputs["pr"].parse().unwrap();
        let branch = reference(&self.pull(number), "head");
        let names = ["bump: a key left out", "bump: two ids swapped", "bump: another statement"];
        self.descriptions(number, names, (Stage::Bump, &run)).await;

        let body = self.story.body(number);
        self.story.describe(number, "Nothing to see here.");
        self.attempt("bump: no map", (Stage::Bump, &run)).await;
        self.story.describe(number, &body);

        let tip = self.story.tip(&branch);
        for (name, path) in [
            ("bump: the chart changed after it was checked", format!("{branch}/values.yaml")),
            ("bump: a file beside the chart", "README.md".to_owned()),
        ] {
            let commit = self.story.commit(&tip, &path, "replicas: 666\n");
            self.move_branch(&branch, &commit);
            self.attempt(name, (Stage::Bump, &run)).await;
            self.move_branch(&branch, &tip);
        }

        let commit = self.story.commit(&self.story.tip("main"), &format!("{branch}/values.yaml"), "replicas: 666\n");
        self.story.git(&["update-ref", "refs/heads/feature/main", &commit]);
        let new = json!({"title": "fix: straight to main", "head": "feature/main", "base": "main", "body": body});
        let own = self.story.ask_as(&mallory(), ("POST", "/pulls"), &new)["number"].as_u64().unwrap();
        let dispatched = self.story.dispatched(Stage::Bump, &[("pr", &own.to_string())]);
        self.attempt("bump: a chart from a feature branch", (Stage::Bump, &dispatched)).await;
        self.story.ask(("PATCH", &format!("/pulls/{own}")), &json!({"state": "closed"}));
    }

    async fn at_tag(&mut self) {
        let run = self.story.until(Stage::Tag).await;
        let number = self.merged_to_main();
        let body = self.story.body(number);
        self.story.describe(number, &format!("Approved by everybody.\n\n{body}"));
        self.attempt("tag: a description edited after bump", (Stage::Tag, &run)).await;
        let text = altered(&body, |map, references| {
            map.remove("security");
            references.remove("security");
        });
        self.story.describe(number, &text);
        self.attempt("tag: a key left out", (Stage::Tag, &run)).await;
        self.story.describe(number, &body);
    }

    async fn at_build(&mut self) {
        let run = self.story.until(Stage::Build).await;
        let tag = run.inputs["tag"].clone();
        let name = format!("refs/tags/{tag}");
        let (object, commit) = (self.story.git(&["rev-parse", &name]), self.story.git(&["rev-parse", &format!("{name}^{{commit}}")]));
        let message = self.story.git(&["for-each-ref", "--format=%(contents)", &name]);
        let folder = format!("charts/{}", tag.split("-v").next().unwrap());

        self.story.git(&["update-ref", "-d", &name]);
        self.attempt("build: no tag", (Stage::Build, &run)).await;

        self.story.git(&["update-ref", &name, &self.story.tip("integration")]);
        self.attempt("build: a plain tag in its place", (Stage::Build, &run)).await;

        let other = self.story.commit(&commit, &format!("{folder}/values.yaml"), "replicas: 666\n");
        for (row, at, text) in [
            ("build: the tag made anew at its commit", commit.as_str(), message.clone()),
            ("build: the tag moved to another commit", other.as_str(), message.clone()),
            ("build: the tag moved, and its annotation with it", other.as_str(), message.replace(&commit, &other)),
        ] {
            self.story.git(&["tag", "--annotate", "--force", "--message", &text, &tag, at]);
            self.attempt(row, (Stage::Build, &run)).await;
        }
        self.story.git(&["update-ref", &name, &object]);

        let branch = format!("publish/{tag}");
        let tip = self.story.tip(&branch);
        for (row, path) in [
            ("build: another chart on the publish branch", format!("{folder}/values.yaml")),
            ("build: a file beside the chart", "README.md".to_owned()),
        ] {
            let commit = self.story.commit(&tip, &path, "replicas: 666\n");
            self.move_branch(&branch, &commit);
            self.attempt(row, (Stage::Build, &run)).await;
            self.move_branch(&branch, &tip);
        }
    }

    async fn at_publish(&mut self) {
        let run = self.story.until(Stage::Publish).await;
        let package = format!("{}.tgz", run.inputs["tag"].replace("-v", "-"));
        let tip = self.story.tip("release");
        let altered = self.story.commit(&tip, &package, "another package");
        self.story.git(&["update-ref", "refs/heads/release", &altered]);
        self.attempt("publish: other bytes on release", (Stage::Publish, &run)).await;
        let index = self.story.released("index.yaml");
        let index: String =
            index.lines().map(|line| if line.contains("digest: ") { line.replace(['a', '1'], "0") } else { line.into() } + "\n").collect();
        let altered = self.story.commit(&tip, "index.yaml", &index);
        self.story.git(&["update-ref", "refs/heads/release", &altered]);
        self.attempt("publish: another digest in the index", (Stage::Publish, &run)).await;
        self.story.git(&["update-ref", "refs/heads/release", &tip]);
    }

    async fn stranger(&mut self, name: &'static str, (head, base): (&str, &str), commit: &str) {
        self.story.git(&["update-ref", &format!("refs/heads/{head}"), commit]);
        let new = json!({"title": "fix: quickly", "head": head, "base": base, "body": "Trust me."});
        let number = self.story.ask_as(&mallory(), ("POST", "/pulls"), &new)["number"].as_u64().unwrap();
        let run = self.story.dispatched(Stage::Enforce, &[("pr", &number.to_string())]);
        self.attempt(name, (Stage::Enforce, &run)).await;
        self.note(name, number);
    }

    fn note(&mut self, name: &'static str, number: u64) {
        let comments = self.story.list(&format!("/issues/{number}/comments"));
        self.seen.closed.insert(name, (self.pull(number), comments));
    }

    fn reopen(&self, number: u64) {
        if self.pull(number)["state"] == "closed" {
            self.story.ask(("PATCH", &format!("/pulls/{number}")), &json!({"state": "open"}));
        }
    }

    fn move_branch(&self, branch: &str, commit: &str) {
        self.story.ask_as(&mallory(), ("PATCH", &format!("/git/refs/heads/{branch}")), &json!({"sha": commit, "force": true}));
    }

    fn pull(&self, number: u64) -> Value {
        self.story.ask(("GET", &format!("/pulls/{number}")), &Value::Null)
    }

    /// The pull request that brought the chart on `main`'s first tag-less commit there: the newest one merged.
    fn merged_to_main(&self) -> u64 {
        let pulls = self.story.list("/pulls?state=closed&base=main&per_page=100");
        let merged = pulls.iter().find(|pull| !pull["merged_at"].is_null()).unwrap();
        merged["number"].as_u64().unwrap()
    }
}

fn reference(pull: &Value, side: &str) -> String {
    pull[side]["ref"].as_str().unwrap().to_owned()
}

/// The description with both blocks changed.
fn altered(body: &str, change: impl FnOnce(&mut serde_json::Map<String, Value>, &mut serde_json::Map<String, Value>)) -> String {
    let block = |marker: &str| {
        let start = body.find(marker).unwrap_or_else(|| panic!("no {marker} in {body}")) + marker.len();
        start..start + body[start..].find("-->").unwrap()
    };
    let (map, lineage) = (block("<!-- ATTESTATION_MAP\n"), block("<!-- CHARTREL_LINEAGE\n"));
    let mut keys: Value = serde_json::from_str(&body[map.clone()]).unwrap();
    let mut references: Value = serde_json::from_str(&body[lineage.clone()]).unwrap();
    change(keys.as_object_mut().unwrap(), references["attestations"].as_object_mut().unwrap());
    let mut spans = [(map, keys), (lineage, references)];
    spans.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut text = body.to_owned();
    for (span, value) in spans {
        text.replace_range(span, &format!("{value}\n"));
    }
    text
}

/// Each row was refused, with this code among the reasons.
fn refused(rows: &[(&str, &str)]) {
    for (name, code) in rows {
        let end = SEEN.ends.get(name).unwrap_or_else(|| panic!("`{name}` was not attempted"));
        assert_eq!(end.code, Some(1), "{name}:\n{}", end.log);
        assert!(end.log.contains(&format!("error: {code}\n")), "{name}: expected {code}\n{}", end.log);
    }
}

#[test]
fn an_altered_map_is_refused_by_the_stage_that_reads_it_first() {
    refused(&[
        ("filter: a key left out", "map/missing-key"),
        ("filter: two ids swapped", "map/id-mismatch"),
        ("filter: another statement", "map/id-mismatch"),
        ("enforce: a key left out", "map/missing-key"),
        ("enforce: two ids swapped", "map/id-mismatch"),
        ("enforce: another statement", "map/id-mismatch"),
        ("bump: a key left out", "map/missing-key"),
        ("bump: two ids swapped", "map/id-mismatch"),
        ("bump: another statement", "map/id-mismatch"),
        ("bump: no map", "map/missing"),
        ("tag: a key left out", "map/missing-key"),
    ]);
}

#[test]
fn a_pull_request_of_a_stranger_to_a_chart_branch_is_closed_with_a_reason() {
    let rows = [
        ("enforce: a person's pull request", "pull-request/foreign-source"),
        ("enforce: a person who is named like the bot", "pull-request/foreign-source"),
        ("enforce: a commit pushed to the sync branch", "pull-request/not-integration"),
        ("enforce: a file beside the chart", "pull-request/outside-chart"),
    ];
    refused(&rows);
    for (name, _) in rows {
        let (pull, comments) = &SEEN.closed[name];
        assert_eq!((&pull["state"], &pull["merged"]), (&json!("closed"), &json!(false)), "{name}");
        assert!(comments.iter().any(|one| one["body"].as_str().unwrap().contains("integration")), "{name}: {comments:?}");
    }
}

#[test]
fn a_chart_that_is_not_what_was_checked_gets_no_version() {
    refused(&[
        ("bump: the chart changed after it was checked", "lineage/missing-link"),
        ("bump: a file beside the chart", "pull-request/outside-chart"),
        ("bump: a chart from a feature branch", "pull-request/foreign-source"),
    ]);
}

#[test]
fn a_description_edited_after_the_review_gets_no_tag() {
    refused(&[("tag: a description edited after bump", "lineage/other-description")]);
}

#[test]
fn a_tag_that_is_not_the_one_that_was_made_is_not_built() {
    refused(&[
        ("build: no tag", "tag/missing"),
        ("build: a plain tag in its place", "lineage/object-mismatch"),
        ("build: the tag made anew at its commit", "lineage/missing-link"),
        ("build: the tag moved to another commit", "tag/other-version"),
        ("build: the tag moved, and its annotation with it", "lineage/missing-link"),
    ]);
}

#[test]
fn a_publish_branch_that_is_not_the_tag_is_not_merged() {
    refused(&[
        ("build: another chart on the publish branch", "pull-request/not-tag"),
        ("build: a file beside the chart", "pull-request/outside-chart"),
    ]);
}

#[test]
fn bytes_that_build_did_not_sign_are_not_published() {
    refused(&[("publish: other bytes on release", "publish/unsigned"), ("publish: another digest in the index", "publish/other-bytes")]);
}

#[test]
fn once_everything_is_undone_both_charts_are_released() {
    assert_eq!(SEEN.tags, 2);
}
