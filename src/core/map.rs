//! The two managed blocks of a pull request's description: the attestation map, and the references that bind its ids.
//!
//! They locate evidence and are never the evidence: whoever can edit the description can edit them (C-8).

use crate::{
    digest::Sha256,
    refusal::{Code, Refusal, Result},
    stage::Key,
    statement::Reference,
};
use std::collections::BTreeMap;

mod block;

use block::{Kind, Region};

/// The longest description that GitHub takes, in characters.
const LIMIT: usize = 65_536;

/// The attestation map: key to attestation id, in the form that the Goal fixed.
///
/// Shape: `<!-- ATTESTATION_MAP`, one JSON object of strings, `-->` (MISSION A.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// The ids under keys that chartrel can name.
    pub attestations: BTreeMap<Key, String>,
    /// Entries of others, whose keys are none of chartrel's; they survive every write.
    pub others: BTreeMap<String, String>,
}

impl Map {
    /// SHA-256 of the map as RFC 8785 JSON, without the keys that end in `-overall` (MISSION A.2).
    pub fn digest(&self) -> Sha256 {
        let mut entries: Vec<_> = self.entries().into_iter().filter(|(key, _)| !key.ends_with("-overall")).collect();
        // RFC 8785 §3.2.3 sorts by UTF-16 code units, which differs from byte order outside the basic plane.
        entries.sort_by_cached_key(|(key, _)| key.encode_utf16().collect::<Vec<_>>());
        let fields: Vec<_> = entries.iter().map(|(key, id)| format!("{}:{}", block::quoted(key), block::quoted(id))).collect();
        Sha256::of(format!("{{{}}}", fields.join(",")))
    }

    fn entries(&self) -> BTreeMap<&str, &str> {
        let ours = self.attestations.iter().map(|(key, id)| (key.as_str(), id.as_str()));
        ours.chain(self.others.iter().map(|(key, id)| (key.as_str(), id.as_str()))).collect()
    }
}

/// What both blocks of a description say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocks {
    /// The first block.
    pub map: Map,
    /// The second block: for each key the id again, and the digests by which its attestation is found and recognised.
    pub references: BTreeMap<Key, Reference>,
}

/// Reads both blocks of a description that must have them.
///
/// A map without the second block is read as it stands: its ids then have no references.
///
/// # Errors
/// `map/missing`, `map/malformed`, `map/repeated`, and `map/id-mismatch` when a reference has another id than the map, or none there.
pub fn read(body: &str) -> Result<Blocks> {
    find(body)?.ok_or_else(|| missing("the description has no attestation map").into())
}

/// Reads both blocks of a description that may have none.
///
/// # Errors
/// As [`read`], save that no block at all is `None`.
pub fn find(body: &str) -> Result<Option<Blocks>> {
    let regions = block::regions(body)?;
    if regions.is_empty() {
        return Ok(None);
    }
    if !regions.iter().any(|region| region.kind == Kind::Map) {
        return Err(missing("the description has references, but no attestation map").into());
    }
    let blocks = parse(&regions)?;
    agree(&blocks)?;
    Ok(Some(blocks))
}

/// The description with these attestations entered in both blocks.
///
/// Exactly the keys of `add` are written; text, line ends, other keys and other entries stay. Blocks that are absent are appended.
/// Writing the same twice equals writing it once, and [`canonical`] of the description does not change.
///
/// # Errors
/// `map/malformed` and `map/repeated` (what can't be read isn't overwritten), `map/no-room` when GitHub could not store the result.
pub fn write(body: &str, add: &BTreeMap<Key, Reference>) -> Result<String> {
    let regions = block::regions(body)?;
    if regions.is_empty() && add.is_empty() {
        return Ok(body.to_owned());
    }
    let mut blocks = parse(&regions)?;
    for (key, reference) in add {
        blocks.map.attestations.insert(key.clone(), reference.id.clone());
        blocks.references.insert(key.clone(), reference.clone());
    }
    let mut written = String::with_capacity(body.len() + 4096);
    let mut at = 0;
    for region in &regions {
        written.push_str(body.get(at..region.span.start).unwrap_or_default());
        written.push_str(&region.kind.render(&blocks));
        at = region.span.end;
    }
    written.push_str(body.get(at..).unwrap_or_default());
    for kind in Kind::ALL.into_iter().filter(|kind| regions.iter().all(|region| region.kind != *kind)) {
        append(&mut written, &kind.render(&blocks));
    }
    within_limit(written)
}

/// Both blocks, fresh, for a new description.
pub fn render(references: &BTreeMap<Key, Reference>) -> String {
    let attestations = references.iter().map(|(key, reference)| (key.clone(), reference.id.clone())).collect();
    let blocks = Blocks { map: Map { attestations, ..Map::default() }, references: references.clone() };
    format!("{}\n\n{}", Kind::Map.render(&blocks), Kind::References.render(&blocks))
}

/// The canonical description: managed blocks removed, CRLF turned to LF, blanks at the end of each line and of the text trimmed.
///
/// What the `pr-description` subject is the SHA-256 of (MISSION A.2). A block that can't be read is no block: it stays, and is hashed.
pub fn canonical(body: &str) -> String {
    let mut text = String::with_capacity(body.len());
    let mut at = 0;
    for span in block::spans(body) {
        text.push_str(body.get(at..span.start).unwrap_or_default());
        at = span.end;
    }
    text.push_str(body.get(at..).unwrap_or_default());
    let lines: Vec<_> = text.split('\n').map(|line| line.trim_end_matches([' ', '\t', '\r'])).collect();
    lines.join("\n").trim_end().to_owned()
}

/// SHA-256 of the [`canonical`] description.
pub fn description_digest(body: &str) -> Sha256 {
    Sha256::of(canonical(body))
}

/// References as one line of JSON, as the second block holds them: for a tag's annotation.
pub(crate) fn references_to_line(references: &BTreeMap<Key, Reference>) -> String {
    block::lineage(references).to_string()
}

/// Reads what [`references_to_line`] wrote; the error says why it can't be read.
pub(crate) fn references_from_line(line: &str) -> std::result::Result<BTreeMap<Key, Reference>, String> {
    block::references(line)
}

fn parse(regions: &[Region<'_>]) -> Result<Blocks> {
    let mut blocks = Blocks::default();
    for region in regions {
        region.read_into(&mut blocks)?;
    }
    Ok(blocks)
}

fn agree(blocks: &Blocks) -> Result<()> {
    let differing = blocks.references.iter().filter_map(|(key, reference)| {
        let id = blocks.map.attestations.get(key);
        (id != Some(&reference.id)).then(|| {
            let stands = id.map_or_else(|| "none".to_owned(), |id| format!("`{}`", id.escape_debug()));
            let what = format!("the map's id for `{key}` is {stands}, its reference says `{}`", reference.id.escape_debug());
            Refusal::new(Code::MapIdMismatch, what, "run the stage that signs this key again; it writes both blocks")
        })
    });
    crate::Refused::unless_empty(differing.collect())
}

fn append(body: &mut String, block: &str) {
    if !body.is_empty() {
        let ends = body.bytes().rev().filter(|b| *b != b'\r').take_while(|b| *b == b'\n').count();
        body.push_str("\n".repeat(2_usize.saturating_sub(ends)).as_str());
    }
    body.push_str(block);
    body.push('\n');
}

fn within_limit(body: String) -> Result<String> {
    let length = body.chars().count();
    if length <= LIMIT {
        return Ok(body);
    }
    let what = format!("with the attestation map the description has {length} characters, and GitHub takes {LIMIT}");
    Err(Refusal::new(Code::MapNoRoom, what, "shorten the text of the description, then run the stage again").into())
}

fn missing(what: &str) -> Refusal {
    Refusal::new(Code::MapMissing, what, "run `validate` for this pull request again; it writes the map")
}

#[cfg(test)]
mod tests;
