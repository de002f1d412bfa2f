//! Files and folders at a ref.
//!
//! Source: GitHub docs, "Get repository content".

use super::{
    blobs::folded,
    call::{Answer, Body, Call, Failure, Outcome},
    encode,
    git::Object,
    state::World,
};
use serde_json::{Map, Value, json};

/// Above this the answer carries no content, in bytes.
const LARGEST_INLINE: usize = 1 << 20;

/// `GET /contents/{path}`: a file with its content, a folder's entries, or the bytes when asked for `raw`.
pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let path = call.parameter("path").trim_matches('/').to_owned();
    let reference = call.query("ref").unwrap_or("main").to_owned();
    let no_commit = || Failure::new(404, &format!("No commit found for the ref {reference}"));
    let commit = world.git.commit_id(&reference)?.ok_or_else(no_commit)?;
    let object = world.git.read(&format!("{commit}:{path}"))?.ok_or_else(Failure::not_found)?;
    match object.kind.as_str() {
        "tree" => folder(world, (&path, &reference), &object),
        "blob" if call.accept.contains("raw") => {
            Ok(Answer { status: 200, body: Body::Bytes("application/vnd.github.raw; charset=utf-8", object.body), headers: vec![] })
        }
        "blob" => file(world, (&path, &reference), &object),
        _ => Err(Failure::not_found()),
    }
}

fn file(world: &World, place: (&str, &str), object: &Object) -> Outcome {
    let mut shown = entry(world, place, ("file", &object.id));
    let is_inline = object.body.len() <= LARGEST_INLINE;
    shown.insert("size".into(), object.body.len().into());
    shown.insert("content".into(), if is_inline { folded(&object.body) } else { String::new() }.into());
    shown.insert("encoding".into(), if is_inline { "base64" } else { "none" }.into());
    Ok(Answer::json(200, shown.into()))
}

fn folder(world: &World, place: (&str, &str), object: &Object) -> Outcome {
    let (path, reference) = place;
    let mut shown = Vec::new();
    for (name, inside) in world.git.tree(&object.id)?.unwrap_or_default() {
        let kind = match inside.mode.as_str() {
            "40000" => "dir",
            "120000" => "symlink",
            "160000" => "submodule",
            _ => "file",
        };
        let path = if path.is_empty() { name } else { format!("{path}/{name}") };
        let mut fields = entry(world, (&path, reference), (kind, &inside.id));
        let size = if kind == "file" { world.git.read(&inside.id)?.map_or(0, |object| object.body.len()) } else { 0 };
        fields.insert("size".into(), size.into());
        shown.push(Value::Object(fields));
    }
    Ok(Answer::json(200, shown.into()))
}

/// What files and folders have in common.
fn entry(world: &World, place: (&str, &str), object: (&str, &str)) -> Map<String, Value> {
    let ((path, reference), (kind, id)) = (place, object);
    let (encoded, at) = (encode::path(path), encode::path(reference));
    let (git_kind, page_kind) = if kind == "dir" { ("trees", "tree") } else { ("blobs", "blob") };
    let url = world.repository_api(&format!("contents/{encoded}?ref={at}"));
    let git = world.repository_api(&format!("git/{git_kind}/{id}"));
    let html = world.repository_page(&format!("{page_kind}/{at}/{encoded}"));
    let download = (kind == "file").then(|| world.repository_page(&format!("raw/{at}/{encoded}")));
    let name = path.rsplit('/').next().unwrap_or_default();
    let value = json!({
        "type": kind, "name": name, "path": path, "sha": id, "url": url, "git_url": git, "html_url": html, "download_url": download,
        "_links": {"self": url, "git": git, "html": html},
    });
    if let Value::Object(fields) = value { fields } else { Map::new() }
}
