//! The bytes of commits and tags, rebuilt from what the API says of them; a guess counts only if its SHA-1 comes out right.

use chartrel_core::{
    name::ObjectId,
    object::{Kind, RawObject},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// Who and when, as the API has it: the time zone that git stored is lost.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Person {
    pub name: String,
    pub email: String,
    pub date: DateTime<Utc>,
}

/// What the API says of an object's signature.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Signed {
    #[serde(default)]
    pub signature: Option<String>,
    #[serde(default)]
    pub payload: Option<String>,
}

/// The parts of a commit.
pub(super) struct CommitParts<'a> {
    pub tree: &'a ObjectId,
    pub parents: &'a [ObjectId],
    pub author: &'a Person,
    pub committer: &'a Person,
    pub message: &'a str,
    pub signed: &'a Signed,
}

/// The parts of a tag of a commit.
pub(super) struct TagParts<'a> {
    pub object: &'a ObjectId,
    pub kind: &'a str,
    pub tag: &'a str,
    pub tagger: &'a Person,
    pub message: &'a str,
    pub signed: &'a Signed,
}

/// The raw commit of that id, if it can be rebuilt.
///
/// A signed commit's payload is exact. For others the time zone (every quarter of an hour from -12 to +14, one for both people) and the
/// message's last line end, which the API drops, are tried.
pub(super) fn commit(id: &ObjectId, parts: &CommitParts<'_>) -> Option<RawObject> {
    if let (Some(payload), Some(signature)) = (&parts.signed.payload, &parts.signed.signature) {
        return signed_commits(payload, signature).find_map(|body| matching(Kind::Commit, body, id));
    }
    let parents: String = parts.parents.iter().flat_map(|parent| ["parent ", parent.as_str(), "\n"]).collect();
    guesses(parts.message).find_map(|(zone, message)| {
        let author = stamp(parts.author, zone);
        let committer = stamp(parts.committer, zone);
        let text = format!("tree {}\n{parents}author {author}\ncommitter {committer}\n\n{message}", parts.tree);
        matching(Kind::Commit, text.into_bytes(), id)
    })
}

/// The raw tag object of that id, if it can be rebuilt.
pub(super) fn tag(id: &ObjectId, parts: &TagParts<'_>) -> Option<RawObject> {
    if let (Some(payload), Some(signature)) = (&parts.signed.payload, &parts.signed.signature) {
        return matching(Kind::Tag, format!("{payload}{signature}").into_bytes(), id);
    }
    guesses(parts.message).find_map(|(zone, message)| {
        let tagger = stamp(parts.tagger, zone);
        let text = format!("object {}\ntype {}\ntag {}\ntagger {tagger}\n\n{message}", parts.object, parts.kind, parts.tag);
        matching(Kind::Tag, text.into_bytes(), id)
    })
}

fn matching(kind: Kind, body: Vec<u8>, id: &ObjectId) -> Option<RawObject> {
    let object = RawObject::new(kind, body);
    object.digest_as(id).is_ok().then_some(object)
}

/// Where git and GitHub put the `gpgsig` header: after the others; with or without an empty line at its end.
fn signed_commits<'a>(payload: &'a str, signature: &'a str) -> impl Iterator<Item = Vec<u8>> + 'a {
    let bare = signature.trim_end_matches('\n');
    let endings = ["", "\n", "\n\n"];
    endings.into_iter().filter_map(move |ending| {
        let (headers, message) = payload.split_once("\n\n")?;
        let folded = format!("{bare}{ending}").replace('\n', "\n ");
        Some(format!("{headers}\ngpgsig {folded}\n\n{message}").into_bytes())
    })
}

/// Minutes east of UTC with each form of the message: UTC first, as GitHub writes itself.
fn guesses(message: &str) -> impl Iterator<Item = (i32, String)> + '_ {
    let zones = std::iter::once(0).chain((-12 * 4..=14 * 4).map(|quarter| quarter * 15).filter(|zone| *zone != 0));
    zones.flat_map(move |zone| [(zone, message.to_owned()), (zone, format!("{message}\n"))])
}

fn stamp(person: &Person, zone: i32) -> String {
    let sign = if zone < 0 { '-' } else { '+' };
    let (hours, minutes) = (zone.abs() / 60, zone.abs() % 60);
    format!("{} <{}> {} {sign}{hours:02}{minutes:02}", person.name, person.email, person.date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(date: &str) -> Person {
        Person { name: "Ada".into(), email: "ada@example.com".into(), date: date.parse().unwrap() }
    }

    fn id(body: &str) -> ObjectId {
        RawObject::new(Kind::Commit, body.into()).id().unwrap()
    }

    const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    #[test]
    fn an_unsigned_commit_is_rebuilt_whatever_its_zone_and_last_line_end() {
        let tree: ObjectId = TREE.parse().unwrap();
        let (author, committer) = (person("2026-11-01T10:00:00Z"), person("2026-11-01T10:00:05Z"));
        let unsigned = Signed::default();
        for zone in ["+0000", "+0200", "-0730", "+0545"] {
            for end in ["", "\n"] {
                let (first, second) = (author.date.timestamp(), committer.date.timestamp());
                let who = "Ada <ada@example.com>";
                let body =
                    format!("tree {TREE}\nparent {TREE}\nauthor {who} {first} {zone}\ncommitter {who} {second} {zone}\n\nfeat: x{end}");
                let parts = CommitParts {
                    tree: &tree,
                    parents: std::slice::from_ref(&tree),
                    author: &author,
                    committer: &committer,
                    message: "feat: x",
                    signed: &unsigned,
                };
                let raw = commit(&id(&body), &parts).unwrap();
                assert_eq!(raw.body(), body.as_bytes());
                assert!(commit(&tree, &parts).is_none());
            }
        }
    }

    #[test]
    fn a_signed_commit_is_rebuilt_from_payload_and_signature() {
        let tree: ObjectId = TREE.parse().unwrap();
        let someone = person("2026-11-01T10:00:00Z");
        let head = format!("tree {TREE}\nauthor A <a@b> 1 +0000\ncommitter G <g@h> 1 +0000");
        let payload = format!("{head}\n\nmerge\n\nbody");
        let signature = "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n";
        for fold in [
            "gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n",
            "gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n \n",
        ] {
            let body = format!("{head}\n{fold}\nmerge\n\nbody");
            let signed = Signed { signature: Some(signature.into()), payload: Some(payload.clone()) };
            let parts =
                CommitParts { tree: &tree, parents: &[], author: &someone, committer: &someone, message: "merge\n\nbody", signed: &signed };
            assert_eq!(commit(&id(&body), &parts).unwrap().body(), body.as_bytes());
        }
    }
}
