//! Blobs and their uploads: in one request, in two, or in pieces.

use super::{Call, Shared, answer::Failure, route};
use crate::server::random_hex;
use axum::response::{IntoResponse as _, Response};
use chartrel_core::digest::Sha256;
use http::{Method, StatusCode, header};

/// `GET` and `HEAD` of `<name>/blobs/<digest>`.
pub(super) fn blob(shared: &Shared, call: &Call, (name, digest): (&str, &Sha256)) -> Result<Response, Failure> {
    if !matches!(call.parts.method, Method::GET | Method::HEAD) {
        return Err(Failure::unsupported());
    }
    let store = shared.store();
    let bytes = store.repository(name)?.blobs.get(digest).cloned();
    let bytes = bytes.ok_or_else(|| Failure::unknown("BLOB_UNKNOWN", &digest.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH.as_str(), bytes.len().to_string()),
        ("docker-content-digest", digest.to_string()),
    ];
    Ok((headers, bytes).into_response())
}

/// `POST <name>/blobs/uploads/`: mounts, takes the whole blob, or begins an upload.
pub(super) fn begin(shared: &Shared, call: &Call, name: &str) -> Result<Response, Failure> {
    if call.parts.method != Method::POST {
        return Err(Failure::unsupported());
    }
    let mut store = shared.store();
    if let (Some(digest), Some(from)) = (call.query("mount"), call.query("from")) {
        let digest = route::digest(digest)?;
        let found = store.repositories.get(from).and_then(|repository| repository.blobs.get(&digest)).cloned();
        if let Some(bytes) = found {
            store.repository_mut(name).blobs.insert(digest, bytes);
            return Ok(created(name, &digest));
        }
    }
    if let Some(digest) = call.query("digest") {
        let digest = checked(digest, &call.body)?;
        store.repository_mut(name).blobs.insert(digest, call.body.clone());
        return Ok(created(name, &digest));
    }
    let id = random_hex::<16>();
    store.uploads.insert(id.clone(), Vec::new());
    Ok(progress(StatusCode::ACCEPTED, (name, &id), 0))
}

/// `PATCH`, `PUT`, `GET` and `DELETE` of `<name>/blobs/uploads/<id>`.
pub(super) fn upload(shared: &Shared, call: &Call, (name, id): (&str, &str)) -> Result<Response, Failure> {
    let mut store = shared.store();
    let unknown = || Failure::unknown("BLOB_UPLOAD_UNKNOWN", id);
    let upload = store.uploads.get_mut(id).ok_or_else(unknown)?;
    match call.parts.method {
        Method::GET => Ok(progress(StatusCode::NO_CONTENT, (name, id), upload.len())),
        Method::DELETE => {
            store.uploads.remove(id);
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        Method::PATCH => {
            follows(call, upload.len())?;
            upload.extend_from_slice(&call.body);
            Ok(progress(StatusCode::ACCEPTED, (name, id), upload.len()))
        }
        Method::PUT => {
            follows(call, upload.len())?;
            upload.extend_from_slice(&call.body);
            let digest = checked(call.query("digest").unwrap_or_default(), upload)?;
            let bytes = store.uploads.remove(id).unwrap_or_default();
            store.repository_mut(name).blobs.insert(digest, bytes.into());
            Ok(created(name, &digest))
        }
        _ => Err(Failure::unsupported()),
    }
}

/// A piece must begin where the last one ended (416): `Content-Range: <start>-<end>`.
fn follows(call: &Call, length: usize) -> Result<(), Failure> {
    let start = call.header(header::CONTENT_RANGE).and_then(|range| range.split('-').next()?.parse::<usize>().ok());
    if start.is_none_or(|start| start == length) {
        return Ok(());
    }
    Err(Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID", format!("the next byte is {length}")))
}

fn checked(claimed_digest: &str, bytes: &[u8]) -> Result<Sha256, Failure> {
    let digest = Sha256::of(bytes);
    if route::digest(claimed_digest)? == digest { Ok(digest) } else { Err(Failure::invalid("DIGEST_INVALID", claimed_digest)) }
}

fn created(name: &str, digest: &Sha256) -> Response {
    let headers = [("location", format!("/v2/{name}/blobs/{digest}")), ("docker-content-digest", digest.to_string())];
    (StatusCode::CREATED, headers).into_response()
}

fn progress(status: StatusCode, (name, id): (&str, &str), length: usize) -> Response {
    let headers = [
        ("location", format!("/v2/{name}/blobs/uploads/{id}")),
        ("range", format!("0-{}", length.saturating_sub(1))),
        ("docker-upload-uuid", id.to_owned()),
    ];
    (status, headers).into_response()
}
