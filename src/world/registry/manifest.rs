//! Manifests, tags and referrers.

use super::{
    Call, Shared,
    answer::Failure,
    route::{self, Reference},
    store::{Manifest, Repository},
};
use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use chartrel_core::digest::Sha256;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// `GET`, `HEAD`, `PUT` and `DELETE` of `<name>/manifests/<reference>`.
pub(super) fn manifest(shared: &Shared, call: Call, (name, reference): (&str, &Reference)) -> Result<Response, Failure> {
    match call.parts.method {
        Method::GET | Method::HEAD => get(shared.store().repository(name)?, reference),
        Method::PUT => put(shared, call, (name, reference)),
        Method::DELETE => {
            let mut store = shared.store();
            let repository = store.repository_mut(name);
            let digest = resolve(repository, reference)?;
            match reference {
                Reference::Tag(tag) => drop(repository.tags.remove(tag)),
                Reference::Digest(_) => {
                    repository.manifests.remove(&digest);
                    repository.tags.retain(|_, target| *target != digest);
                }
            }
            Ok(StatusCode::ACCEPTED.into_response())
        }
        _ => Err(Failure::unsupported()),
    }
}

fn get(repository: &Repository, reference: &Reference) -> Result<Response, Failure> {
    let digest = resolve(repository, reference)?;
    let manifest = repository.manifests.get(&digest).ok_or_else(|| Failure::unknown("MANIFEST_UNKNOWN", &digest.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE.as_str(), manifest.media_type.clone()),
        (header::CONTENT_LENGTH.as_str(), manifest.bytes.len().to_string()),
        (header::ETAG.as_str(), format!("\"{digest}\"")),
        ("docker-content-digest", digest.to_string()),
    ];
    Ok((headers, manifest.bytes.clone()).into_response())
}

fn resolve(repository: &Repository, reference: &Reference) -> Result<Sha256, Failure> {
    match reference {
        Reference::Digest(digest) if repository.manifests.contains_key(digest) => Ok(*digest),
        Reference::Digest(digest) => Err(Failure::unknown("MANIFEST_UNKNOWN", &digest.to_string())),
        Reference::Tag(tag) => repository.tags.get(tag).copied().ok_or_else(|| Failure::unknown("MANIFEST_UNKNOWN", tag)),
    }
}

fn put(shared: &Shared, call: Call, (name, reference): (&str, &Reference)) -> Result<Response, Failure> {
    let digest = Sha256::of(&call.body);
    let content: Value = serde_json::from_slice(&call.body).map_err(|_| Failure::invalid("MANIFEST_INVALID", name))?;
    let media_type = call.header(header::CONTENT_TYPE).map(ToOwned::to_owned);
    let media_type = media_type.ok_or_else(|| Failure::invalid("MANIFEST_INVALID", "Content-Type"))?;
    let mut store = shared.store();
    let repository = store.repository_mut(name);
    let current = resolve(repository, reference).ok().map(|digest| format!("\"{digest}\""));
    if call.header(header::IF_MATCH).is_some_and(|expected| current.as_deref() != Some(expected)) {
        return Err(Failure::new(StatusCode::PRECONDITION_FAILED, "MANIFEST_INVALID", "the tag has moved"));
    }
    is_complete(repository, &content)?;
    match reference {
        Reference::Digest(claimed) if *claimed != digest => return Err(Failure::invalid("DIGEST_INVALID", &claimed.to_string())),
        Reference::Digest(_) => {}
        Reference::Tag(tag) => drop(repository.tags.insert(tag.clone(), digest)),
    }
    repository.manifests.insert(digest, Manifest { media_type, bytes: call.body });
    let mut answer = (StatusCode::CREATED, [("docker-content-digest", digest.to_string())]).into_response();
    let mut set = |name: &'static str, text: &str| {
        if let Ok(value) = text.parse() {
            answer.headers_mut().insert(name, value);
        }
    };
    if !shared.options.without_location {
        set("location", &format!("/v2/{name}/manifests/{digest}"));
    }
    if let Some(subject) = content["subject"]["digest"].as_str().filter(|_| shared.options.referrers) {
        set("oci-subject", subject);
    }
    Ok(answer)
}

/// Whether the repository holds all that a manifest names; its subject may be missing.
fn is_complete(repository: &Repository, content: &Value) -> Result<(), Failure> {
    let list = |field: &str| content[field].as_array().cloned().unwrap_or_default();
    let config = content.get("config").cloned();
    for descriptor in list("layers").into_iter().chain(config) {
        let text = descriptor["digest"].as_str().unwrap_or_default();
        if !repository.blobs.contains_key(&route::digest(text)?) {
            return Err(Failure::unknown("MANIFEST_BLOB_UNKNOWN", text));
        }
    }
    for descriptor in list("manifests") {
        let text = descriptor["digest"].as_str().unwrap_or_default();
        if !repository.manifests.contains_key(&route::digest(text)?) {
            return Err(Failure::unknown("MANIFEST_UNKNOWN", text));
        }
    }
    Ok(())
}

/// `GET <name>/tags/list?n=…&last=…`, in byte order, with a `Link` to the next page.
pub(super) fn tags(shared: &Shared, call: &Call, name: &str) -> Result<Response, Failure> {
    let store = shared.store();
    let last = call.query("last").unwrap_or_default();
    let mut tags: Vec<_> = store.repository(name)?.tags.keys().filter(|tag| tag.as_str() > last).collect();
    let page = call.query("n").and_then(|n| n.parse::<usize>().ok());
    let more = page.is_some_and(|page| page < tags.len());
    tags.truncate(page.unwrap_or(usize::MAX));
    let link = match (tags.last(), page) {
        (Some(last), Some(page)) if more => Some(format!("</v2/{name}/tags/list?n={page}&last={last}>; rel=\"next\"")),
        _ => None,
    };
    let mut answer = Json(json!({ "name": name, "tags": tags })).into_response();
    if let Some(link) = link.and_then(|link| link.parse().ok()) {
        answer.headers_mut().insert(header::LINK, link);
    }
    Ok(answer)
}

/// `GET <name>/referrers/<digest>?artifactType=…`: an index of the manifests whose subject this is; 404 without the API.
pub(super) fn referrers(shared: &Shared, call: &Call, (name, digest): (&str, &Sha256)) -> Response {
    if !shared.options.referrers {
        // As distribution answers a path it doesn't know: oras takes a `NAME_UNKNOWN` for a missing repository.
        return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    }
    let store = shared.store();
    let wanted = call.query("artifactType");
    let manifests: Vec<Value> = store
        .repositories
        .get(name)
        .into_iter()
        .flat_map(|repository| &repository.manifests)
        .filter_map(|(own, manifest)| referrer(own, manifest, digest))
        .filter(|descriptor| wanted.is_none_or(|wanted| descriptor["artifactType"] == wanted))
        .collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    let mut answer = ([(header::CONTENT_TYPE, INDEX)], index.to_string()).into_response();
    if wanted.is_some() {
        answer.headers_mut().insert("oci-filters-applied", header::HeaderValue::from_static("artifactType"));
    }
    answer
}

/// The descriptor of a manifest that refers to a subject (distribution-spec 1.1, "Listing Referrers").
fn referrer(own: &Sha256, manifest: &Manifest, subject: &Sha256) -> Option<Value> {
    let content: Value = serde_json::from_slice(&manifest.bytes).ok()?;
    if content["subject"]["digest"] != subject.to_string() {
        return None;
    }
    let artifact_type = content["artifactType"].as_str().or_else(|| content["config"]["mediaType"].as_str());
    let mut descriptor = json!({
        "mediaType": manifest.media_type, "digest": own.to_string(), "size": manifest.bytes.len(), "artifactType": artifact_type,
    });
    if let (Some(annotations), Some(descriptor)) = (content.get("annotations"), descriptor.as_object_mut()) {
        descriptor.insert("annotations".into(), annotations.clone());
    }
    Some(descriptor)
}
