//! Files of releases: upload, with GitHub's renaming and its broken uploads, and download.
//!
//! Source: GitHub docs, "REST API endpoints for release assets".

use crate::github::{
    call::{Answer, Body, Call, Failure, Outcome},
    encode,
    identity::{Identity, Role},
    objects::timestamp,
    render::node_id,
    state::{Asset, Release, World, now},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

#[derive(Deserialize)]
struct Wanted {
    name: Option<String>,
    label: Option<String>,
}

/// `POST /releases/{release_id}/assets` on the uploads host: the raw bytes, the name in the query.
pub(in crate::github) fn upload(world: &mut World, call: &Call) -> Outcome {
    let mut release = world.release(call)?;
    if release.immutable {
        return Err(Failure::unprocessable("Cannot upload assets to an immutable release"));
    }
    let name = call.query("name").map(renamed).ok_or_else(|| Failure::invalid("ReleaseAsset", "name", "missing_field", ""))?;
    if release.assets.iter().any(|asset| asset.name == name) {
        return Err(Failure::invalid("ReleaseAsset", "name", "already_exists", ""));
    }
    let is_broken = std::mem::take(&mut world.breaks_upload);
    let asset = Asset {
        id: world.next_id(),
        name,
        label: call.query("label").map(str::to_owned),
        content_type: if call.content_type.is_empty() { "application/octet-stream".into() } else { call.content_type.clone() },
        state: if is_broken { "starter" } else { "uploaded" },
        content: if is_broken { bytes::Bytes::new() } else { call.body.clone() },
        uploader: call.identity.login().to_owned(),
        created_at: now(),
    };
    let shown = asset_json(world, &release, &asset);
    release.assets.push(asset);
    world.releases.insert(release.id, release);
    if is_broken { Err(Failure::new(502, "Bad Gateway")) } else { Ok(Answer::created(shown)) }
}

/// What GitHub makes of a file name: other characters than letters, digits, `.`, `_` and `-` become dots, runs of dots one.
fn renamed(name: &str) -> String {
    let mut kept = String::with_capacity(name.len());
    for letter in name.chars() {
        let letter = if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-') { letter } else { '.' };
        if letter != '.' || !kept.ends_with('.') {
            kept.push(letter);
        }
    }
    kept
}

/// `GET /releases/{release_id}/assets`.
pub(in crate::github) fn list_assets(world: &mut World, call: &Call) -> Outcome {
    let release = world.release(call)?;
    let assets = release.assets.iter().map(|asset| asset_json(world, &release, asset)).collect();
    Ok(call.page(&world.api_url(), assets))
}

/// `GET /releases/assets/{asset_id}`: what it is, or its bytes when asked for `application/octet-stream`.
pub(in crate::github) fn get_asset(world: &mut World, call: &Call) -> Outcome {
    let (release, asset) = find(world, call)?;
    if call.accept.contains("application/octet-stream") {
        return Ok(Answer { status: 200, body: Body::Bytes("application/octet-stream", asset.content.to_vec()), headers: Vec::new() });
    }
    Ok(Answer::json(200, asset_json(world, &release, &asset)))
}

/// `PATCH /releases/assets/{asset_id}`: name and label.
pub(in crate::github) fn update_asset(world: &mut World, call: &Call) -> Outcome {
    let wanted: Wanted = call.body()?;
    let (mut release, mut asset) = changeable(world, call)?;
    asset.name = wanted.name.as_deref().map_or(asset.name, renamed);
    asset.label = wanted.label.or(asset.label);
    let shown = asset_json(world, &release, &asset);
    for kept in release.assets.iter_mut().filter(|kept| kept.id == asset.id) {
        *kept = asset.clone();
    }
    world.releases.insert(release.id, release);
    Ok(Answer::json(200, shown))
}

/// `DELETE /releases/assets/{asset_id}`.
pub(in crate::github) fn remove_asset(world: &mut World, call: &Call) -> Outcome {
    let (mut release, asset) = changeable(world, call)?;
    release.assets.retain(|kept| kept.id != asset.id);
    world.releases.insert(release.id, release);
    Ok(Answer::empty(204))
}

/// A file at its public address, `<tag>/<file>` behind `/releases/download/`.
pub(in crate::github) fn download(world: &World, who: &Identity, path: &str) -> Outcome {
    let (tag, name) = path.rsplit_once('/').ok_or_else(Failure::not_found)?;
    let sees_drafts = who.role() >= Some(Role::Write);
    let releases = world.releases.values().filter(|release| release.tag == tag && (sees_drafts || !release.draft));
    let asset = releases.flat_map(|release| &release.assets).find(|asset| asset.name == name && asset.state == "uploaded");
    let asset = asset.ok_or_else(Failure::not_found)?;
    Ok(Answer { status: 200, body: Body::Bytes("application/octet-stream", asset.content.to_vec()), headers: Vec::new() })
}

fn find(world: &World, call: &Call) -> Result<(Release, Asset), Failure> {
    let id = call.number("asset_id")?;
    let sees_drafts = call.identity.role() >= Some(Role::Write);
    let releases = world.releases.values().filter(|release| sees_drafts || !release.draft);
    let found = releases.flat_map(|release| release.assets.iter().map(move |asset| (release, asset))).find(|(_, asset)| asset.id == id);
    found.map(|(release, asset)| (release.clone(), asset.clone())).ok_or_else(Failure::not_found)
}

fn changeable(world: &World, call: &Call) -> Result<(Release, Asset), Failure> {
    let (release, asset) = find(world, call)?;
    if release.immutable {
        return Err(Failure::unprocessable("Cannot change assets of an immutable release"));
    }
    Ok((release, asset))
}

/// An asset, `release-asset` of the description.
pub(super) fn asset_json(world: &World, release: &Release, asset: &Asset) -> Value {
    let id = asset.id;
    let path = format!("releases/download/{}/{}", encode::path(&release.tag), encode::path(&asset.name));
    let digest = (asset.state == "uploaded").then(|| format!("sha256:{}", hex::encode(Sha256::digest(&asset.content))));
    let time = timestamp(&asset.created_at);
    json!({
        "id": id, "node_id": node_id("RA", &id.to_string()), "url": world.repository_api(&format!("releases/assets/{id}")),
        "browser_download_url": world.repository_page(&path), "name": asset.name, "label": asset.label, "state": asset.state,
        "content_type": asset.content_type, "size": asset.content.len(), "digest": digest, "download_count": 0, "created_at": time,
        "updated_at": time, "uploader": world.user(&asset.uploader),
    })
}
