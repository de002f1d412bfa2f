//! Merging pull requests, by hand of the API: at once, or asked for and polled.
//!
//! Source: GitHub docs, "Merge a pull request" and "Merge a pull request asynchronously"; 405 cannot be merged, 409 head has moved.

use super::{
    call::{Answer, Call, Failure, Outcome},
    identity::Identity,
    objects::{Commit, Signature},
    refs::Move,
    state::{Merged, Pull, World},
};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize, Clone)]
struct Request {
    commit_title: Option<String>,
    commit_message: Option<String>,
    sha: Option<String>,
    merge_method: Option<String>,
}

/// `PUT /pulls/{pull_number}/merge`.
pub(super) fn merge(world: &mut World, call: &Call) -> Outcome {
    let wanted: Request = call.body()?;
    let pull = world.pull(call)?;
    let sha = world.merge(&call.identity, &pull, &wanted)?;
    Ok(Answer::json(200, json!({"sha": sha, "merged": true, "message": "Pull Request successfully merged"})))
}

/// `PUT /pulls/{pull_number}/merge-async`: 202 with a uuid; rules are judged when it is carried out, which the poll tells.
pub(super) fn request(world: &mut World, call: &Call) -> Outcome {
    let wanted: Request = call.body()?;
    let pull = world.pull(call)?;
    if let Some(merged) = &pull.merged {
        let details = json!({"message": "Pull request is already merged.", "sha": merged.sha});
        return Ok(Answer::json(200, json!({"status": "merged", "details": details})));
    }
    if !pull.open {
        return Ok(Answer::json(400, json!({"status": "failed", "details": {"message": "Pull request is closed."}})));
    }
    let uuid = format!("00000000-0000-4000-8000-{:012x}", world.next_id());
    let method = wanted.merge_method.clone().unwrap_or_else(|| "merge".into());
    let expected = wanted.sha.clone().unwrap_or_else(|| pull.head_sha.clone());
    let result = match world.merge(&call.identity, &pull, &wanted) {
        Ok(sha) => json!({"status": "merged", "details": {"message": "Pull request was merged.", "sha": sha}}),
        Err(Failure::Answer(answer)) => match answer.body {
            super::call::Body::Json(body) => json!({"status": "failed", "details": {"message": body.get("message")}}),
            _ => json!({"status": "failed", "details": {"message": "Merge failed."}}),
        },
        Err(broken) => return Err(broken),
    };
    world.merges.insert(uuid.clone(), result);
    let details = json!({
        "message": "Merge request enqueued.", "uuid": uuid, "merge_method": method, "merge_action": "default", "expected_head_sha": expected,
    });
    Ok(Answer::json(202, json!({"status": "pending", "details": details})))
}

/// `GET /pulls/{pull_number}/merge-async/{uuid}`.
pub(super) fn poll(world: &mut World, call: &Call) -> Outcome {
    world.pull(call)?;
    let result = world.merges.get(call.parameter("uuid")).cloned().ok_or_else(Failure::not_found)?;
    Ok(Answer::json(200, result))
}

/// `GET /pulls/{pull_number}/merge`: 204 when it has been merged, else 404.
pub(super) fn check(world: &mut World, call: &Call) -> Outcome {
    if world.pull(call)?.merged.is_some() { Ok(Answer::empty(204)) } else { Err(Failure::not_found()) }
}

impl World {
    /// Merges a pull request and gives the commit on the base branch.
    fn merge(&mut self, who: &Identity, pull: &Pull, wanted: &Request) -> Result<String, Failure> {
        let method = wanted.merge_method.as_deref().unwrap_or("merge");
        if !pull.open || pull.draft {
            return Err(Failure::new(405, "Pull Request is not mergeable"));
        }
        if wanted.sha.as_ref().is_some_and(|sha| *sha != pull.head_sha) {
            return Err(Failure::new(409, "Head branch was modified. Review and try the merge again."));
        }
        let violations = self.merge_violations(who, pull, method);
        if !violations.is_empty() {
            return Err(Failure::violations(405, &violations));
        }
        let base = self.tip(&pull.base_ref)?.ok_or_else(|| Failure::new(405, "Pull Request is not mergeable"))?;
        let unmergeable = || Failure::new(405, "Pull Request is not mergeable");
        let tree = self.git.merge_tree(&base, &pull.head_sha)?.ok_or_else(unmergeable)?;
        let sha = match method {
            "merge" => {
                let title = format!("Merge pull request #{} from {}", pull.number, pull.head_label());
                let message = wanted.message(&title, &pull.title);
                self.web_commit(who, (tree, vec![base.clone(), pull.head_sha.clone()]), message)?
            }
            "squash" => {
                let title = format!("{} (#{})", pull.title, pull.number);
                let message = wanted.message(&title, pull.body.as_deref().unwrap_or_default());
                self.web_commit(who, (tree, vec![base.clone()]), message)?
            }
            "rebase" => self.rebase(&base, pull)?,
            _ => return Err(Failure::invalid("PullRequest", "merge_method", "invalid", "")),
        };
        let change = Move { name: format!("refs/heads/{}", pull.base_ref), old: Some(base.clone()), new: Some(sha.clone()) };
        self.git.set_ref(&change.name, Some(&sha))?;
        self.mark_merged(who, pull.number, Merged { sha: sha.clone(), base, by: who.login().to_owned() })?;
        self.after_move(who, &change)?;
        Ok(sha)
    }

    /// A commit made on the site: the caller is its author, GitHub its committer.
    fn web_commit(&mut self, who: &Identity, content: (String, Vec<String>), message: String) -> anyhow::Result<String> {
        let author = self.signature(who.login());
        let committer = Signature { name: "GitHub".into(), email: "noreply@github.com".into(), date: author.date };
        let (tree, parents) = content;
        self.git.write_commit(&Commit { id: String::new(), tree, parents, author, committer, message })
    }

    /// Replays the commits of a pull request that descends from the base's tip; any other is refused.
    fn rebase(&mut self, base: &str, pull: &Pull) -> Result<String, Failure> {
        if !self.git.is_ancestor(base, &pull.head_sha)? {
            return Err(Failure::new(405, "This branch can't be rebased"));
        }
        let mut tip = base.to_owned();
        for id in self.git.commits_between(base, &pull.head_sha)? {
            let mut commit = self.git.commit(&id)?.ok_or_else(Failure::not_found)?;
            commit.committer = Signature { date: super::state::now().fixed_offset(), ..commit.committer };
            commit.parents = vec![tip];
            tip = self.git.write_commit(&commit)?;
        }
        Ok(tip)
    }

    /// Makes the trial merge of an open pull request anew when head or base has moved: `refs/pull/N/merge`.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn refresh_trial(&mut self, number: u64) -> anyhow::Result<()> {
        let Some(pull) = self.pulls.get(&number).filter(|pull| pull.open).cloned() else { return Ok(()) };
        let Some(base) = self.tip(&pull.base_ref)? else { return Ok(()) };
        if pull.trial.as_ref().is_some_and(|(tried_base, head, _)| *tried_base == base && *head == pull.head_sha) {
            return Ok(());
        }
        let sha = match self.git.merge_tree(&base, &pull.head_sha)? {
            Some(tree) => {
                let author = self.signature(&pull.author);
                let committer = Signature { name: "GitHub".into(), email: "noreply@github.com".into(), date: author.date };
                let parents = vec![base.clone(), pull.head_sha.clone()];
                let message = format!("Merge {} into {base}", pull.head_sha);
                Some(self.git.write_commit(&Commit { id: String::new(), tree, parents, author, committer, message })?)
            }
            None => None,
        };
        self.git.set_ref(&format!("refs/pull/{number}/merge"), sha.as_deref())?;
        if let Some(kept) = self.pulls.get_mut(&number) {
            kept.trial = Some((base, pull.head_sha, sha));
        }
        Ok(())
    }
}

impl Pull {
    /// `owner/branch`, as merge commits name the head.
    fn head_label(&self) -> String {
        format!("{}/{}", self.head_repository.split('/').next().unwrap_or_default(), self.head_ref)
    }
}

impl Request {
    /// The message of the commit: as asked for, else GitHub's own title and text.
    fn message(&self, title: &str, text: &str) -> String {
        let title = self.commit_title.as_deref().unwrap_or(title);
        let text = self.commit_message.as_deref().unwrap_or(text).trim();
        if text.is_empty() { title.to_owned() } else { format!("{title}\n\n{text}") }
    }
}
