//! What follows from an act: pull requests that move with their branches, and the workflow runs that start.
//!
//! Source: GitHub docs, "Events that trigger workflows"; what a run's own token does starts nothing but dispatches.

use super::{
    identity::Identity,
    objects::timestamp,
    refs::Move,
    render::with,
    run::Run,
    state::{Merged, World, now},
    triggers::Triggers,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The one workflow of an adopter.
pub(super) const WORKFLOW: &str = ".github/workflows/chartrel.yml";

/// A run that starts if the workflow names its event.
struct Start {
    event: &'static str,
    action: String,
    git_ref: String,
    sha: String,
    payload: Value,
    inputs: BTreeMap<String, String>,
    branches: (String, String),
    read_only: bool,
}

impl World {
    /// Tells everybody that a ref has moved.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn after_move(&mut self, who: &Identity, change: &Move) -> anyhow::Result<()> {
        self.pushed(who, change)?;
        let Some(branch) = change.name.strip_prefix("refs/heads/").map(str::to_owned) else { return Ok(()) };
        let open: Vec<u64> = self.pulls.values().filter(|pull| pull.open).map(|pull| pull.number).collect();
        for number in open {
            let Some(pull) = self.pulls.get(&number).cloned() else { continue };
            let is_head = pull.head_repository == self.options.repository && pull.head_ref == branch;
            let is_base = pull.base_ref == branch;
            match &change.new {
                None if is_head || is_base => self.close(who, number)?,
                Some(new) if is_head => self.synchronize(who, number, new)?,
                Some(new) if is_base && self.git.is_ancestor(&pull.head_sha, new)? => {
                    let base = change.old.clone().unwrap_or_default();
                    self.mark_merged(who, number, Merged { sha: new.clone(), base, by: who.login().to_owned() })?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The head of a pull request has moved.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn synchronize(&mut self, who: &Identity, number: u64, head: &str) -> anyhow::Result<()> {
        let base = self.pulls.get(&number).map(|pull| pull.base_ref.clone()).unwrap_or_default();
        let base_tip = self.tip(&base)?;
        let is_dismissing = self.dismisses_reviews(&base);
        let Some(pull) = self.pulls.get_mut(&number) else { return Ok(()) };
        let before = std::mem::replace(&mut pull.head_sha, head.to_owned());
        pull.base_sha = base_tip.unwrap_or_else(|| pull.base_sha.clone());
        pull.updated_at = now();
        for review in pull.reviews.iter_mut().filter(|review| is_dismissing && review.state == "APPROVED") {
            "DISMISSED".clone_into(&mut review.state);
        }
        self.git.set_ref(&format!("refs/pull/{number}/head"), Some(head))?;
        self.pull_request_event(who, number, ("synchronize", json!({"before": before, "after": head})))
    }

    fn dismisses_reviews(&self, branch: &str) -> bool {
        let rules = self.rules_for(&format!("refs/heads/{branch}"));
        rules.iter().any(|(_, rule)| rule.pointer("/parameters/dismiss_stale_reviews_on_push") == Some(&Value::Bool(true)))
    }

    /// Closes a pull request without merging it.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn close(&mut self, who: &Identity, number: u64) -> anyhow::Result<()> {
        if let Some(pull) = self.pulls.get_mut(&number) {
            pull.open = false;
            pull.closed_at = Some(now());
            pull.updated_at = now();
        }
        self.pull_request_event(who, number, ("closed", json!({})))
    }

    /// Notes that a pull request is merged.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn mark_merged(&mut self, who: &Identity, number: u64, merged: Merged) -> anyhow::Result<()> {
        if let Some(pull) = self.pulls.get_mut(&number) {
            pull.base_sha.clone_from(&merged.base);
            pull.merged = Some(merged);
        }
        self.close(who, number)
    }

    /// A pull request has seen an activity, which may have fields of the payload to itself.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn pull_request_event(&mut self, who: &Identity, number: u64, activity: (&str, Value)) -> anyhow::Result<()> {
        let (action, more) = activity;
        self.refresh_trial(number)?;
        let Some(pull) = self.pulls.get(&number).cloned() else { return Ok(()) };
        let trial = pull.trial.as_ref().and_then(|(_, _, sha)| sha.clone());
        let merged = pull.merged.as_ref().map(|merged| merged.sha.clone());
        // A conflict leaves nothing to run on.
        let Some(sha) = merged.or(trial) else { return Ok(()) };
        let payload = json!({
            "action": action, "number": number, "pull_request": self.pull_json(&pull),
            "repository": self.repository(&self.options.repository), "sender": self.user(who.login()),
        });
        self.start(
            who,
            Start {
                event: "pull_request",
                action: action.to_owned(),
                git_ref: format!("refs/pull/{number}/merge"),
                sha,
                payload: with(payload, more),
                inputs: BTreeMap::new(),
                read_only: pull.head_repository != self.options.repository,
                branches: (pull.base_ref, pull.head_ref),
            },
        )
    }

    /// A dispatch, the one event that a run's own token may cause.
    pub(super) fn dispatched(&mut self, who: &Identity, target: (&str, &str), inputs: BTreeMap<String, String>) {
        let (git_ref, sha) = target;
        let payload = json!({
            "inputs": inputs, "ref": git_ref, "workflow": WORKFLOW,
            "repository": self.repository(&self.options.repository), "sender": self.user(who.login()),
        });
        let start = Start {
            event: "workflow_dispatch",
            action: String::new(),
            git_ref: git_ref.to_owned(),
            sha: sha.to_owned(),
            payload,
            inputs,
            branches: (String::new(), String::new()),
            read_only: false,
        };
        self.record(who, start);
    }

    fn pushed(&mut self, who: &Identity, change: &Move) -> anyhow::Result<()> {
        // A deleted ref has no workflow file to run.
        let Some(new) = &change.new else { return Ok(()) };
        let Some(head) = self.git.commit(&format!("{new}^{{commit}}"))? else { return Ok(()) };
        let zero = "0".repeat(40);
        let before = change.old.clone().unwrap_or_else(|| zero.clone());
        let commits = match &change.old {
            Some(old) => self.git.commits_between(old, new)?,
            None => Vec::new(),
        };
        let commits = commits.iter().filter_map(|id| self.git.commit(id).transpose()).collect::<anyhow::Result<Vec<_>>>()?;
        let commits: Vec<Value> = commits.iter().map(|commit| self.pushed_commit(commit)).collect();
        let forced = change.old.as_ref().is_some_and(|old| !self.git.is_ancestor(old, new).unwrap_or(true));
        let compare = self.repository_page(&format!("compare/{before}...{new}"));
        let payload = json!({
            "ref": change.name, "before": before, "after": new, "created": change.old.is_none(), "deleted": false, "forced": forced,
            "base_ref": null, "compare": compare, "commits": commits, "head_commit": self.pushed_commit(&head),
            "repository": self.repository(&self.options.repository), "sender": self.user(who.login()),
            "pusher": {"name": who.login(), "email": null},
        });
        self.start(
            who,
            Start {
                event: "push",
                action: String::new(),
                git_ref: change.name.clone(),
                sha: head.id,
                payload,
                inputs: BTreeMap::new(),
                branches: (String::new(), String::new()),
                read_only: false,
            },
        )
    }

    /// A commit as a push's payload has it.
    fn pushed_commit(&self, commit: &super::objects::Commit) -> Value {
        let person = |signature: &super::objects::Signature| json!({"name": signature.name, "email": signature.email});
        json!({
            "id": commit.id, "tree_id": commit.tree, "distinct": true, "message": commit.message.trim_end_matches('\n'),
            "timestamp": timestamp(&commit.committer.date), "url": self.repository_page(&format!("commit/{}", commit.id)),
            "author": person(&commit.author), "committer": person(&commit.committer),
        })
    }

    /// Starts a run unless the caller's acts start none or the workflow of that commit does not ask for the event.
    fn start(&mut self, who: &Identity, start: Start) -> anyhow::Result<()> {
        if !who.starts_workflows() {
            return Ok(());
        }
        let Some(file) = self.git.read(&format!("{}:{WORKFLOW}", start.sha))? else { return Ok(()) };
        let triggers = Triggers::parse(&String::from_utf8_lossy(&file.body));
        let name = if start.event == "pull_request" { &start.branches.0 } else { &start.git_ref };
        if triggers.asks_for(start.event, &start.action, name) {
            self.record(who, start);
        }
        Ok(())
    }

    fn record(&mut self, who: &Identity, start: Start) {
        let number = self.runs.len() as u64 + 1;
        let (base_ref, head_ref) = start.branches;
        self.runs.push(Run {
            id: 9_000_000 + number,
            number,
            attempt: 1,
            event: start.event.to_owned(),
            action: start.action,
            git_ref: start.git_ref,
            sha: start.sha,
            actor: who.login().to_owned(),
            payload: start.payload,
            inputs: start.inputs,
            workflow: WORKFLOW.to_owned(),
            base_ref,
            head_ref,
            read_only: start.read_only,
            created_at: timestamp(&now()),
        });
    }
}
