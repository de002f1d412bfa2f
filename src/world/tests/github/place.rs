//! A GitHub with a small chart repository in it, and short words to talk to it.

use chartrel_world::github::{Actor, GitHub, Options, Role};
use reqwest::Method;
use serde_json::{Value, json};
use std::{path::Path, process::Command};
use tempfile::TempDir;

pub(crate) const WORKFLOW: &str = "on:
  pull_request:
    branches: [integration, main]
  push:
    branches: [integration, main]
  workflow_dispatch:
    inputs:
      stage: {required: true}
      pr: {default: ''}
";

/// A running GitHub and its folder.
pub(crate) struct Place {
    pub(crate) github: GitHub,
    pub(crate) dir: TempDir,
    client: reqwest::Client,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// A GitHub with `main` and `integration` at one commit that has the workflow and a chart.
    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::new(dir.path().join("state"), "acme/charts");
        change(&mut options);
        let github = GitHub::start(options).await.unwrap();
        let place = Self { github, dir, client: reqwest::Client::new() };
        place.write("seed", ".github/workflows/chartrel.yml", WORKFLOW);
        place.write("seed", "charts/nginx/Chart.yaml", "name: nginx\nversion: 1.0.0\n");
        let seed = place.dir.path().join("seed");
        git(&seed, &["init", "-q", "-b", "main"]);
        git(&seed, &["add", "-A"]);
        git(&seed, &["commit", "-q", "-m", "feat: first"]);
        let target = place.github.git_dir().to_str().unwrap();
        git(&seed, &["push", "-q", target, "main:main", "main:integration"]);
        place
    }

    pub(crate) fn write(&self, clone: &str, path: &str, text: &str) {
        let path = self.dir.path().join(clone).join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A request below `/repos/acme/charts`, such as `GET /pulls`: status and body.
    pub(crate) async fn ask(&self, who: &Actor, request: &str, body: Value) -> (u16, Value) {
        let (method, path) = request.split_once(' ').unwrap();
        let response = self.send(who, (method, &format!("{}/repos/acme/charts{path}", self.github.api_url())), body).await;
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    pub(crate) async fn send(&self, who: &Actor, request: (&str, &str), body: Value) -> reqwest::Response {
        let (method, url) = request;
        let mut request = self.client.request(method.parse::<Method>().unwrap(), url).bearer_auth(self.github.token(who));
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        request.send().await.unwrap()
    }

    pub(crate) const fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The tip of a branch.
    pub(crate) async fn tip(&self, branch: &str) -> String {
        let (status, answer) = self.ask(&Actor::App, &format!("GET /git/ref/heads/{branch}"), Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        text(&answer, "/object/sha")
    }

    /// A commit on `parent` with one file changed, not yet on any branch.
    pub(crate) async fn commit(&self, who: &Actor, parent: &str, file: (&str, &str)) -> String {
        let (path, content) = file;
        let (_, base) = self.ask(who, &format!("GET /git/commits/{parent}"), Value::Null).await;
        let entry = json!({"path": path, "mode": "100644", "type": "blob", "content": content});
        let tree = json!({"base_tree": text(&base, "/tree/sha"), "tree": [entry]});
        let (status, tree) = self.ask(who, "POST /git/trees", tree).await;
        assert_eq!(status, 201, "{tree}");
        let commit = json!({"message": format!("feat: change {path}"), "tree": text(&tree, "/sha"), "parents": [parent]});
        let (status, commit) = self.ask(who, "POST /git/commits", commit).await;
        assert_eq!(status, 201, "{commit}");
        text(&commit, "/sha")
    }

    /// A new branch with one commit on another branch's tip.
    pub(crate) async fn branch(&self, who: &Actor, branch: &str, from: &str) -> String {
        let parent = self.tip(from).await;
        let sha = self.commit(who, &parent, ("charts/nginx/values.yaml", branch)).await;
        let (status, answer) = self.ask(who, "POST /git/refs", json!({"ref": format!("refs/heads/{branch}"), "sha": sha})).await;
        assert_eq!(status, 201, "{answer}");
        sha
    }

    /// An open pull request; its number.
    pub(crate) async fn pull(&self, who: &Actor, head: &str, base: &str) -> u64 {
        let body = json!({"title": format!("take {head}"), "head": head, "base": base, "body": "text"});
        let (status, answer) = self.ask(who, "POST /pulls", body).await;
        assert_eq!(status, 201, "{answer}");
        answer["number"].as_u64().unwrap()
    }
}

pub(crate) fn alice() -> Actor {
    Actor::Person("alice".into(), Role::Write)
}

pub(crate) fn admin() -> Actor {
    Actor::Person("root".into(), Role::Admin)
}

pub(crate) const fn run() -> Actor {
    Actor::Actions { run_id: 1 }
}

pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no `{pointer}` in {value}")).to_owned()
}

pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let (ok, out) = try_git(dir, args);
    assert!(ok, "git {args:?}: {out}");
    out
}

/// Runs git as a person without configuration: whether it went well, and what it said.
pub(crate) fn try_git(dir: &Path, args: &[&str]) -> (bool, String) {
    let done = Command::new("git")
        .args(["-c", "user.name=Alice", "-c", "user.email=alice@example.com"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (done.status.success(), said.trim().to_owned())
}
