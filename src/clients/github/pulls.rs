//! Pull requests.

use super::{
    GitHub,
    call::{Answer, Call, Repeat, query},
};
use crate::retry::Attempt;
use anyhow::anyhow;
use chartrel_core::name::ObjectId;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Its title, as someone wrote it.
    pub title: String,
    /// Its description; empty when there is none.
    pub body: String,
    /// `open` or `closed`.
    pub state: String,
    /// Whether it was merged.
    pub is_merged: bool,
    /// The commit that merging made; only when it was merged.
    pub merge_commit: Option<ObjectId>,
    /// The branch it comes from.
    pub head_ref: String,
    /// The newest commit of that branch.
    pub head_sha: ObjectId,
    /// The repository it comes from, `owner/name`; `None` when that was deleted.
    pub head_repository: Option<String>,
    /// The branch it goes to.
    pub base_ref: String,
    /// The commit of that branch that GitHub compares with.
    pub base_sha: ObjectId,
    /// Login of who opened it.
    pub author: String,
    /// Its page.
    pub url: String,
}

/// A pull request to be opened, between branches of this repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewPull {
    /// Title.
    pub title: String,
    /// Branch it comes from.
    pub head: String,
    /// Branch it goes to.
    pub base: String,
    /// Description, at most 65,536 characters.
    pub body: String,
}

/// What is to change; `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PullChange {
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// `open` or `closed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// How to merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The head that was judged: another one is not merged.
    pub sha: ObjectId,
    /// `merge`, `squash` or `rebase`.
    pub method: String,
    /// First line of the merge commit; empty for GitHub's own.
    pub title: String,
    /// The rest of its message; empty for GitHub's own.
    pub message: String,
}

/// What became of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// It is merged, as this commit.
    Merged(ObjectId),
    /// The head is no longer the one that was judged; nothing was merged.
    HeadMoved,
    /// GitHub would not merge it, in its own words: a conflict, a missing check or review, a rule.
    Refused(String),
}

#[derive(Deserialize)]
struct Login {
    login: String,
}

#[derive(Deserialize)]
struct FullName {
    full_name: String,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    name: String,
    sha: ObjectId,
    repo: Option<FullName>,
}

#[derive(Deserialize)]
pub(super) struct PullAnswer {
    number: u64,
    title: String,
    body: Option<String>,
    state: String,
    #[serde(default)]
    merged: bool,
    merged_at: Option<String>,
    merge_commit_sha: Option<ObjectId>,
    head: Side,
    base: Side,
    user: Option<Login>,
    #[serde(default)]
    html_url: String,
}

impl From<PullAnswer> for Pull {
    fn from(answer: PullAnswer) -> Self {
        let is_merged = answer.merged || answer.merged_at.is_some();
        Self {
            number: answer.number,
            title: answer.title,
            body: answer.body.unwrap_or_default(),
            state: answer.state,
            is_merged,
            // Before the merge GitHub names a commit of its own trial here.
            merge_commit: answer.merge_commit_sha.filter(|_| is_merged),
            head_ref: answer.head.name,
            head_sha: answer.head.sha,
            head_repository: answer.head.repo.map(|repository| repository.full_name),
            base_ref: answer.base.name,
            base_sha: answer.base.sha,
            author: answer.user.map(|user| user.login).unwrap_or_default(),
            url: answer.html_url,
        }
    }
}

fn many(answer: &Answer) -> anyhow::Result<Vec<Pull>> {
    Ok(answer.json::<Vec<PullAnswer>>()?.into_iter().map(Pull::from).collect())
}

impl GitHub {
    /// A pull request by its number.
    ///
    /// # Errors
    /// When there is none of that number.
    pub async fn pull(&self, number: u64) -> anyhow::Result<Pull> {
        Ok(self.send(Call::get(self.route(&format!("pulls/{number}")))).await?.json::<PullAnswer>()?.into())
    }

    /// Pull requests from a branch of this repository (`head`; `owner:branch` for another's), to a branch, in a state: `open`, `closed`, `all`.
    ///
    /// # Errors
    /// When GitHub does not answer.
    pub async fn pulls(&self, head: Option<&str>, base: Option<&str>, state: &str) -> anyhow::Result<Vec<Pull>> {
        let mut route = self.route(&format!("pulls?state={}&per_page=100", query(state)));
        if let Some(head) = head {
            let head = if head.contains(':') { head.to_owned() } else { format!("{}:{head}", self.repository.owner()) };
            route += "&head=";
            route += &query(&head);
        }
        if let Some(base) = base {
            route += "&base=";
            route += &query(base);
        }
        self.pages(Call::get(route), many).await
    }

    /// Opens a pull request; one that is open between the same branches is returned as it is.
    ///
    /// # Errors
    /// When a branch does not exist, there is nothing between the two, or the token may not open pull requests.
    pub async fn create_pull(&self, pull: &NewPull) -> anyhow::Result<Pull> {
        let call = Call { expect: &[422], repeat: Repeat::Unprocessed, ..Call::post(self.route("pulls"), json!(pull)) };
        let mut tries = self.patience.tries();
        loop {
            let sent = self.send(call.clone()).await;
            let failure = match sent {
                Ok(answer) if answer.status != 422 => return Ok(answer.json::<PullAnswer>()?.into()),
                Ok(answer) => Attempt::Failed(answer.failure()),
                Err(error) if error.is::<chartrel_core::Refusal>() => Attempt::Failed(error),
                Err(error) => Attempt::again(error),
            };
            // It may be there: from an earlier run, or because only the answer was lost.
            if let Some(found) = self.pulls(Some(&pull.head), Some(&pull.base), "open").await?.into_iter().next() {
                return Ok(found);
            }
            tries.settle::<()>(failure).await?;
        }
    }

    /// Changes title, description or state.
    ///
    /// # Errors
    /// When there is none of that number, or GitHub does not take the change.
    pub async fn update_pull(&self, number: u64, change: &PullChange) -> anyhow::Result<Pull> {
        let call = Call::send(Method::PATCH, self.route(&format!("pulls/{number}")), json!(change));
        Ok(self.send(call).await?.json::<PullAnswer>()?.into())
    }

    /// Merges a pull request, if its head is the one that was judged.
    ///
    /// Statuses: docs, "Merge a pull request": 405 cannot be merged, 409 the head is another.
    ///
    /// # Errors
    /// When the token may not merge, or GitHub does not answer.
    pub async fn merge_pull(&self, number: u64, merge: &Merge) -> anyhow::Result<Merged> {
        #[derive(Deserialize)]
        struct Done {
            sha: ObjectId,
        }
        let mut body = json!({"sha": merge.sha, "merge_method": merge.method});
        for (field, text) in [("commit_title", &merge.title), ("commit_message", &merge.message)] {
            if let (false, Some(fields)) = (text.is_empty(), body.as_object_mut()) {
                fields.insert(field.to_owned(), json!(text));
            }
        }
        let call = Call { expect: &[405, 409, 422], ..Call::send(Method::PUT, self.route(&format!("pulls/{number}/merge")), body) };
        let mut tries = self.patience.tries();
        loop {
            let answer = self.send(call.clone()).await?;
            if answer.status < 300 {
                return Ok(Merged::Merged(answer.json::<Done>()?.sha));
            }
            // An answer that was lost leaves a merged pull request behind.
            let now = self.pull(number).await?;
            match now.merge_commit {
                Some(commit) if now.head_sha == merge.sha => return Ok(Merged::Merged(commit)),
                _ if now.head_sha != merge.sha => return Ok(Merged::HeadMoved),
                _ => {}
            }
            let said = answer.complaint();
            if !said.contains("Base branch was modified") {
                return Ok(Merged::Refused(said));
            }
            tries.settle::<()>(Attempt::again(anyhow!("{said}"))).await?;
        }
    }

    /// The pull requests a commit belongs to; for a commit of the default branch the merged one that brought it.
    ///
    /// # Errors
    /// When there is no such commit.
    pub async fn pulls_of_commit(&self, commit: &ObjectId) -> anyhow::Result<Vec<Pull>> {
        self.pages(Call::get(self.route(&format!("commits/{commit}/pulls?per_page=100"))), many).await
    }

    /// The commits of a pull request, oldest first, with their messages; GitHub lists at most 250.
    ///
    /// # Errors
    /// When there is none of that number.
    pub async fn pull_commits(&self, number: u64) -> anyhow::Result<Vec<(ObjectId, String)>> {
        #[derive(Deserialize)]
        struct Inner {
            message: String,
        }
        #[derive(Deserialize)]
        struct Listed {
            sha: ObjectId,
            commit: Inner,
        }
        let call = Call::get(self.route(&format!("pulls/{number}/commits?per_page=100")));
        let commits = self.pages(call, Answer::json::<Vec<Listed>>).await?;
        Ok(commits.into_iter().map(|listed| (listed.sha, listed.commit.message)).collect())
    }
}
