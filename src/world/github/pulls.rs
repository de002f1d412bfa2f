//! Pull requests: listing, reading, opening and changing them.
//!
//! Source: GitHub docs, "REST API endpoints for pull requests".

use super::{
    ForkPull,
    call::{Answer, Call, Failure, Outcome},
    compare::{changed_files, sum},
    identity::{Identity, Role},
    objects::timestamp,
    render::{node_id, with},
    state::{Pull, World, now},
};
use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest body, in characters (github.md §1).
pub(super) const LONGEST_BODY: usize = 65_536;

#[derive(Deserialize)]
struct Creation {
    title: Option<String>,
    head: String,
    base: String,
    body: Option<String>,
    #[serde(default)]
    draft: bool,
}

#[derive(Deserialize)]
struct Update {
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
    base: Option<String>,
}

/// A pull request that is to be opened.
struct Opening {
    title: String,
    body: Option<String>,
    draft: bool,
    repository: String,
    head: (String, String),
    base: (String, String),
}

/// `GET /pulls`: filtered by `state`, `head` (`owner:branch`) and `base`; newest first unless told.
pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let state = call.query("state").unwrap_or("open");
    let owner_of = |pull: &Pull| format!("{}:{}", pull.head_repository.split('/').next().unwrap_or_default(), pull.head_ref);
    let wanted = |pull: &&Pull| {
        (state == "all" || (state == "open") == pull.open)
            && call.query("head").is_none_or(|head| !head.contains(':') || owner_of(pull) == head)
            && call.query("base").is_none_or(|base| pull.base_ref == base)
    };
    let mut pulls: Vec<Pull> = world.pulls.values().filter(wanted).cloned().collect();
    let is_by_update = call.query("sort") == Some("updated");
    pulls.sort_by_key(|pull| (if is_by_update { pull.updated_at } else { pull.created_at }, pull.number));
    let is_ascending = match call.query("direction") {
        Some(direction) => direction == "asc",
        None => call.query("sort").is_some_and(|sort| sort != "created"),
    };
    if !is_ascending {
        pulls.reverse();
    }
    let shown = pulls.iter().map(|pull| world.pull_json(pull)).collect();
    Ok(call.page(&world.api_url(), shown))
}

/// `GET /pulls/{pull_number}`.
pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let pull = world.pull(call)?;
    world.refresh_trial(pull.number)?;
    let pull = world.pull(call)?;
    Ok(Answer::json(200, world.full_pull(&pull)?))
}

/// `POST /pulls`.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let wanted: Creation = call.body()?;
    if call.identity.role() < Some(Role::Write) {
        return Err(Failure::new(403, "Resource not accessible by personal access token"));
    }
    if matches!(call.identity, Identity::Actions { .. }) && !world.actions_open_pulls {
        return Err(Failure::new(403, "GitHub Actions is not permitted to create or approve pull requests."));
    }
    let own = format!("{}:", world.options.owner());
    let head_ref = wanted.head.strip_prefix(&own).unwrap_or(&wanted.head).to_owned();
    let head = world.tip(&head_ref)?.ok_or_else(|| Failure::invalid("PullRequest", "head", "invalid", ""))?;
    let base = world.tip(&wanted.base)?.ok_or_else(|| Failure::invalid("PullRequest", "base", "invalid", ""))?;
    let twin = world.pulls.values().find(|pull| pull.open && pull.head_ref == head_ref && pull.base_ref == wanted.base);
    if twin.is_some_and(|pull| pull.head_repository == world.options.repository) {
        let message = format!("A pull request already exists for {own}{head_ref}.");
        return Err(Failure::invalid("PullRequest", "", "custom", &message));
    }
    if world.git.commits_between(&base, &head)?.is_empty() {
        let message = format!("No commits between {} and {head_ref}", wanted.base);
        return Err(Failure::invalid("PullRequest", "", "custom", &message));
    }
    let title =
        wanted.title.filter(|title| !title.is_empty()).ok_or_else(|| Failure::invalid("PullRequest", "title", "missing_field", ""))?;
    check_body(wanted.body.as_deref())?;
    let repository = world.options.repository.clone();
    let opening = Opening { title, body: wanted.body, draft: wanted.draft, repository, head: (head_ref, head), base: (wanted.base, base) };
    let number = world.open(&call.identity, opening)?;
    let pull = world.pulls.get(&number).cloned().ok_or_else(Failure::not_found)?;
    Ok(Answer::created(world.full_pull(&pull)?))
}

/// `PATCH /pulls/{pull_number}`: title, body, state, base.
pub(super) fn update(world: &mut World, call: &Call) -> Outcome {
    let wanted: Update = call.body()?;
    let pull = world.pull(call)?;
    if call.identity.role() < Some(Role::Write) && call.identity.login() != pull.author {
        return Err(Failure::new(403, "Must have push access to repository"));
    }
    check_body(wanted.body.as_deref())?;
    let mut changes = serde_json::Map::new();
    let mut next = pull.clone();
    if let Some(title) = wanted.title.filter(|title| *title != pull.title) {
        changes.insert("title".into(), json!({"from": std::mem::replace(&mut next.title, title)}));
    }
    if let Some(body) = wanted.body.filter(|body| Some(body) != pull.body.as_ref()) {
        changes.insert("body".into(), json!({"from": next.body.replace(body)}));
    }
    if let Some(base) = wanted.base.filter(|base| *base != pull.base_ref) {
        let tip = world.tip(&base)?.ok_or_else(|| Failure::invalid("PullRequest", "base", "invalid", ""))?;
        changes.insert("base".into(), json!({"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}));
        (next.base_ref, next.base_sha) = (base, tip);
    }
    next.updated_at = now();
    world.pulls.insert(pull.number, next);
    if !changes.is_empty() {
        world.pull_request_event(&call.identity, pull.number, ("edited", json!({"changes": changes})))?;
    }
    match wanted.state.as_deref() {
        Some("closed") if pull.open => world.close(&call.identity, pull.number)?,
        Some("open") if !pull.open => reopen(world, &call.identity, pull.number)?,
        _ => {}
    }
    let pull = world.pull(call)?;
    Ok(Answer::json(200, world.full_pull(&pull)?))
}

fn reopen(world: &mut World, who: &Identity, number: u64) -> Result<(), Failure> {
    let pull = world.pulls.get_mut(&number).ok_or_else(Failure::not_found)?;
    if pull.merged.is_some() {
        return Err(Failure::invalid("PullRequest", "state", "invalid", "state cannot be changed. The pull request cannot be reopened."));
    }
    pull.open = true;
    pull.closed_at = None;
    Ok(world.pull_request_event(who, number, ("reopened", json!({})))?)
}

/// `GET /pulls/{pull_number}/commits`: oldest first, at most 250.
pub(super) fn commits(world: &mut World, call: &Call) -> Outcome {
    let pull = world.pull(call)?;
    let ids = world.pull_commits(&pull)?;
    let commits = ids.iter().take(250).filter_map(|id| world.git.commit(id).transpose()).collect::<anyhow::Result<Vec<_>>>()?;
    let shown = commits.iter().map(|commit| world.commit_json(commit)).collect();
    Ok(call.page(&world.api_url(), shown))
}

/// `GET /pulls/{pull_number}/files`: at most 3,000.
pub(super) fn files(world: &mut World, call: &Call) -> Outcome {
    let pull = world.pull(call)?;
    let mut files = world.pull_files(&pull)?;
    files.truncate(3_000);
    Ok(call.page(&world.api_url(), files))
}

fn check_body(body: Option<&str>) -> Result<(), Failure> {
    if body.is_some_and(|body| body.chars().count() > LONGEST_BODY) {
        return Err(Failure::invalid("PullRequest", "body", "custom", "body is too long (maximum is 65536 characters)"));
    }
    Ok(())
}

impl World {
    /// The pull request a call names.
    pub(super) fn pull(&self, call: &Call) -> Result<Pull, Failure> {
        self.pulls.get(&call.number("pull_number")?).cloned().ok_or_else(Failure::not_found)
    }

    fn open(&mut self, who: &Identity, opening: Opening) -> anyhow::Result<u64> {
        self.last_number += 1;
        let (number, id) = (self.last_number, self.next_id());
        self.user_id(who.login());
        let ((head_ref, head_sha), (base_ref, base_sha)) = (opening.head, opening.base);
        self.git.set_ref(&format!("refs/pull/{number}/head"), Some(&head_sha))?;
        self.pulls.insert(
            number,
            Pull {
                number,
                id,
                title: opening.title,
                body: opening.body,
                author: who.login().to_owned(),
                open: true,
                draft: opening.draft,
                head_repository: opening.repository,
                head_ref,
                head_sha,
                base_ref,
                base_sha,
                trial: None,
                merged: None,
                reviews: Vec::new(),
                created_at: now(),
                updated_at: now(),
                closed_at: None,
            },
        );
        self.pull_request_event(who, number, ("opened", json!({})))?;
        Ok(number)
    }

    /// See [`super::GitHub::open_from_fork`].
    pub(super) fn open_from_fork(&mut self, pull: &ForkPull) -> anyhow::Result<u64> {
        let base = self.tip(&pull.base)?.with_context(|| format!("no branch `{}`", pull.base))?;
        self.git.commit(&pull.sha)?.with_context(|| format!("no commit `{}`", pull.sha))?;
        self.forks.insert(pull.repository.clone());
        let owner = pull.repository.split('/').next().unwrap_or_default().to_owned();
        self.open(
            &Identity::Person(owner, Role::Read),
            Opening {
                title: pull.title.clone(),
                body: Some(pull.body.clone()),
                draft: false,
                repository: pull.repository.clone(),
                head: (pull.branch.clone(), pull.sha.clone()),
                base: (pull.base.clone(), base),
            },
        )
    }

    /// See [`super::GitHub::push_to_fork`].
    pub(super) fn push_to_fork(&mut self, repository: &str, branch: &str, sha: &str) -> anyhow::Result<()> {
        self.git.commit(sha)?.with_context(|| format!("no commit `{sha}`"))?;
        let is_moved = |pull: &&Pull| pull.open && pull.head_repository == repository && pull.head_ref == branch;
        let numbers: Vec<u64> = self.pulls.values().filter(is_moved).map(|pull| pull.number).collect();
        let owner = repository.split('/').next().unwrap_or_default().to_owned();
        for number in numbers {
            self.synchronize(&Identity::Person(owner.clone(), Role::Read), number, sha)?;
        }
        Ok(())
    }

    /// The commits of a pull request, oldest first; of a merged one as they were then.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn pull_commits(&self, pull: &Pull) -> anyhow::Result<Vec<String>> {
        self.git.commits_between(&self.pull_base(pull)?, &pull.head_sha)
    }

    fn pull_files(&self, pull: &Pull) -> anyhow::Result<Vec<Value>> {
        let base = self.pull_base(pull)?;
        let merge_base = self.git.merge_base(&base, &pull.head_sha)?;
        changed_files(self, merge_base.as_deref(), &pull.head_sha)
    }

    fn pull_base(&self, pull: &Pull) -> anyhow::Result<String> {
        let tip = if pull.open { self.tip(&pull.base_ref)? } else { None };
        Ok(tip.unwrap_or_else(|| pull.base_sha.clone()))
    }

    /// A pull request with what only the single answer has.
    fn full_pull(&self, pull: &Pull) -> anyhow::Result<Value> {
        let files = self.pull_files(pull)?;
        let commits = self.pull_commits(pull)?.len();
        let is_clean = pull.trial.as_ref().map(|(_, _, sha)| sha.is_some());
        let is_blocked = pull.open && !self.merge_violations(&Identity::Anonymous, pull, "merge").is_empty();
        let state = match is_clean {
            _ if !pull.open => "unknown",
            Some(false) => "dirty",
            Some(true) if pull.draft => "draft",
            Some(true) if is_blocked => "blocked",
            Some(true) => "clean",
            None => "unknown",
        };
        let more = json!({
            "mergeable": if pull.open { is_clean } else { None }, "mergeable_state": state, "rebaseable": is_clean,
            "comments": self.comments.values().filter(|comment| comment.number == pull.number).count(), "review_comments": 0,
            "commits": commits, "additions": sum(&files, "additions"), "deletions": sum(&files, "deletions"), "changed_files": files.len(),
        });
        Ok(with(self.pull_json(pull), more))
    }

    /// A pull request, `pull-request-simple` of the description.
    pub(super) fn pull_json(&self, pull: &Pull) -> Value {
        let trial = pull.trial.as_ref().and_then(|(_, _, sha)| sha.clone());
        let merged_at = pull.merged.as_ref().and(pull.closed_at.as_ref()).map(timestamp);
        let is_member = pull.head_repository == self.options.repository;
        let shown = json!({
            "id": pull.id, "node_id": node_id("PR", &pull.id.to_string()), "number": pull.number,
            "state": if pull.open { "open" } else { "closed" }, "locked": false, "title": pull.title,
            "user": self.user(&pull.author), "body": pull.body, "labels": [], "milestone": null, "draft": pull.draft,
            "created_at": timestamp(&pull.created_at), "updated_at": timestamp(&pull.updated_at),
            "closed_at": pull.closed_at.as_ref().map(timestamp), "merged_at": merged_at, "merged": pull.merged.is_some(),
            "merge_commit_sha": pull.merged.as_ref().map(|merged| merged.sha.clone()).or(trial),
            "merged_by": pull.merged.as_ref().map(|merged| self.user(&merged.by)),
            "assignee": null, "assignees": [], "requested_reviewers": [], "requested_teams": [], "auto_merge": null,
            "author_association": if is_member { "MEMBER" } else { "CONTRIBUTOR" }, "maintainer_can_modify": false,
            "head": self.side(&pull.head_repository, (&pull.head_ref, &pull.head_sha)),
            "base": self.side(&self.options.repository, (&pull.base_ref, &pull.base_sha)),
        });
        with(shown, self.pull_addresses(pull))
    }

    /// Where everything of a pull request is.
    fn pull_addresses(&self, pull: &Pull) -> Value {
        let number = pull.number;
        let (api, issue) = (self.repository_api(&format!("pulls/{number}")), self.repository_api(&format!("issues/{number}")));
        let page = self.repository_page(&format!("pull/{number}"));
        let statuses = self.repository_api(&format!("statuses/{}", pull.head_sha));
        let review_comment = self.repository_api("pulls/comments{/number}");
        json!({
            "url": api, "html_url": page, "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"), "issue_url": issue,
            "commits_url": format!("{api}/commits"), "review_comments_url": format!("{api}/comments"),
            "review_comment_url": review_comment, "comments_url": format!("{issue}/comments"), "statuses_url": statuses,
            "_links": {
                "self": {"href": api}, "html": {"href": page}, "issue": {"href": issue}, "comments": {"href": format!("{issue}/comments")},
                "review_comments": {"href": format!("{api}/comments")}, "review_comment": {"href": review_comment},
                "commits": {"href": format!("{api}/commits")}, "statuses": {"href": statuses},
            },
        })
    }

    /// Head or base of a pull request.
    fn side(&self, repository: &str, tip: (&str, &str)) -> Value {
        let (branch, sha) = tip;
        let owner = repository.split('/').next().unwrap_or_default();
        json!({"label": format!("{owner}:{branch}"), "ref": branch, "sha": sha, "user": self.user(owner), "repo": self.repository(repository)})
    }
}
