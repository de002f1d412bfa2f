//! Validate decides which charts a push or a pull request contributes; what a back-merge leaves is no contribution.

use crate::name::{ChartFolder, ObjectId};
use std::collections::BTreeMap;

/// The trees of the chart folders at one commit.
pub type Trees = BTreeMap<ChartFolder, ObjectId>;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The charts where the range begins.
    pub before: Trees,
    /// The charts where it ends.
    pub after: Trees,
    /// The charts at the tip of `main`.
    pub main: Trees,
    /// Paths of the range that belong to no chart.
    pub elsewhere: Vec<String>,
}

/// What is to be checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// The charts that the contribution adds or changes, sorted.
    pub charts: Vec<ChartFolder>,
    /// The charts that it removes: they are not released, their versions stay published.
    pub removed: Vec<ChartFolder>,
    /// Files that belong to no chart; they go their own way to `main` (M-296).
    pub elsewhere: Vec<String>,
}

/// Decides by the trees of the chart folders: exact for merges, squashes and pushes of many commits (C-48).
pub fn decide(facts: Facts) -> Decision {
    let is_new =
        |(folder, tree): &(&ChartFolder, &ObjectId)| facts.before.get(*folder) != Some(*tree) && facts.main.get(*folder) != Some(*tree);
    let charts = facts.after.iter().filter(is_new).map(|(folder, _)| folder.clone()).collect();
    let removed = facts.before.keys().filter(|folder| !facts.after.contains_key(*folder)).cloned().collect();
    Decision { charts, removed, elsewhere: facts.elsewhere }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trees(rows: &[(&str, char)]) -> Trees {
        rows.iter().map(|(folder, digit)| (folder.parse().unwrap(), digit.to_string().repeat(40).parse().unwrap())).collect()
    }

    fn names(charts: &[ChartFolder]) -> Vec<&str> {
        charts.iter().map(ChartFolder::as_str).collect()
    }

    #[test]
    fn what_changed_and_is_not_released_is_checked() {
        let facts = Facts {
            before: trees(&[("same", '1'), ("changed", '1'), ("gone", '1'), ("back", '1')]),
            after: trees(&[("same", '1'), ("changed", '2'), ("added", '1'), ("back", '2')]),
            main: trees(&[("same", '0'), ("back", '2')]),
            elsewhere: vec!["README.md".into()],
        };
        let decision = decide(facts);
        assert_eq!(names(&decision.charts), ["added", "changed"]);
        assert_eq!(names(&decision.removed), ["gone"]);
        assert_eq!(decision.elsewhere, ["README.md"]);
    }
}
