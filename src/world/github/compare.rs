//! Differences between commits: changed files, and the comparison of two names.
//!
//! Source: GitHub docs, "Compare two commits"; three dots: from the merge base to the head.

use super::{
    call::{Answer, Body, Call, Failure, Outcome},
    encode,
    state::World,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most files an answer lists (github.md §1 has 3,000 for pull requests; a comparison shows 300).
const MOST_FILES: usize = 300;

/// The empty tree, what a first commit is held against.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// `GET /compare/{basehead}`: `base...head`, or `base..head` for the plain difference.
pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let text = call.parameter("basehead");
    let (base_name, head_name) = text.split_once("...").or_else(|| text.split_once("..")).ok_or_else(Failure::not_found)?;
    let commit = |name: &str| -> Result<_, Failure> {
        let own = name.strip_prefix(&format!("{}:", world.options.owner())).unwrap_or(name);
        let id = world.git.commit_id(own)?.ok_or_else(Failure::not_found)?;
        world.git.commit(&id)?.ok_or_else(Failure::not_found)
    };
    let (base, head) = (commit(base_name)?, commit(head_name)?);
    if call.accept.contains("diff") {
        let diff = world.git.run(&["diff", &format!("{}...{}", base.id, head.id)])?;
        return Ok(Answer {
            status: 200,
            body: Body::Bytes("application/vnd.github.diff; charset=utf-8", diff.into_bytes()),
            headers: vec![],
        });
    }
    let merge_base = world.git.merge_base(&base.id, &head.id)?;
    let merge_base = merge_base.ok_or_else(|| Failure::new(404, &format!("No common ancestor between {base_name} and {head_name}.")))?;
    let (ahead, behind) = (world.git.commits_between(&base.id, &head.id)?, world.git.commits_between(&head.id, &base.id)?);
    let status = match (ahead.len(), behind.len()) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let shown = |id: &str| -> anyhow::Result<Value> { Ok(world.git.commit(id)?.map_or(Value::Null, |commit| world.commit_json(&commit))) };
    let mut files = changed_files(world, Some(&merge_base), &head.id)?;
    files.truncate(MOST_FILES);
    let page = world.repository_page(&format!("compare/{}", encode::path(text)));
    let per_page = if call.query("per_page").is_some() { call.per_page() } else { 250 };
    let first = call.query("page").and_then(|page| page.parse::<usize>().ok()).unwrap_or(1).max(1) - 1;
    let commits = ahead.iter().skip(first * per_page).take(per_page).map(|id| shown(id)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Answer::json(
        200,
        json!({
            "url": world.repository_api(&format!("compare/{}", encode::path(text))), "html_url": page, "permalink_url": page,
            "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"), "status": status,
            "base_commit": world.commit_json(&base), "merge_base_commit": shown(&merge_base)?,
            "ahead_by": ahead.len(), "behind_by": behind.len(), "total_commits": ahead.len(), "commits": commits, "files": files,
        }),
    ))
}

/// The files that differ between two commits, `diff-entry` of the description.
///
/// # Errors
/// When git fails.
pub(super) fn changed_files(world: &World, base: Option<&str>, head: &str) -> anyhow::Result<Vec<Value>> {
    let base = base.unwrap_or(EMPTY_TREE);
    let listed = world.git.run(&["diff-tree", "-r", "-z", "-M", "--raw", "--numstat", base, head])?;
    let mut fields = listed.split('\0').peekable();
    let mut changes = Vec::new();
    let mut lines = BTreeMap::new();
    while let Some(field) = fields.next() {
        if let Some(raw) = field.strip_prefix(':') {
            let words: Vec<&str> = raw.split(' ').collect();
            let &[_, _, old, new, status] = words.as_slice() else { continue };
            let is_move = status.starts_with(['R', 'C']);
            let first = fields.next().unwrap_or_default();
            let (previous, name) = if is_move { (Some(first), fields.next().unwrap_or_default()) } else { (None, first) };
            changes.push((status, previous, name, if status == "D" { old } else { new }));
        } else if let [added, removed, name] = field.splitn(3, '\t').collect::<Vec<_>>().as_slice() {
            // A rename has an empty name here, then both names as fields of their own.
            let name = if name.is_empty() { fields.nth(1).unwrap_or_default() } else { name };
            lines.insert(name, (added.parse::<u64>().unwrap_or(0), removed.parse::<u64>().unwrap_or(0)));
        }
    }
    let shown = changes.into_iter().map(|(status, previous, name, id)| {
        let (added, removed) = lines.get(name).copied().unwrap_or_default();
        let place = format!("{head}/{}", encode::path(name));
        let mut entry = json!({
            "sha": id, "filename": name, "status": word(status), "additions": added, "deletions": removed, "changes": added + removed,
            "blob_url": world.repository_page(&format!("blob/{place}")), "raw_url": world.repository_page(&format!("raw/{place}")),
            "contents_url": world.repository_api(&format!("contents/{}?ref={head}", encode::path(name))),
        });
        if let (Some(fields), Some(previous)) = (entry.as_object_mut(), previous) {
            fields.insert("previous_filename".into(), previous.into());
        }
        entry
    });
    Ok(shown.collect())
}

/// Git's letter in the API's word.
fn word(status: &str) -> &'static str {
    match status.chars().next() {
        Some('A') => "added",
        Some('D') => "removed",
        Some('R') => "renamed",
        Some('C') => "copied",
        Some('T') => "changed",
        _ => "modified",
    }
}

/// Sums over changed files.
pub(super) fn stats(files: &[Value]) -> Value {
    let (additions, deletions) = (sum(files, "additions"), sum(files, "deletions"));
    json!({"additions": additions, "deletions": deletions, "total": additions + deletions})
}

/// The sum of one number over changed files.
pub(super) fn sum(files: &[Value], key: &str) -> u64 {
    files.iter().filter_map(|file| file.get(key).and_then(Value::as_u64)).sum()
}
