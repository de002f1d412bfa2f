//! Tag objects of the Git Data API.
//!
//! Source: GitHub docs, "REST API endpoints for Git tags".

use super::{
    call::{Answer, Call, Failure, Outcome},
    commits::Writer,
    objects::Tag,
    render::{node_id, person, verification},
    state::World,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Creation {
    tag: String,
    message: String,
    object: String,
    r#type: String,
    tagger: Option<Writer>,
}

/// `POST /git/tags`: makes the object; the ref is made apart.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let wanted: Creation = call.body()?;
    let target = world.git.read(&wanted.object)?.filter(|object| object.id == wanted.object && object.kind == wanted.r#type);
    if target.is_none() {
        return Err(Failure::unprocessable("Object does not exist"));
    }
    let default = world.signature(call.identity.login());
    let tagger = wanted.tagger.map_or(Ok(default.clone()), |writer| writer.over(&default))?;
    let mut tag = Tag { id: String::new(), object: wanted.object, kind: wanted.r#type, name: wanted.tag, tagger, message: wanted.message };
    tag.id = world.git.write_tag(&tag)?;
    Ok(Answer::created(tag_json(world, &tag)))
}

/// `GET /git/tags/{tag_sha}`.
pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let tag = world.git.tag(call.parameter("tag_sha"))?.ok_or_else(Failure::not_found)?;
    Ok(Answer::json(200, tag_json(world, &tag)))
}

fn tag_json(world: &World, tag: &Tag) -> Value {
    let (id, kind) = (&tag.id, &tag.kind);
    let object = json!({"sha": tag.object, "type": kind, "url": world.repository_api(&format!("git/{kind}s/{}", tag.object))});
    json!({
        "sha": id, "node_id": node_id("TA", id), "url": world.repository_api(&format!("git/tags/{id}")), "tag": tag.name,
        "message": tag.message, "tagger": person(&tag.tagger), "object": object, "verification": verification(),
    })
}
