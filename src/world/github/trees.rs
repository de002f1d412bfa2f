//! Trees of the Git Data API: reading, and grafting entries onto a base tree.
//!
//! Source: GitHub docs, "REST API endpoints for Git trees".

use super::{
    call::{Answer, Call, Failure, Outcome},
    git::Git,
    objects::Entry,
    state::World,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A recursive listing is cut here (github.md §1).
const MOST_ENTRIES: usize = 100_000;

#[derive(Deserialize)]
struct Creation {
    tree: Vec<Graft>,
    base_tree: Option<String>,
}

/// One entry of a new tree: an object's id, text to store, or `null` to delete.
#[derive(Deserialize)]
struct Graft {
    path: Option<String>,
    mode: Option<String>,
    r#type: Option<String>,
    #[serde(default)]
    sha: Named,
    content: Option<String>,
}

/// The id of an entry: `null` is not the same as none.
#[derive(Default)]
enum Named {
    #[default]
    Absent,
    Null,
    Id(String),
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map_or(Self::Null, Self::Id))
    }
}

/// A path in segments, and what comes there; `None` deletes.
type Change<'a> = (Vec<&'a str>, Option<Entry>);

/// `GET /git/trees/{tree_sha}`: any name of a tree; `recursive`, whatever its value, descends.
pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let name = call.parameter("tree_sha");
    let commit = world.git.commit_id(name)?;
    let id = world.git.read(&format!("{}^{{tree}}", commit.as_deref().unwrap_or(name)))?.ok_or_else(Failure::not_found)?.id;
    let is_recursive = call.query.iter().any(|(key, _)| key == "recursive");
    let mut entries = Vec::new();
    list(world, &id, ("", is_recursive), &mut entries)?;
    let is_truncated = entries.len() > MOST_ENTRIES;
    entries.truncate(MOST_ENTRIES);
    Ok(Answer::json(200, tree_json(world, &id, (entries, is_truncated))))
}

/// `POST /git/trees`.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let wanted: Creation = call.body()?;
    if wanted.tree.is_empty() {
        return Err(Failure::unprocessable("Invalid tree info"));
    }
    let mut grafts = Vec::new();
    for graft in &wanted.tree {
        grafts.push((path_of(graft)?, entry_of(&world.git, graft)?));
    }
    if let Some(base) = &wanted.base_tree
        && world.git.tree(base)?.is_none()
    {
        return Err(Failure::unprocessable("base_tree is not a valid tree oid"));
    }
    let entries = grafted(&world.git, wanted.base_tree.as_deref(), &grafts)?;
    if entries.is_empty() {
        return Err(Failure::unprocessable("Invalid tree info"));
    }
    let id = world.git.write_tree(&entries)?;
    let mut listed = Vec::new();
    list(world, &id, ("", false), &mut listed)?;
    Ok(Answer::created(tree_json(world, &id, (listed, false))))
}

fn path_of(graft: &Graft) -> Result<Vec<&str>, Failure> {
    let path: Vec<&str> = graft.path.as_deref().unwrap_or_default().split('/').collect();
    let is_bad = path.iter().any(|name| matches!(*name, "" | "." | "..") || name.eq_ignore_ascii_case(".git"));
    if is_bad {
        return Err(Failure::unprocessable("tree.path contains a malformed path component"));
    }
    Ok(path)
}

/// The object an entry names, checked for existence and kind; `None` deletes.
fn entry_of(git: &Git, graft: &Graft) -> Result<Option<Entry>, Failure> {
    let mode = graft.mode.as_deref().unwrap_or_default();
    let wrong_mode = || Failure::unprocessable(&format!("tree.mode `{mode}` does not fit"));
    let id = match (&graft.sha, &graft.content) {
        (Named::Null, None) => return Ok(None),
        (Named::Id(id), None) => id.clone(),
        (Named::Absent, Some(content)) => git.write("blob", content.as_bytes())?,
        _ => return Err(Failure::unprocessable("Must supply either tree.sha or tree.content, not both or none")),
    };
    let expected = match mode {
        "100644" | "100755" | "120000" => "blob",
        "040000" => "tree",
        "160000" => "commit",
        _ => return Err(wrong_mode()),
    };
    if graft.r#type.as_deref().is_some_and(|kind| kind != expected) {
        return Err(wrong_mode());
    }
    let found = git.read(&id)?.filter(|object| object.id == id && object.kind == expected);
    // A submodule's commit lives in another repository.
    if found.is_none() && expected != "commit" {
        return Err(Failure::unprocessable(&format!("tree.sha {id} is not a valid {expected}")));
    }
    Ok(Some(Entry { mode: mode.trim_start_matches('0').to_owned(), id }))
}

/// The entries of `base` with the grafts applied; folders that become empty go.
fn grafted(git: &Git, base: Option<&str>, grafts: &[Change]) -> Result<BTreeMap<String, Entry>, Failure> {
    let mut entries = match base {
        Some(base) => git.tree(base)?.unwrap_or_default(),
        None => BTreeMap::new(),
    };
    let mut below: BTreeMap<&str, Vec<Change>> = BTreeMap::new();
    for (path, entry) in grafts {
        match (path.as_slice(), entry) {
            ([name], Some(entry)) => {
                entries.insert((*name).to_owned(), entry.clone());
            }
            ([name], None) => {
                if entries.remove(*name).is_none() {
                    return Err(Failure::unprocessable("GitRPC::BadObjectState"));
                }
            }
            ([name, rest @ ..], entry) => below.entry(name).or_default().push((rest.to_vec(), entry.clone())),
            ([], _) => {}
        }
    }
    for (name, grafts) in below {
        let folder = entries.get(name).filter(|entry| entry.is_tree()).map(|entry| entry.id.clone());
        let inside = grafted(git, folder.as_deref(), &grafts)?;
        if inside.is_empty() {
            entries.remove(name);
        } else {
            entries.insert(name.to_owned(), Entry { mode: "40000".to_owned(), id: git.write_tree(&inside)? });
        }
    }
    Ok(entries)
}

/// Collects a tree's entries in git's order; `place` is the path so far and whether to descend.
fn list(world: &World, id: &str, place: (&str, bool), found: &mut Vec<Value>) -> anyhow::Result<()> {
    let (prefix, is_recursive) = place;
    for (name, entry) in world.git.tree(id)?.unwrap_or_default() {
        if found.len() > MOST_ENTRIES {
            return Ok(());
        }
        let path = format!("{prefix}{name}");
        let kind = entry.kind();
        let mut shown = json!({"path": path, "mode": format!("{:0>6}", entry.mode), "type": kind, "sha": entry.id});
        if let (Some(fields), true) = (shown.as_object_mut(), kind != "commit") {
            fields.insert("url".into(), world.repository_api(&format!("git/{kind}s/{}", entry.id)).into());
        }
        if let (Some(fields), "blob") = (shown.as_object_mut(), kind) {
            let size = world.git.read(&entry.id)?.map(|object| object.body.len());
            fields.insert("size".into(), size.into());
        }
        found.push(shown);
        if is_recursive && entry.is_tree() {
            list(world, &entry.id, (&format!("{path}/"), true), found)?;
        }
    }
    Ok(())
}

fn tree_json(world: &World, id: &str, listed: (Vec<Value>, bool)) -> Value {
    let (entries, is_truncated) = listed;
    json!({"sha": id, "url": world.repository_api(&format!("git/trees/{id}")), "tree": entries, "truncated": is_truncated})
}
