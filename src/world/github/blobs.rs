//! Blobs of the Git Data API.
//!
//! Source: GitHub docs, "REST API endpoints for Git blobs".

use super::{
    call::{Answer, Body, Call, Failure, Outcome},
    render::node_id,
    state::World,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;

/// The largest blob the API takes or gives, in bytes (about 40 MiB; github.md §1).
const LARGEST: usize = 40 << 20;

#[derive(Deserialize)]
struct Creation {
    content: String,
    #[serde(default)]
    encoding: Option<String>,
}

/// `POST /git/blobs`: text, or base64 when `encoding` says so.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let wanted: Creation = call.body()?;
    let bytes = match wanted.encoding.as_deref() {
        None | Some("utf-8") => wanted.content.into_bytes(),
        Some("base64") => {
            let packed: String = wanted.content.split_whitespace().collect();
            STANDARD.decode(packed).map_err(|_| Failure::unprocessable("content is not valid Base64"))?
        }
        Some(_) => return Err(Failure::invalid("Blob", "encoding", "invalid", "")),
    };
    if bytes.len() > LARGEST {
        return Err(Failure::invalid(
            "Blob",
            "data",
            "custom",
            "Sorry, your input was too large to process. Consider creating the blob in a local clone of the repository and then pushing it to GitHub.",
        ));
    }
    let id = world.git.write("blob", &bytes)?;
    Ok(Answer::created(json!({"sha": id, "url": world.repository_api(&format!("git/blobs/{id}"))})))
}

/// `GET /git/blobs/{file_sha}`: base64 in lines of 60, or the bytes when asked for `raw`.
pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let object = world.git.read(call.parameter("file_sha"))?.filter(|object| object.kind == "blob").ok_or_else(Failure::not_found)?;
    if object.body.len() > LARGEST {
        return Err(Failure::new(
            403,
            "This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via the API.",
        ));
    }
    if call.accept.contains("raw") {
        return Ok(Answer { status: 200, body: Body::Bytes("application/vnd.github.raw", object.body), headers: Vec::new() });
    }
    let url = world.repository_api(&format!("git/blobs/{}", object.id));
    let (size, content) = (object.body.len(), folded(&object.body));
    Ok(Answer::json(
        200,
        json!({"sha": object.id, "node_id": node_id("B", &object.id), "size": size, "url": url, "content": content, "encoding": "base64"}),
    ))
}

/// Base64 in lines of 60 characters, each ended, as GitHub folds it.
pub(super) fn folded(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let mut folded = String::with_capacity(text.len() + text.len() / 60 + 1);
    for (position, letter) in text.chars().enumerate() {
        if position > 0 && position % 60 == 0 {
            folded.push('\n');
        }
        folded.push(letter);
    }
    if !folded.is_empty() {
        folded.push('\n');
    }
    folded
}
