//! Fetching a lineage: from a subject's digest to its link, and from there along signed references alone.

use crate::session::Session;
use chartrel_core::{
    Code, Refusal, Sha256,
    evidence::Evidence,
    lineage::{self, Demand, Lineage, Verified},
    map,
    stage::Stage,
    statement::{LINEAGE, Reference},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

/// Fetches at most this many attestations at once: GitHub asks clients not to burst.
const AT_ONCE: usize = 8;
/// A release has about twenty attestations; a chain that wants more than this is an attack on our patience.
const LIMIT: usize = 1_000;

/// The verified attestations of a subject with that predicate type; those that do not verify are not evidence.
pub(crate) async fn find(session: &Session, subject: Sha256, predicate_type: &str) -> anyhow::Result<Vec<Evidence>> {
    let bundles = session.github.attestations(&subject, Some(predicate_type)).await?;
    Ok(bundles.iter().filter_map(|bundle| session.verifier.verify(bundle).ok()).collect())
}

/// The newest link of a stage about a subject, and the whole chain below it, fetched but not yet judged.
pub(crate) async fn newest_link(session: &Session, stage: Stage, subject: (&str, Sha256)) -> anyhow::Result<Option<Evidence>> {
    let found = find(session, subject.1, LINEAGE).await?;
    // A writer can post links of their own; those that no allowed signer made do not stand in the way.
    let mut candidates = lineage::newest(&found, stage, subject.0, subject.1).into_iter();
    Ok(candidates.find(|evidence| session.is_trusted(evidence, &stage.overall())).cloned())
}

/// Fetches whatever the chain below a link refers to; the id of the link itself is what the description locates it by.
pub(crate) async fn crawl(session: &Session, newest: Evidence, id: &str) -> anyhow::Result<(Reference, Vec<Evidence>)> {
    let reference = plain_reference(&newest, id.to_owned())?;
    let mut evidence = vec![newest];
    loop {
        let wanted = lineage::wanted(&evidence, &reference);
        if wanted.is_empty() {
            return Ok((reference, evidence));
        }
        let fetched: Vec<Option<Evidence>> =
            stream::iter(wanted).map(|reference| fetch(session, reference)).buffered(AT_ONCE).try_collect().await?;
        let before = evidence.len();
        evidence.extend(fetched.into_iter().flatten());
        // Nothing new: what is still wanted does not exist, and `lineage::verify` names it.
        if evidence.len() == before || evidence.len() > LIMIT {
            return Ok((reference, evidence));
        }
    }
}

/// The verified attestation that a reference names.
pub(crate) async fn fetch(session: &Session, reference: Reference) -> anyhow::Result<Option<Evidence>> {
    let found = find(session, reference.subject, &reference.predicate_type).await?;
    Ok(found.into_iter().find(|evidence| evidence.statement_digest == reference.statement))
}

/// Finds the stage's link by a subject, fetches the chain, and verifies it.
pub(crate) async fn verify(session: &Session, subject: (&str, Sha256), demand: &Demand<'_>, id: &str) -> anyhow::Result<Verified<Lineage>> {
    let newest = newest_link(session, demand.upto, subject).await?.ok_or_else(|| missing(demand.upto, subject))?;
    let (reference, evidence) = crawl(session, newest, id).await?;
    Ok(lineage::verify(demand, &reference, &evidence)?)
}

/// The reference to an attestation that was found rather than signed now.
///
/// GitHub does not tell ids: where none of the known references has it, the bundle is posted again.
pub(crate) async fn reference_of(session: &Session, evidence: &Evidence, known: Option<&Reference>) -> anyhow::Result<Reference> {
    if let Some(known) = known.filter(|known| known.statement == evidence.statement_digest) {
        return Ok(known.clone());
    }
    let id = session.github.store_attestation(&evidence.bundle).await?;
    Ok(plain_reference(evidence, id)?)
}

fn plain_reference(evidence: &Evidence, id: String) -> Result<Reference, Refusal> {
    let subject = evidence
        .statement
        .subject
        .first()
        .and_then(chartrel_core::statement::Subject::sha256)
        .ok_or_else(|| Refusal::new(Code::BundleInvalid, "an attestation has no subject", "run the stage that makes it again"))?;
    Ok(Reference { id, subject, predicate_type: evidence.statement.predicate_type.clone(), statement: evidence.statement_digest })
}

/// The id by which a description locates a stage's link; empty when it does not.
pub(crate) fn located(blocks: &map::Blocks, stage: Stage) -> &str {
    blocks.references.get(&stage.overall()).map_or("", |reference| &reference.id)
}

fn missing(stage: Stage, (name, digest): (&str, Sha256)) -> Refusal {
    let what = format!("`{name}` ({digest}) has no link of stage `{stage}` that verifies");
    Refusal::new(Code::LineageMissingLink, what, format!("run `{stage}` again; nothing can follow what it did not sign"))
}
