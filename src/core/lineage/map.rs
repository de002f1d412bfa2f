//! The attestation map of a pull request against the signed references: a locator that leads elsewhere is refused (M-092).

use super::Lineage;
use crate::{
    map::Blocks,
    refusal::{Code, Refusal},
    stage::Key,
    statement::Reference,
};

/// Every required check stands in the map, and what the map says of any key of the lineage is what was signed.
pub fn map_agrees(lineage: &Lineage, blocks: &Blocks) -> Vec<Refusal> {
    let mut refusals: Vec<Refusal> = Vec::new();
    for (key, signed) in lineage.references() {
        let stated = (blocks.map.attestations.get(&key), blocks.references.get(&key));
        let is_required = lineage.required.contains(&key);
        match stated {
            (None, None) if !is_required => {}
            (Some(id), Some(reference)) => refusals.extend(differs(&key, &signed, id, reference)),
            (None, _) => refusals.push(missing(&key, "in the attestation map")),
            (_, None) => refusals.push(missing(&key, "among the references beside the map")),
        }
    }
    refusals
}

fn differs(key: &Key, signed: &Reference, id: &str, reference: &Reference) -> Option<Refusal> {
    // The newest link was found by its subject: nothing signed says its id yet.
    let is_same_id = signed.id.is_empty() || (id == signed.id && reference.id == signed.id);
    if is_same_id && reference.statement == signed.statement && reference.predicate_type == signed.predicate_type {
        return None;
    }
    let what = format!(
        "the map says `{key}` is `{}` ({}), signed is `{}` ({})",
        id.escape_debug(),
        reference.statement,
        signed.id.escape_debug(),
        signed.statement
    );
    Some(Refusal::new(Code::MapIdMismatch, what, "run the stage before this one again; it writes the map anew from what is signed"))
}

fn missing(key: &Key, place: &str) -> Refusal {
    let what = format!("`{key}` does not stand {place} of the description");
    Refusal::new(Code::MapMissingKey, what, "run the stage before this one again; it writes the map anew from what is signed")
}
