//! Releases: drafts, publishing, immutability.
//!
//! Source: GitHub docs, "REST API endpoints for releases" and "Immutable releases".

mod assets;

pub(super) use assets::{download, get_asset, list_assets, remove_asset, update_asset, upload};

use super::{
    call::{Answer, Call, Failure, Outcome},
    identity::Role,
    objects::timestamp,
    pulls::LONGEST_BODY,
    refs::Move,
    render::node_id,
    state::{Release, World, now},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest text of a release, in characters.
const LONGEST_NOTES: usize = LONGEST_BODY * 2 - 7;

#[derive(Deserialize)]
struct Wanted {
    tag_name: Option<String>,
    target_commitish: Option<String>,
    name: Option<String>,
    body: Option<String>,
    draft: Option<bool>,
    prerelease: Option<bool>,
    make_latest: Option<Value>,
}

/// `GET /releases`: newest first; drafts are seen by whoever may write.
pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let sees_drafts = call.identity.role() >= Some(Role::Write);
    let releases = world.releases.values().rev().filter(|release| sees_drafts || !release.draft);
    let releases = releases.map(|release| release_json(world, release)).collect();
    Ok(call.page(&world.api_url(), releases))
}

/// `GET /releases/{release_id}`.
pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let release = world.release(call)?;
    Ok(Answer::json(200, release_json(world, &release)))
}

/// `GET /releases/tags/{tag}`: never a draft.
pub(super) fn by_tag(world: &mut World, call: &Call) -> Outcome {
    let tag = call.parameter("tag");
    let release = world.releases.values().find(|release| !release.draft && release.tag == tag).ok_or_else(Failure::not_found)?;
    Ok(Answer::json(200, release_json(world, release)))
}

/// `GET /releases/latest`: the newest published one that was not told to stay behind.
pub(super) fn latest(world: &mut World, _: &Call) -> Outcome {
    let published = world.releases.values().filter(|release| !release.draft && !release.prerelease && release.make_latest != "false");
    let newest = published.max_by_key(|release| (release.published_at, release.id)).ok_or_else(Failure::not_found)?;
    Ok(Answer::json(200, release_json(world, newest)))
}

/// `POST /releases`.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let wanted: Wanted = call.body()?;
    let tag = wanted.tag_name.clone().filter(|tag| !tag.is_empty());
    let tag = tag.ok_or_else(|| Failure::invalid("Release", "tag_name", "missing_field", ""))?;
    let is_draft = wanted.draft.unwrap_or(false);
    if !is_draft && world.releases.values().any(|release| !release.draft && release.tag == tag) {
        return Err(Failure::invalid("Release", "tag_name", "already_exists", ""));
    }
    let release = Release {
        id: world.next_id(),
        tag,
        target: "main".into(),
        name: None,
        body: None,
        draft: true,
        prerelease: false,
        immutable: false,
        make_latest: "true".into(),
        author: call.identity.login().to_owned(),
        created_at: now(),
        published_at: None,
        assets: Vec::new(),
    };
    let release = changed(world, call, (release, wanted, is_draft))?;
    let shown = release_json(world, &release);
    world.releases.insert(release.id, release);
    Ok(Answer::created(shown))
}

/// `PATCH /releases/{release_id}`; of an immutable one title and notes alone.
pub(super) fn update(world: &mut World, call: &Call) -> Outcome {
    let wanted: Wanted = call.body()?;
    let release = world.release(call)?;
    let is_draft = wanted.draft.unwrap_or(release.draft);
    let moves = wanted.tag_name.as_ref().is_some_and(|tag| *tag != release.tag) || is_draft != release.draft;
    if release.immutable && moves {
        return Err(Failure::invalid("Release", "tag_name", "custom", "Cannot change an immutable release"));
    }
    let release = changed(world, call, (release, wanted, is_draft))?;
    let shown = release_json(world, &release);
    world.releases.insert(release.id, release);
    Ok(Answer::json(200, shown))
}

/// `DELETE /releases/{release_id}`; the tag stays.
pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let release = world.release(call)?;
    world.releases.remove(&release.id);
    Ok(Answer::empty(204))
}

/// A release with what a request changes; publishing makes the tag if it is missing and, where so set, locks both.
fn changed(world: &mut World, call: &Call, change: (Release, Wanted, bool)) -> Result<Release, Failure> {
    let (mut release, wanted, is_draft) = change;
    if wanted.body.as_deref().is_some_and(|body| body.chars().count() > LONGEST_NOTES) {
        return Err(Failure::invalid("Release", "body", "custom", "body is too long (maximum is 125000 characters)"));
    }
    release.tag = wanted.tag_name.unwrap_or(release.tag);
    release.target = wanted.target_commitish.unwrap_or(release.target);
    release.name = wanted.name.or(release.name);
    release.body = wanted.body.or(release.body);
    release.prerelease = wanted.prerelease.unwrap_or(release.prerelease);
    release.make_latest = match wanted.make_latest {
        None => release.make_latest,
        Some(Value::String(text)) if ["true", "false", "legacy"].contains(&text.as_str()) => text,
        Some(_) => return Err(Failure::invalid("Release", "make_latest", "invalid", "")),
    };
    if release.draft && !is_draft {
        publish(world, call, &mut release)?;
    }
    release.draft = is_draft;
    Ok(release)
}

fn publish(world: &mut World, call: &Call, release: &mut Release) -> Result<(), Failure> {
    if world.locked_tags.contains(&release.tag) {
        return Err(Failure::invalid("Release", "tag_name", "custom", "tag_name was used by an immutable release"));
    }
    let twin = world.releases.values().any(|other| other.id != release.id && !other.draft && other.tag == release.tag);
    if twin {
        return Err(Failure::invalid("Release", "tag_name", "already_exists", ""));
    }
    let name = format!("refs/tags/{}", release.tag);
    if world.git.ref_id(&name)?.is_none() {
        let invalid = || Failure::invalid("Release", "target_commitish", "invalid", "");
        let commit = world.git.commit_id(&release.target)?.ok_or_else(invalid)?;
        world.move_ref(&call.identity, &Move { name, old: None, new: Some(commit) })?;
    }
    release.published_at = Some(now());
    release.immutable = world.immutable_releases;
    if release.immutable {
        world.locked_tags.insert(release.tag.clone());
    }
    Ok(())
}

impl World {
    /// The release a call names; drafts are there for whoever may write.
    fn release(&self, call: &Call) -> Result<Release, Failure> {
        let release = self.releases.get(&call.number("release_id")?).ok_or_else(Failure::not_found)?;
        let is_seen = !release.draft || call.identity.role() >= Some(Role::Write);
        if is_seen { Ok(release.clone()) } else { Err(Failure::not_found()) }
    }
}

/// A release, `release` of the description.
pub(super) fn release_json(world: &World, release: &Release) -> Value {
    let id = release.id;
    let (url, tag) = (world.repository_api(&format!("releases/{id}")), super::encode::path(&release.tag));
    let place = if release.draft { format!("untagged-{id:x}") } else { tag.clone() };
    let uploads = format!("{}/api/uploads/repos/{}/releases/{id}/assets", world.server_url, world.options.repository);
    let ball = |kind: &str| (!release.draft).then(|| world.repository_api(&format!("{kind}/{tag}")));
    let assets: Vec<Value> = release.assets.iter().map(|asset| assets::asset_json(world, release, asset)).collect();
    json!({
        "id": id, "node_id": node_id("RE", &id.to_string()), "url": url, "html_url": world.repository_page(&format!("releases/tag/{place}")),
        "assets_url": format!("{url}/assets"), "upload_url": format!("{uploads}{{?name,label}}"), "tarball_url": ball("tarball"),
        "zipball_url": ball("zipball"), "tag_name": release.tag, "target_commitish": release.target, "name": release.name,
        "body": release.body, "draft": release.draft, "prerelease": release.prerelease, "immutable": release.immutable,
        "created_at": timestamp(&release.created_at), "published_at": release.published_at.as_ref().map(timestamp),
        "updated_at": timestamp(&release.created_at), "author": world.user(&release.author), "assets": assets,
    })
}
