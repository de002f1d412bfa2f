//! Commits: of the Git Data API, and of the repository's history.
//!
//! Source: GitHub docs, "REST API endpoints for Git commits" and "for commits".

use super::{
    call::{Answer, Call, Failure, Outcome},
    compare::{changed_files, stats},
    identity::Role,
    objects::{Commit, Signature},
    render::with,
    state::World,
};
use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Creation {
    message: String,
    tree: String,
    #[serde(default)]
    parents: Vec<String>,
    author: Option<Writer>,
    committer: Option<Writer>,
}

/// An author, committer or tagger as a request gives it; `date` is RFC 3339.
#[derive(Deserialize)]
pub(super) struct Writer {
    name: Option<String>,
    email: Option<String>,
    date: Option<String>,
}

impl Writer {
    /// The signature, what is missing taken from `default`.
    pub(super) fn over(self, default: &Signature) -> Result<Signature, Failure> {
        let date = match self.date {
            Some(text) => DateTime::parse_from_rfc3339(&text).map_err(|_| Failure::unprocessable("date is not a valid timestamp"))?,
            None => default.date,
        };
        let (name, email) = (self.name.unwrap_or_else(|| default.name.clone()), self.email.unwrap_or_else(|| default.email.clone()));
        if name.is_empty() || [&name, &email].into_iter().any(|text| text.contains(['<', '>', '\n'])) {
            return Err(Failure::unprocessable("name or email is not valid"));
        }
        Ok(Signature { name, email, date })
    }
}

/// `POST /git/commits`: author and committer are the caller now, unless given; the committer is the author unless given.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let wanted: Creation = call.body()?;
    if world.git.read(&wanted.tree)?.is_none_or(|object| object.kind != "tree") {
        return Err(Failure::unprocessable("Tree SHA does not exist"));
    }
    for parent in &wanted.parents {
        if world.git.commit(parent)?.is_none_or(|commit| commit.id != *parent) {
            return Err(Failure::unprocessable("Parent SHA does not exist or is not a commit object"));
        }
    }
    let default = world.signature(call.identity.login());
    let author = wanted.author.map_or(Ok(default), |writer| writer.over(&world.signature(call.identity.login())))?;
    let committer = wanted.committer.map_or(Ok(author.clone()), |writer| writer.over(&author))?;
    let (tree, parents, message) = (wanted.tree, wanted.parents, wanted.message);
    let mut commit = Commit { id: String::new(), tree, parents, author, committer, message };
    commit.id = world.git.write_commit(&commit)?;
    Ok(Answer::created(world.git_commit_json(&commit)))
}

/// `GET /git/commits/{commit_sha}`.
pub(super) fn get_git(world: &mut World, call: &Call) -> Outcome {
    let commit = world.git.commit(call.parameter("commit_sha"))?.ok_or_else(Failure::not_found)?;
    Ok(Answer::json(200, world.git_commit_json(&commit)))
}

/// `GET /commits`: history of `sha` (default branch unless given), newest first, perhaps of one `path`.
pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let name = call.query("sha").unwrap_or("main");
    let head = world.git.commit_id(name)?.ok_or_else(Failure::not_found)?;
    let path = call.query("path").map(str::to_owned);
    let mut arguments = vec!["rev-list", head.as_str()];
    let since = call.query("since").map(|time| format!("--since={time}"));
    let until = call.query("until").map(|time| format!("--until={time}"));
    arguments.extend(since.iter().chain(&until).map(String::as_str));
    if let Some(path) = &path {
        arguments.extend(["--", path]);
    }
    let listed = world.git.run(&arguments)?;
    // The page is cut before the commits are read: a long history is read only where it is shown.
    let ids = listed.lines().map(|id| Value::String(id.to_owned())).collect();
    let mut answer = call.page(&world.api_url(), ids);
    if let super::call::Body::Json(Value::Array(items)) = &mut answer.body {
        for item in items {
            let commit = world.git.commit(item.as_str().unwrap_or_default())?.ok_or_else(Failure::not_found)?;
            *item = world.commit_json(&commit);
        }
    }
    Ok(answer)
}

/// `GET /commits/{ref}`: with changed files; the id alone when asked for `sha`.
pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let name = call.parameter("ref");
    let missing = || Failure::unprocessable(&format!("No commit found for SHA: {name}"));
    let id = world.git.commit_id(name)?.ok_or_else(missing)?;
    if call.accept.contains("vnd.github.sha") {
        return Ok(Answer { status: 200, body: super::call::Body::Bytes("application/vnd.github.sha", id.into_bytes()), headers: vec![] });
    }
    let commit = world.git.commit(&id)?.ok_or_else(missing)?;
    let files = changed_files(world, commit.parents.first().map(String::as_str), &commit.id)?;
    Ok(Answer::json(200, with(world.commit_json(&commit), json!({"stats": stats(&files), "files": files}))))
}

/// `GET /commits/{commit_sha}/pulls`: merged ones for a commit of the default branch, else merged and open ones.
pub(super) fn pulls(world: &mut World, call: &Call) -> Outcome {
    let name = call.parameter("commit_sha");
    let missing = || Failure::unprocessable(&format!("No commit found for SHA: {name}"));
    let id = world.git.commit_id(name)?.ok_or_else(missing)?;
    let is_on_default = match world.tip("main")? {
        Some(tip) => world.git.is_ancestor(&id, &tip)?,
        None => false,
    };
    let mut found = Vec::new();
    for pull in world.pulls.values().rev() {
        let is_result = pull.merged.as_ref().is_some_and(|merged| merged.sha == id);
        if is_result || world.pull_commits(pull)?.contains(&id) {
            found.push(pull);
        }
    }
    let merged: Vec<_> = found.iter().filter(|pull| pull.merged.is_some()).copied().collect();
    let chosen = if is_on_default && !merged.is_empty() { merged } else { found };
    let chosen = chosen.into_iter().map(|pull| world.pull_json(pull)).collect();
    Ok(call.page(&world.api_url(), chosen))
}

/// `GET /repos/{owner}/{repo}`, the repository itself or a fork of it.
pub(super) fn repository(world: &mut World, call: &Call) -> Outcome {
    let asked = format!("{}/{}", call.parameter("owner"), call.parameter("repo"));
    let name = if world.forks.contains(&asked) { asked } else { world.options.repository.clone() };
    let shown = world.repository(&name);
    let role = call.identity.role();
    let may = |needed: Role| role.is_some_and(|role| role >= needed);
    if role.is_none() {
        return Ok(Answer::json(200, shown));
    }
    let (admin, push) = (may(Role::Admin), may(Role::Write));
    let permissions = json!({"admin": admin, "maintain": admin, "push": push, "triage": push, "pull": true});
    Ok(Answer::json(200, with(shown, json!({"permissions": permissions}))))
}
