//! References: reading, creating, moving and deleting them, under the rules of the repository.
//!
//! Source: GitHub docs, "REST API endpoints for Git references".

use super::{
    call::{Answer, Call, Failure, Outcome},
    encode,
    identity::Identity,
    render::node_id,
    state::World,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// A ref that moves, appears (`old` is `None`) or goes (`new` is `None`).
#[derive(Debug, Clone)]
pub(super) struct Move {
    /// Full name, `refs/heads/…` or `refs/tags/…`.
    pub(super) name: String,
    /// Where it was.
    pub(super) old: Option<String>,
    /// Where it goes.
    pub(super) new: Option<String>,
}

#[derive(Deserialize)]
struct Creation {
    r#ref: String,
    sha: String,
}

#[derive(Deserialize)]
struct Update {
    sha: String,
    #[serde(default)]
    force: bool,
}

/// `GET /git/ref/{ref}`.
pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let name = format!("refs/{}", call.parameter("ref"));
    let id = world.git.ref_id(&name)?.ok_or_else(Failure::not_found)?;
    Ok(Answer::json(200, reference(world, &name, &id)?))
}

/// `GET /git/matching-refs/{ref}`: every ref whose name starts like that.
pub(super) fn matching(world: &mut World, call: &Call) -> Outcome {
    let prefix = format!("refs/{}", call.parameter("ref"));
    let refs = world.git.refs(&prefix)?;
    let refs = refs.iter().map(|(name, id)| reference(world, name, id)).collect::<anyhow::Result<Vec<Value>>>()?;
    Ok(call.page(&world.api_url(), refs))
}

/// `POST /git/refs`.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let wanted: Creation = call.body()?;
    let is_full = wanted.r#ref.starts_with("refs/") && wanted.r#ref.matches('/').count() >= 2;
    if !is_full || world.git.attempt(&["check-ref-format", &wanted.r#ref])?.0 != 0 {
        return Err(Failure::unprocessable(&format!("{} is not a valid ref name.", wanted.r#ref)));
    }
    if world.git.read(&wanted.sha)?.is_none() {
        return Err(Failure::unprocessable("Object does not exist"));
    }
    if world.git.ref_id(&wanted.r#ref)?.is_some() {
        return Err(Failure::unprocessable("Reference already exists"));
    }
    let change = Move { name: wanted.r#ref, old: None, new: Some(wanted.sha.clone()) };
    world.move_ref(&call.identity, &change)?;
    Ok(Answer::created(reference(world, &change.name, &wanted.sha)?))
}

/// `PATCH /git/refs/{ref}`; without `force` only fast-forward.
pub(super) fn update(world: &mut World, call: &Call) -> Outcome {
    let wanted: Update = call.body()?;
    let name = format!("refs/{}", call.parameter("ref"));
    let old = world.git.ref_id(&name)?.ok_or_else(|| Failure::unprocessable("Reference does not exist"))?;
    if world.git.read(&wanted.sha)?.is_none() {
        return Err(Failure::unprocessable("Object does not exist"));
    }
    if !wanted.force && !world.git.is_ancestor(&old, &wanted.sha)? {
        return Err(Failure::unprocessable("Update is not a fast forward"));
    }
    let change = Move { name, old: Some(old), new: Some(wanted.sha.clone()) };
    world.move_ref(&call.identity, &change)?;
    Ok(Answer::json(200, reference(world, &change.name, &wanted.sha)?))
}

/// `DELETE /git/refs/{ref}`.
pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let name = format!("refs/{}", call.parameter("ref"));
    let old = world.git.ref_id(&name)?.ok_or_else(|| Failure::unprocessable("Reference does not exist"))?;
    if name == "refs/heads/main" {
        return Err(Failure::unprocessable("Cannot delete the default branch"));
    }
    world.move_ref(&call.identity, &Move { name, old: Some(old), new: None })?;
    Ok(Answer::empty(204))
}

/// `GET /branches`.
pub(super) fn branches(world: &mut World, call: &Call) -> Outcome {
    let prefix = "refs/heads/";
    let mut listed = Vec::new();
    for (name, id) in world.git.refs(prefix)? {
        let commit = json!({"sha": id, "url": world.repository_api(&format!("commits/{id}"))});
        let protected = !world.rules_for(&name).is_empty();
        listed.push(json!({"name": name.strip_prefix(prefix), "commit": commit, "protected": protected}));
    }
    Ok(call.page(&world.api_url(), listed))
}

/// `GET /branches/{branch}`.
pub(super) fn branch(world: &mut World, call: &Call) -> Outcome {
    let branch = call.parameter("branch");
    let name = format!("refs/heads/{branch}");
    let commit = world.git.commit(&name)?.ok_or_else(|| Failure::new(404, "Branch not found"))?;
    let address = world.repository_api(&format!("branches/{}", encode::path(branch)));
    let links = json!({"html": world.repository_page(&format!("tree/{}", encode::path(branch))), "self": address});
    let protection = format!("{address}/protection");
    let protected = !world.rules_for(&name).is_empty();
    let commit = world.commit_json(&commit);
    let protection_state = json!({"enabled": protected});
    Ok(Answer::json(
        200,
        json!({"name": branch, "commit": commit, "_links": links, "protected": protected, "protection": protection_state, "protection_url": protection}),
    ))
}

/// A ref, `git-ref` of the description.
fn reference(world: &World, name: &str, id: &str) -> anyhow::Result<Value> {
    let kind = world.git.read(id)?.map_or_else(|| "commit".to_owned(), |object| object.kind);
    let object = json!({"type": kind, "sha": id, "url": world.repository_api(&format!("git/{kind}s/{id}"))});
    let url = world.repository_api(&format!("git/{}", encode::path(name)));
    Ok(json!({"ref": name, "node_id": node_id("REF", name), "url": url, "object": object}))
}

impl World {
    /// Moves a ref if the rules allow it to the caller, and tells everybody.
    ///
    /// # Errors
    /// 422 when a rule forbids it or git cannot have the name.
    pub(super) fn move_ref(&mut self, who: &Identity, change: &Move) -> Result<(), Failure> {
        let violations = self.violations(who, change);
        if !violations.is_empty() {
            return Err(Failure::violations(422, &violations));
        }
        if change.old.is_some() && change.new.is_some() && self.forbids_rewinding(who, &change.name) {
            let (old, new) = (change.old.as_deref().unwrap_or_default(), change.new.as_deref().unwrap_or_default());
            if !self.git.is_ancestor(old, new)? {
                return Err(Failure::violations(422, &["Cannot force-push to this branch".to_owned()]));
            }
        }
        // Git itself refuses a ref below an existing ref (G1).
        self.git.set_ref(&change.name, change.new.as_deref()).map_err(|_| Failure::unprocessable("Reference update failed"))?;
        self.after_move(who, change)?;
        Ok(())
    }
}
