//! Filter decides which charts leave `integration` for a branch of their own; it never moves two charts together.

use crate::name::{ChartFolder, ObjectId};

/// What was read of one chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The chart's folder.
    pub folder: ChartFolder,
    /// Its tree at the tip of `integration`.
    pub at_integration: ObjectId,
    /// Its tree at the tip of `main`, if it is there.
    pub at_main: Option<ObjectId>,
    /// Its tree on the chart branch, if there is one.
    pub at_chart_branch: Option<ObjectId>,
    /// Its tree on the sync branch, if there is one whose head has a link of filter.
    pub at_sync_branch: Option<ObjectId>,
    /// Whether a pull request from the sync branch is open.
    pub is_open: bool,
    /// Whether the chart's commit on `integration` has gone through filter and enforce before.
    pub is_taken: bool,
}

/// What happens to one chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// `main` holds what `integration` holds: no contribution, or what a back-merge left.
    Released,
    /// The chart branch holds it already: enforce merged it.
    Merged,
    /// The pull request is open with this content: only enforce is to be started.
    Waiting,
    /// The chart goes to its sync branch, and a pull request is opened or moved.
    Move,
}

/// Decides for one chart, by content alone: a run that was dropped or killed is made up for by the next.
pub fn decide(facts: &Facts) -> Decision {
    let here = Some(&facts.at_integration);
    if facts.at_main.as_ref() == here {
        Decision::Released
    } else if facts.is_open && facts.at_sync_branch.as_ref() == here {
        Decision::Waiting
    } else if facts.is_taken || (facts.at_chart_branch.as_ref() == here && !facts.is_open) {
        Decision::Merged
    } else {
        Decision::Move
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(digit: char) -> ObjectId {
        digit.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn content_decides_what_happens_to_a_chart() {
        let new = Facts {
            folder: "nginx".parse().unwrap(),
            at_integration: tree('1'),
            at_main: Some(tree('0')),
            at_chart_branch: None,
            at_sync_branch: None,
            is_open: false,
            is_taken: false,
        };
        for (facts, expected) in [
            (new.clone(), Decision::Move),
            (Facts { at_main: None, ..new.clone() }, Decision::Move),
            (Facts { at_main: Some(tree('1')), ..new.clone() }, Decision::Released),
            (Facts { at_sync_branch: Some(tree('1')), is_open: true, ..new.clone() }, Decision::Waiting),
            (Facts { at_sync_branch: Some(tree('1')), is_open: false, ..new.clone() }, Decision::Move),
            (Facts { at_sync_branch: Some(tree('2')), is_open: true, ..new.clone() }, Decision::Move),
            (Facts { at_chart_branch: Some(tree('1')), ..new.clone() }, Decision::Merged),
            (Facts { at_chart_branch: Some(tree('3')), is_taken: true, ..new.clone() }, Decision::Merged),
        ] {
            assert_eq!(decide(&facts), expected, "{facts:?}");
        }
    }
}
