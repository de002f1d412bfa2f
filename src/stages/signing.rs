//! Signing what is missing: a statement that an earlier attempt signed is found again instead of signed twice.

use crate::{chain, session::Session};
use chartrel_core::{
    Code, Refusal, Sha256,
    evidence::Evidence,
    stage::Key,
    statement::{LINEAGE, Link, Reference, Statement, Subject},
};
use std::collections::BTreeMap;

/// References by their keys.
pub(crate) type References = BTreeMap<Key, Reference>;

/// Signs a statement and stores its attestation; the reference to it, and its bundle.
pub(crate) async fn sign(session: &Session, statement: &Statement) -> anyhow::Result<(Reference, String)> {
    let bytes = statement.to_bytes();
    let bundle = session.signer()?.sign(&bytes).await?;
    let id = session.github.store_attestation(&bundle).await?;
    let (subject, predicate_type) = (first_subject(statement)?, statement.predicate_type.clone());
    Ok((Reference { id, subject, predicate_type, statement: Sha256::of(&bytes) }, bundle))
}

/// A statement of this stage: the one that an earlier attempt signed with the same subjects, else signed now; with its bundle.
///
/// `known` are references that an earlier attempt wrote down.
pub(crate) async fn ensure(session: &Session, statement: &Statement, key: &Key, known: &References) -> anyhow::Result<(Reference, String)> {
    let found = chain::find(session, first_subject(statement)?, &statement.predicate_type).await?;
    let is_same = |evidence: &&Evidence| evidence.statement.subject == statement.subject && session.is_trusted(evidence, key);
    match found.iter().find(is_same) {
        Some(evidence) => Ok((chain::reference_of(session, evidence, known.get(key)).await?, evidence.bundle.clone())),
        None => sign(session, statement).await,
    }
}

/// A statement without a key of its own, such as cosign's signature: found again if the signer of `bundle` made it, else signed now.
pub(crate) async fn beside(session: &Session, statement: &Statement, bundle: &str) -> anyhow::Result<String> {
    let signer = session.verifier.verify(bundle)?.claims;
    let found = chain::find(session, first_subject(statement)?, &statement.predicate_type).await?;
    let is_same = |one: &&Evidence| {
        let claims = &one.claims;
        one.statement.subject == statement.subject
            && (&claims.san, &claims.issuer) == (&signer.san, &signer.issuer)
            && (&claims.source_repository_id, &claims.source_repository_ref)
                == (&signer.source_repository_id, &signer.source_repository_ref)
    };
    match found.iter().find(is_same) {
        Some(evidence) => Ok(evidence.bundle.clone()),
        None => Ok(sign(session, statement).await?.1),
    }
}

/// The lineage link of these subjects and this predicate: the one that is there and valid, else signed now; with its bundle.
///
/// Runs differ in their invocation and in the ids GitHub gave; all else must be equal for a link to be reused.
pub(crate) async fn link(
    session: &Session,
    subjects: Vec<Subject>,
    predicate: Link,
    known: &References,
) -> anyhow::Result<(Reference, String)> {
    let key = predicate.stage.overall();
    let wanted = chartrel_core::provenance::link(subjects, &predicate);
    let found = chain::find(session, first_subject(&wanted)?, LINEAGE).await?;
    let is_same = |evidence: &&Evidence| is_same_link(evidence, &wanted.subject, &predicate) && session.is_trusted(evidence, &key);
    match found.iter().find(is_same) {
        Some(evidence) => Ok((chain::reference_of(session, evidence, known.get(&key)).await?, evidence.bundle.clone())),
        None => sign(session, &wanted).await,
    }
}

fn is_same_link(evidence: &Evidence, subjects: &[Subject], wanted: &Link) -> bool {
    let Ok(found) = serde_json::from_value::<Link>(evidence.statement.predicate.clone()) else { return false };
    evidence.statement.subject == subjects
        && found.stage == wanted.stage
        && found.policy == wanted.policy
        && found.parent.as_ref().map(|parent| parent.digest) == wanted.parent.as_ref().map(|parent| parent.digest)
        && found.references.keys().eq(wanted.references.keys())
        && found.source_commit == wanted.source_commit
        && found.range == wanted.range
}

fn first_subject(statement: &Statement) -> Result<Sha256, Refusal> {
    statement.subject.first().and_then(Subject::sha256).ok_or_else(|| {
        Refusal::new(Code::BundleInvalid, "a statement without a subject cannot be signed", "this is a fault of chartrel; please report it")
    })
}
