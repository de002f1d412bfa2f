//! Format decides whether the chart branch gets its pull request to `main`; it never opens a second one.

use crate::name::{ChartFolder, ObjectId};

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The chart whose branch is the base of the pull request that was named; `None` when it is no chart branch.
    pub folder: Option<ChartFolder>,
    /// The merge commit of that pull request, if it is merged.
    pub merge_commit: Option<ObjectId>,
    /// The head of the chart branch, if it is there.
    pub chart_head: Option<ObjectId>,
    /// Whether the head of the chart branch is a bump on top of the merge commit.
    pub is_bumped: bool,
    /// The number of the open pull request from the chart branch to `main`, if there is one.
    pub open: Option<u64>,
    /// Whether that pull request's map has format's link for this merge commit.
    pub is_recorded: bool,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing, and why.
    Nothing(&'static str),
    /// The pull request is there and recorded; bump may still have to be started.
    Opened(u64),
    /// Open the pull request, or bring the open one up to date.
    Open,
}

/// Decides from the state of the branch, not from the event.
pub fn decide(facts: &Facts) -> Decision {
    if facts.folder.is_none() {
        return Decision::Nothing("the base is no chart branch");
    }
    let (Some(merge), Some(head)) = (&facts.merge_commit, &facts.chart_head) else {
        return Decision::Nothing("the pull request is not merged, or its chart branch is gone");
    };
    if facts.is_bumped && facts.open.is_some() {
        return Decision::Nothing("the version is set already");
    }
    if merge != head {
        return Decision::Nothing("a newer merge has overtaken it");
    }
    match facts.open {
        Some(number) if facts.is_recorded => Decision::Opened(number),
        _ => Decision::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pull_request_is_opened_and_brought_up_to_date() {
        let (merge, other): (ObjectId, ObjectId) = ("1".repeat(40).parse().unwrap(), "2".repeat(40).parse().unwrap());
        let new = Facts {
            folder: Some("nginx".parse().unwrap()),
            merge_commit: Some(merge.clone()),
            chart_head: Some(merge),
            is_bumped: false,
            open: None,
            is_recorded: false,
        };
        for (facts, expected) in [
            (new.clone(), Decision::Open),
            (Facts { open: Some(7), ..new.clone() }, Decision::Open),
            (Facts { open: Some(7), is_recorded: true, ..new.clone() }, Decision::Opened(7)),
            (Facts { chart_head: Some(other.clone()), ..new.clone() }, Decision::Nothing("a newer merge has overtaken it")),
            (
                Facts { chart_head: Some(other), is_bumped: true, open: Some(7), ..new.clone() },
                Decision::Nothing("the version is set already"),
            ),
            (Facts { folder: None, ..new.clone() }, Decision::Nothing("the base is no chart branch")),
        ] {
            assert_eq!(decide(&facts), expected, "{facts:?}");
        }
        let unmerged = Facts { merge_commit: None, ..new };
        assert!(matches!(decide(&unmerged), Decision::Nothing(_)));
    }
}
