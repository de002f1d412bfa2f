//! A proven lineage as a tree: each stage, what it signed, and what that refers to.

use chartrel_core::{
    lineage::Lineage,
    release::LineageDocument,
    stage::{Key, Stage},
};
use std::fmt::Write as _;

/// Draws the chain from the release down to the contribution.
pub(super) fn draw(document: &LineageDocument, lineage: &Lineage) -> String {
    let mut text = format!("{} {}\n", document.tag, document.package_digest);
    let stages: Vec<Stage> = Stage::ALL.into_iter().rev().filter(|stage| lineage.link(*stage).is_some()).collect();
    for (depth, stage) in stages.iter().enumerate() {
        let indent = "   ".repeat(depth);
        let _ = writeln!(text, "{indent}└─ ✓ {} {:<8} {}", stage.number(), stage.verb(), detail(lineage, *stage));
        for key in lineage.references().into_keys().filter(|key| key.stage() == *stage && key.overall_of().is_none()) {
            let _ = writeln!(text, "{indent}   ├─ ✓ {key}{}", conclusion(lineage, &key));
        }
    }
    text
}

fn detail(lineage: &Lineage, stage: Stage) -> String {
    let Some(link) = lineage.link(stage) else { return String::new() };
    let commit = link.git_commit.as_ref().map(|id| format!("commit {}", &id.as_str()[..12]));
    let pulls = (!link.pulls.is_empty()).then(|| link.pulls.iter().map(|number| format!("#{number}")).collect::<Vec<_>>().join(", "));
    let run = link.invocation.rsplit("/runs/").next().map(|run| format!("run {}", run.split('/').next().unwrap_or(run)));
    [commit, pulls, run].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn conclusion(lineage: &Lineage, key: &Key) -> &'static str {
    if lineage.check(key).is_some() { " passed" } else { "" }
}
