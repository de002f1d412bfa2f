//! A rehearsal as the tests drive it: stage by stage, up to a point of their choosing.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where the story does")]

use chartrel::rehearse::{Ended, Rehearsal};
use chartrel_core::stage::Stage;
use chartrel_world::github::{Actor, Role, Run};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// More stages than this in one story is a loop.
const MOST: usize = 120;

/// The program under test.
pub(crate) fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_chartrel"))
}

/// A rehearsal in progress.
pub(crate) struct Story {
    pub(crate) rehearsal: Rehearsal,
    /// What ended so far, with the runs they belonged to.
    pub(crate) ended: Vec<(Run, Ended)>,
    waiting: VecDeque<(Run, Stage)>,
    /// Whether every stage runs a second time at once.
    pub(crate) is_twice: bool,
    _place: TempDir,
}

impl Story {
    /// The built-in example, with Alice's pull request open.
    pub(crate) async fn begin() -> Self {
        let place = tempfile::tempdir().unwrap();
        let rehearsal = Rehearsal::start(&place.path().join("out"), None, binary()).await.unwrap();
        rehearsal.contribute().await.unwrap();
        Self { rehearsal, ended: Vec::new(), waiting: VecDeque::new(), is_twice: false, _place: place }
    }

    /// Plays until this stage is the next to run, and gives its run.
    pub(crate) async fn until(&mut self, stage: Stage) -> Run {
        loop {
            match self.next().await {
                Some((run, next)) if next == stage => return run,
                Some(_) => drop(self.step().await),
                None => panic!("`{stage}` never comes"),
            }
        }
    }

    /// Plays to the end.
    pub(crate) async fn finish(&mut self) {
        while self.next().await.is_some() {
            self.step().await;
        }
    }

    /// What runs next; people act when nothing does. `None` at the end of the story.
    pub(crate) async fn next(&mut self) -> Option<(Run, Stage)> {
        self.take();
        while self.waiting.is_empty() {
            if self.rehearsal.review().await.unwrap().is_empty() {
                return None;
            }
            self.take();
        }
        self.waiting.front().cloned()
    }

    /// Leaves out what would run next.
    pub(crate) fn skip(&mut self) {
        self.take();
        self.waiting.pop_front();
    }

    /// Runs the next stage, which must pass.
    pub(crate) async fn step(&mut self) -> Ended {
        let (run, stage) = self.next().await.unwrap();
        self.waiting.pop_front();
        let end = self.run(stage, &run).await;
        assert_eq!(end.code, Some(0), "{stage}:\n{}", end.log);
        self.ended.push((run.clone(), end.clone()));
        if self.is_twice {
            let again = self.run(stage, &second(&run)).await;
            assert_eq!(again.code, Some(0), "{stage}, a second time:\n{}", again.log);
            self.ended.push((second(&run), again));
        }
        assert!(self.ended.len() < MOST, "the story does not end");
        end
    }

    /// Runs a stage, whatever comes of it.
    pub(crate) async fn run(&self, stage: Stage, run: &Run) -> Ended {
        self.rehearsal.run(stage, run).await.unwrap()
    }

    fn take(&mut self) {
        let started = self.rehearsal.started();
        self.waiting.extend(started.into_iter().flat_map(|(run, stages)| stages.into_iter().map(move |stage| (run.clone(), stage))));
    }

    /// Asks the world's GitHub about the repository, as its administrator.
    pub(crate) fn ask(&self, operation: (&str, &str), body: &Value) -> Value {
        self.ask_as(&Actor::Person("bob".into(), Role::Admin), operation, body)
    }

    /// Asks as somebody.
    pub(crate) fn ask_as(&self, actor: &Actor, (method, path): (&str, &str), body: &Value) -> Value {
        let path = format!("/repos/acme/charts{path}");
        let (status, answer) = self.rehearsal.universe.github.request(actor, (method, &path), body).unwrap();
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// The description of a pull request.
    pub(crate) fn body(&self, number: u64) -> String {
        self.ask(("GET", &format!("/pulls/{number}")), &Value::Null)["body"].as_str().unwrap().to_owned()
    }

    /// Writes the description of a pull request.
    pub(crate) fn describe(&self, number: u64, body: &str) {
        self.ask(("PATCH", &format!("/pulls/{number}")), &json!({"body": body}));
    }

    /// Runs git in the bare repository: no event comes of it.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(self.rehearsal.universe.github.git_dir(), arguments)
    }

    /// A commit on top of another with one file changed, on no branch.
    pub(crate) fn commit(&self, parent: &str, path: &str, text: &str) -> String {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        std::fs::write(&file, text).unwrap();
        let blob = self.git(&["hash-object", "-w", &file.display().to_string()]);
        let index = place.path().join("index").display().to_string();
        let dir = self.rehearsal.universe.github.git_dir();
        let with_index = |arguments: &[&str]| run_git(dir, arguments, &[("GIT_INDEX_FILE", index.as_str())]);
        with_index(&["read-tree", parent]);
        with_index(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")]);
        let tree = with_index(&["write-tree"]);
        self.git(&["commit-tree", &tree, "-p", parent, "-m", "fix: change a file"])
    }

    /// The tip of a branch.
    pub(crate) fn tip(&self, branch: &str) -> String {
        self.git(&["rev-parse", &format!("refs/heads/{branch}")])
    }

    /// Everything that a second run must leave as it is: refs, pull requests with their texts and comments, releases with their assets,
    /// the attestations that were stored, and the registry's manifests.
    pub(crate) fn state(&self) -> BTreeMap<String, String> {
        let mut state: BTreeMap<String, String> = BTreeMap::new();
        let place = tempfile::tempdir().unwrap();
        self.rehearsal.universe.github.dump(&place.path().join("github")).unwrap();
        let attestations: Vec<Value> =
            serde_json::from_slice(&std::fs::read(place.path().join("github/attestations.json")).unwrap()).unwrap();
        let kinds = attestations.iter().map(|one| format!("{} {}", one["predicateType"], one["subjects"][0]));
        for (at, kind) in kinds.enumerate() {
            state.insert(format!("attestation {at}"), kind);
        }
        std::fs::create_dir(place.path().join("registry")).unwrap();
        self.rehearsal.universe.registry.export(&place.path().join("registry")).unwrap();
        for path in files(&place.path().join("registry")) {
            state.insert(format!("registry {}", path.strip_prefix(place.path()).unwrap().display()), String::new());
        }
        for line in self.git(&["for-each-ref", "--format=%(refname) %(objectname)"]).lines() {
            let (name, id) = line.split_once(' ').unwrap();
            state.insert(name.to_owned(), id.to_owned());
        }
        for pull in self.list("/pulls?state=all&per_page=100") {
            let number = &pull["number"];
            state.insert(format!("#{number}"), format!("{} {} {}", pull["state"], pull["title"], pull["merged_at"]));
            state.insert(format!("#{number} body"), pull["body"].to_string());
            let comments = self.list(&format!("/issues/{number}/comments"));
            state.insert(format!("#{number} comments"), comments.iter().map(|one| one["body"].to_string()).collect());
        }
        for release in self.list("/releases") {
            let name = format!("release {}", release["tag_name"]);
            state.insert(name.clone(), format!("{} {}", release["draft"], release["body"]));
            for asset in release["assets"].as_array().unwrap() {
                let what = format!("{} {} {}", asset["id"], asset["state"], asset["digest"]);
                state.insert(format!("{name} {}", asset["name"]), what);
            }
        }
        state
    }

    /// A list of the API.
    pub(crate) fn list(&self, path: &str) -> Vec<Value> {
        self.ask(("GET", path), &Value::Null).as_array().unwrap().clone()
    }

    /// The file on the release branch.
    pub(crate) fn released(&self, path: &str) -> String {
        self.git(&["show", &format!("refs/heads/release:{path}")])
    }

    /// A run as somebody dispatches it on `main` by hand.
    pub(crate) fn dispatched(&self, stage: Stage, inputs: &[(&str, &str)]) -> Run {
        let mut inputs: BTreeMap<String, String> = inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        inputs.insert("stage".into(), stage.verb().into());
        Run {
            id: 90_000,
            number: 9,
            attempt: 1,
            event: "workflow_dispatch".into(),
            action: String::new(),
            git_ref: "refs/heads/main".into(),
            sha: self.tip("main"),
            actor: "bob".into(),
            payload: json!({}),
            inputs,
            workflow: ".github/workflows/chartrel.yml".into(),
            base_ref: String::new(),
            head_ref: String::new(),
            read_only: false,
            created_at: "2026-01-01T00:00:00Z".into(),
        }
    }
}

/// Every file below a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The run, started again by a person.
pub(crate) fn second(run: &Run) -> Run {
    Run { attempt: run.attempt + 1, ..run.clone() }
}

/// Runs git in a bare repository.
pub(crate) fn git(dir: &Path, arguments: &[&str]) -> String {
    run_git(dir, arguments, &[])
}

fn run_git(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let people = ["AUTHOR", "COMMITTER"]
        .into_iter()
        .flat_map(|role| [(format!("GIT_{role}_NAME"), "Mallory"), (format!("GIT_{role}_EMAIL"), "mallory@example.org")]);
    let output =
        Command::new("git").arg("--git-dir").arg(dir).args(arguments).envs(people).envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
