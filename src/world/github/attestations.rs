//! Stored attestations: posted whole, found again by subject digest alone.
//!
//! Source: GitHub docs, "REST API endpoints for artifact attestations"; no item carries its id.

use super::{
    call::{Answer, Body, Call, Failure, Outcome},
    options::{Bundles, OwnerType},
    state::{Attestation, REPOSITORY_ID, World},
};
use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most subjects of a statement and digests of a bulk list.
const MOST_SUBJECTS: usize = 1_024;

/// What every bundle says it is.
const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle";

#[derive(Deserialize)]
struct Creation {
    bundle: Value,
}

#[derive(Deserialize)]
struct Bulk {
    subject_digests: Vec<String>,
    predicate_type: Option<String>,
}

#[derive(Deserialize)]
struct Statement {
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Deserialize)]
struct Subject {
    digest: BTreeMap<String, String>,
}

/// `POST /attestations`: 201 with the id.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let Creation { bundle } = call.body()?;
    let statement = statement(&bundle).map_err(|error| Failure::unprocessable(&format!("Invalid bundle: {error:#}")))?;
    let digest = |subject: &Subject| subject.digest.get("sha256").map(|hex| format!("sha256:{hex}"));
    let subjects: Option<Vec<String>> = statement.subject.iter().map(digest).collect();
    let subjects = subjects.ok_or_else(|| Failure::unprocessable("Invalid bundle: a subject has no sha256 digest"))?;
    if subjects.is_empty() || subjects.len() > MOST_SUBJECTS {
        return Err(Failure::unprocessable("Invalid bundle: a statement has 1 to 1024 subjects"));
    }
    let (id, initiator) = (world.next_id(), call.identity.login().to_owned());
    let predicate_type = statement.predicate_type;
    world.attestations.push(Attestation { id, bundle, subjects, predicate_type, initiator });
    Ok(Answer::json(201, json!({"id": id})))
}

/// The in-toto statement in a bundle's envelope.
fn statement(bundle: &Value) -> anyhow::Result<Statement> {
    let kind = bundle.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    anyhow::ensure!(kind.starts_with(BUNDLE_TYPE), "mediaType `{kind}` is no Sigstore bundle");
    anyhow::ensure!(bundle.get("verificationMaterial").is_some_and(Value::is_object), "verificationMaterial is missing");
    let payload = bundle.pointer("/dsseEnvelope/payload").and_then(Value::as_str).context("dsseEnvelope.payload is missing")?;
    serde_json::from_slice(&STANDARD.decode(payload).context("payload is not base64")?).context("payload is no in-toto statement")
}

/// `GET /attestations/{subject_digest}`, also of an organisation or user: newest first, 404 when there is none.
pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    check_owner(world, call)?;
    let digest = call.parameter("subject_digest");
    let is_digest = digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !is_digest {
        return Err(Failure::invalid("Attestation", "subject_digest", "invalid", ""));
    }
    let found: Vec<&Attestation> = matching(world, digest, call.query("predicate_type")).collect();
    if found.is_empty() {
        return Err(Failure::not_found());
    }
    // Cursors are ids: `after` goes to older ones, `before` to newer ones.
    let cursor = |name: &str| call.query(name).and_then(|text| text.parse::<u64>().ok());
    let (after, before) = (cursor("after"), cursor("before"));
    let inside = |attestation: &&&Attestation| after.is_none_or(|id| attestation.id < id) && before.is_none_or(|id| attestation.id > id);
    let window: Vec<&Attestation> = found.iter().filter(inside).copied().collect();
    let shown: Vec<&Attestation> = window.iter().take(call.per_page()).copied().collect();
    let mut answer = Answer::json(200, json!({"attestations": shown.iter().map(|one| item(world, call, one)).collect::<Vec<_>>()}));
    if let (Some(last), true) = (shown.last(), window.len() > shown.len()) {
        let pairs = [("per_page", call.per_page().to_string()), ("after", last.id.to_string())];
        let query = super::encode::query(pairs.iter().map(|(key, value)| (*key, value.as_str())));
        answer.headers.push(("link", format!("<{}{}?{query}>; rel=\"next\"", world.api_url(), call.path)));
    }
    Ok(answer)
}

/// `POST /orgs/{org}/attestations/bulk-list` and its like for users: every digest with its attestations, or null.
pub(super) fn bulk_list(world: &mut World, call: &Call) -> Outcome {
    check_owner(world, call)?;
    let wanted: Bulk = call.body()?;
    if wanted.subject_digests.is_empty() || wanted.subject_digests.len() > MOST_SUBJECTS {
        return Err(Failure::invalid("Attestation", "subject_digests", "invalid", ""));
    }
    let listed = wanted.subject_digests.iter().map(|digest| {
        let found: Vec<Value> = matching(world, digest, wanted.predicate_type.as_deref()).map(|one| item(world, call, one)).collect();
        (digest.clone(), if found.is_empty() { Value::Null } else { Value::Array(found) })
    });
    let listed: serde_json::Map<String, Value> = listed.collect();
    let page = json!({"has_next": false, "has_previous": false, "next": "", "previous": ""});
    Ok(Answer::json(200, json!({"attestations_subject_digests": listed, "page_info": page})))
}

/// An organisation or user in the path must be the repository's owner.
fn check_owner(world: &World, call: &Call) -> Result<(), Failure> {
    let (org, user) = (call.parameter("org"), call.parameter("username"));
    let is_organization = world.options.owner_type == OwnerType::Organization;
    let named = if is_organization { org } else { user };
    let is_repository = org.is_empty() && user.is_empty();
    if is_repository || named.eq_ignore_ascii_case(world.options.owner()) { Ok(()) } else { Err(Failure::not_found()) }
}

fn matching<'a>(world: &'a World, digest: &'a str, predicate_type: Option<&'a str>) -> impl Iterator<Item = &'a Attestation> {
    let wanted = predicate_type.map(|kind| match kind {
        "provenance" => "https://slsa.dev/provenance/",
        "sbom" => "https://spdx.dev/Document",
        "release" => "https://in-toto.io/attestation/release/",
        other => other,
    });
    let fits = move |one: &&Attestation| {
        one.subjects.iter().any(|subject| subject == digest) && wanted.is_none_or(|wanted| one.predicate_type.starts_with(wanted))
    };
    world.attestations.iter().rev().filter(fits)
}

fn item(world: &World, call: &Call, attestation: &Attestation) -> Value {
    let url = format!("{}/attestations/{REPOSITORY_ID}/{}.json.sn", world.blob_url, attestation.id);
    let is_inline = world.options.bundles == Bundles::Inline && call.api_version != "2026-03-10";
    let mut shown = json!({"repository_id": REPOSITORY_ID, "bundle_url": url, "initiator": attestation.initiator});
    if let (Some(fields), true) = (shown.as_object_mut(), is_inline) {
        fields.insert("bundle".into(), attestation.bundle.clone());
    }
    shown
}

/// A bundle at its own address: raw Snappy of the JSON.
pub(super) fn blob(world: &World, path: &str) -> Outcome {
    let id = path.rsplit('/').next().and_then(|name| name.strip_suffix(".json.sn")).and_then(|id| id.parse::<u64>().ok());
    let attestation = world.attestations.iter().find(|one| Some(one.id) == id).ok_or_else(Failure::not_found)?;
    let packed = snap::raw::Encoder::new().compress_vec(&serde_json::to_vec(&attestation.bundle)?)?;
    Ok(Answer { status: 200, body: Body::Bytes("application/x-snappy", packed), headers: Vec::new() })
}
