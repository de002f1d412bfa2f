//! The tables as files, for whoever wants to see what a rehearsal left.

use super::{checks::check_json, releases::release_json, state::World};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// Writes `pulls.json`, `comments.json`, `checks.json`, `attestations.json`, `releases.json`, `runs.json`, `rulesets.json`, `refs.json`
/// and the assets below `releases/<tag>/`.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn write(world: &World, dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    let pulls = world.pulls.values().map(|pull| world.pull_json(pull)).collect();
    let comments = world.comments.values().map(|one| json!({"id": one.id, "pull": one.number, "user": one.login, "body": one.body}));
    let attestations = world.attestations.iter().map(|one| {
        json!({
            "id": one.id, "subjects": one.subjects, "predicateType": one.predicate_type, "initiator": one.initiator, "bundle": one.bundle,
        })
    });
    let rulesets = world.rulesets.values().map(|one| {
        json!({
            "id": one.id, "name": one.name, "target": one.target, "enforcement": one.enforcement, "bypass_actors": one.bypass_actors,
            "conditions": one.conditions, "rules": one.rules,
        })
    });
    let refs = world.git.refs("refs/")?.into_iter().map(|(name, id)| json!({"ref": name, "sha": id}));
    let tables: [(&str, Vec<Value>); 8] = [
        ("pulls", pulls),
        ("comments", comments.collect()),
        ("checks", world.checks.values().map(|check| check_json(world, check)).collect()),
        ("attestations", attestations.collect()),
        ("releases", world.releases.values().map(|release| release_json(world, release)).collect()),
        ("runs", world.runs.iter().map(serde_json::to_value).collect::<Result<_, _>>()?),
        ("rulesets", rulesets.collect()),
        ("refs", refs.collect()),
    ];
    for (name, table) in tables {
        fs::write(dir.join(format!("{name}.json")), serde_json::to_string_pretty(&table)?)?;
    }
    for release in world.releases.values() {
        let folder = dir.join("releases").join(&release.tag);
        fs::create_dir_all(&folder)?;
        for asset in &release.assets {
            fs::write(folder.join(&asset.name), &asset.content)?;
        }
    }
    Ok(())
}
