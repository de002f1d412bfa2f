//! One managed block: where it stands in a description, how it is read, how it is written.

use super::Blocks;
use crate::{
    refusal::{Code, Refusal, Result},
    stage::Key,
    statement::Reference,
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt, marker::PhantomData, ops::Range};

/// The version of the second block that this chartrel writes and reads.
const VERSION: u64 = 1;

/// The two kinds of managed blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Key to id.
    Map,
    /// Key to reference.
    References,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Map, Self::References];

    const fn marker(self) -> &'static str {
        match self {
            Self::Map => "ATTESTATION_MAP",
            Self::References => "CHARTREL_LINEAGE",
        }
    }

    /// The block as it is written: sorted, and inert whatever the values hold.
    pub(super) fn render(self, blocks: &Blocks) -> String {
        let json = match self {
            Self::Map => serde_json::to_string_pretty(&blocks.map.entries()),
            Self::References => serde_json::to_string_pretty(&lineage(&blocks.references)),
        };
        // Inside JSON, `<` and `>` stand in strings alone; escaped, no value can end the comment or open a second block.
        let json = json.unwrap_or_default().replace('<', "\\u003c").replace('>', "\\u003e");
        format!("<!-- {}\n{json}\n-->", self.marker())
    }
}

/// A block that was found: its kind, where it stands, and the JSON inside.
#[derive(Debug)]
pub(super) struct Region<'a> {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
    json: &'a str,
}

impl Region<'_> {
    /// Reads the block's entries.
    pub(super) fn read_into(&self, blocks: &mut Blocks) -> Result<()> {
        let malformed = |error: serde_json::Error| malformed(self.kind, &error.to_string());
        match self.kind {
            Kind::Map => {
                let Unique(entries) = serde_json::from_str::<Unique<String>>(self.json).map_err(malformed)?;
                for (key, id) in entries {
                    match key.parse::<Key>() {
                        Ok(key) => blocks.map.attestations.insert(key, id),
                        Err(_) => blocks.map.others.insert(key, id),
                    };
                }
            }
            Kind::References => {
                let references = references(self.json).map_err(|why| super::block::malformed(self.kind, &why))?;
                blocks.references.extend(references);
            }
        }
        Ok(())
    }
}

/// The JSON of the second block.
pub(super) fn lineage(references: &BTreeMap<Key, Reference>) -> serde_json::Value {
    serde_json::json!({"version": VERSION, "attestations": references})
}

/// Reads the JSON of the second block; the error says why it can't be read.
pub(super) fn references(json: &str) -> std::result::Result<BTreeMap<Key, Reference>, String> {
    let lineage = serde_json::from_str::<Lineage>(json).map_err(|error| error.to_string())?;
    if lineage.version != VERSION {
        return Err(format!("its version is {}, and this chartrel reads {VERSION}", lineage.version));
    }
    let entries = lineage.attestations.0.into_iter();
    entries.map(|(key, reference)| Ok((key.parse::<Key>().map_err(|refusal| refusal.what)?, reference))).collect()
}

/// Finds the blocks of a description, each kind at most once, in the order they stand.
///
/// # Errors
/// `map/malformed` when what follows a marker is not JSON and `-->`; `map/repeated` when a kind stands twice.
pub(super) fn regions(body: &str) -> Result<Vec<Region<'_>>> {
    let mut regions: Vec<Region<'_>> = Vec::new();
    let mut at = 0;
    while let Some((kind, span)) = next_marker(body, at) {
        let region = region(body, kind, &span).map_err(|why| malformed(kind, &why))?;
        if regions.iter().any(|other| other.kind == kind) {
            let what = format!("the description has more than one `{}` block", kind.marker());
            return Err(Refusal::new(Code::MapRepeated, what, "delete all of them but the one that chartrel wrote").into());
        }
        at = region.span.end;
        regions.push(region);
    }
    Ok(regions)
}

/// Where readable blocks stand, however many there are.
pub(super) fn spans(body: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut at = 0;
    while let Some((kind, span)) = next_marker(body, at) {
        at = span.end;
        if let Ok(region) = region(body, kind, &span) {
            at = region.span.end;
            spans.push(region.span);
        }
    }
    spans
}

/// A JSON string as RFC 8785 §3.2.2.2 writes it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The next `<!-- MARKER` at or after `from`: its kind, and the bytes from `<!--` to the end of the marker.
fn next_marker(body: &str, from: usize) -> Option<(Kind, Range<usize>)> {
    let mut at = from;
    loop {
        let start = at + body.get(at..)?.find("<!--")?;
        let inside = body.get(start + 4..)?;
        let word = inside.trim_start();
        let found = Kind::ALL.into_iter().find(|kind| {
            let rest = word.strip_prefix(kind.marker());
            rest.is_some_and(|rest| rest.chars().next().is_none_or(|next| !next.is_alphanumeric() && next != '_'))
        });
        if let Some(kind) = found {
            return Some((kind, start..start + 4 + (inside.len() - word.len()) + kind.marker().len()));
        }
        at = start + 4;
    }
}

/// The block whose marker stands at `marker`: one JSON value, then `-->`.
///
/// The JSON is read as JSON, so a `-->` inside a string of a map that others wrote does not end the block.
fn region<'a>(body: &'a str, kind: Kind, marker: &Range<usize>) -> std::result::Result<Region<'a>, String> {
    let rest = body.get(marker.end..).unwrap_or_default();
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&'a RawValue>();
    let json = match values.next() {
        Some(Ok(value)) => value.get(),
        Some(Err(error)) => return Err(error.to_string()),
        None => return Err("it is empty".to_owned()),
    };
    let end = marker.end + values.byte_offset();
    let tail = body.get(end..).unwrap_or_default();
    let close = tail.trim_start();
    if close.starts_with("-->") {
        Ok(Region { kind, span: marker.start..end + (tail.len() - close.len()) + 3, json })
    } else {
        Err("no `-->` follows its JSON".to_owned())
    }
}

fn malformed(kind: Kind, why: &str) -> Refusal {
    let what = format!("the `{}` block can't be read: {why}", kind.marker());
    Refusal::new(Code::MapMalformed, what, "restore the block from the description's edit history, or delete it and run `validate` again")
}

/// The second block.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lineage {
    version: u64,
    attestations: Unique<Reference>,
}

/// A JSON object in which no key stands twice; serde would take the last one silently.
struct Unique<T>(BTreeMap<String, T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Unique<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueVisitor(PhantomData))
    }
}

struct UniqueVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for UniqueVisitor<T> {
    type Value = Unique<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> std::result::Result<Self::Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((key, value)) = access.next_entry::<String, T>()? {
            if entries.insert(key.clone(), value).is_some() {
                return Err(serde::de::Error::custom(format!("the key `{}` stands twice", key.escape_debug())));
            }
        }
        Ok(Unique(entries))
    }
}
