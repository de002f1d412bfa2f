//! Enforce decides by content whether a pull request may reach a chart branch; a branch's name proves nothing.

use crate::{
    name::{ChartFolder, ObjectId},
    refusal::{Code, Refusal},
};

/// What was read of the pull request.
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact that was read, not a state")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The chart whose branch is the base; `None` when the base is no chart branch.
    pub folder: Option<ChartFolder>,
    /// Whether it is merged already.
    pub is_merged: bool,
    /// Whether it is open.
    pub is_open: bool,
    /// The head's branch.
    pub head_branch: String,
    /// The branch it must be.
    pub sync_branch: String,
    /// Whether the head lies in this repository.
    pub is_same_repository: bool,
    /// Who opened it.
    pub author: String,
    /// Who may: the App or the configured bot.
    pub bots: Vec<String>,
    /// Paths that differ between head and base outside the chart.
    pub outside: Vec<String>,
    /// The chart's tree at the head.
    pub chart_tree: Option<ObjectId>,
    /// The chart's tree at the tip of `integration`.
    pub integration_tree: Option<ObjectId>,
    /// Whether the chart's tree at the head stood on `integration` before: an older state that a newer one replaced.
    pub was_integration: bool,
    /// Whether the source commit descends from that of the last release.
    pub descends: bool,
}

/// What happens to the pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing, and why.
    Nothing(&'static str),
    /// It is merged already; format may still have to be started.
    Merged,
    /// It carries what integration holds: verify the lineage, then merge.
    Merge,
    /// It comes from elsewhere: comment and close.
    Close(Refusal),
    /// It is filter's, but must not be merged as it is: left open for filter to move.
    Refuse(Refusal),
}

/// Decides in this order: is it ours to judge, does it come from filter, is it this chart alone, is it integration's content.
pub fn decide(facts: &Facts) -> Decision {
    if facts.folder.is_none() {
        return Decision::Nothing("the base is no chart branch");
    }
    if facts.is_merged {
        return Decision::Merged;
    }
    if !facts.is_open {
        return Decision::Nothing("the pull request is closed");
    }
    if let Some(stranger) = stranger(facts) {
        return Decision::Close(stranger);
    }
    if !facts.outside.is_empty() {
        let what = format!("the pull request changes files outside its chart: `{}`", facts.outside.join("`, `").escape_debug());
        return Decision::Close(Refusal::new(
            Code::PullRequestOutsideChart,
            what,
            "contribute to `integration`; filter makes a pull request for each chart",
        ));
    }
    if facts.chart_tree.is_none() || facts.chart_tree != facts.integration_tree {
        return if facts.was_integration { Decision::Refuse(superseded()) } else { Decision::Close(not_at_tip()) };
    }
    if !facts.descends {
        let what = "the source commit does not descend from that of the chart's last release";
        return Decision::Refuse(Refusal::new(
            Code::PullRequestRollback,
            what,
            "revert by a new contribution to `integration`, not by moving it back",
        ));
    }
    Decision::Merge
}

fn stranger(facts: &Facts) -> Option<Refusal> {
    let what = if !facts.is_same_repository {
        "the head lies in another repository".to_owned()
    } else if facts.head_branch != facts.sync_branch {
        format!("the head is `{}`, expected `{}`", facts.head_branch.escape_debug(), facts.sync_branch)
    } else if !facts.bots.contains(&facts.author) {
        format!("it was opened by `{}`, expected `{}`", facts.author.escape_debug(), facts.bots.join("` or `"))
    } else {
        return None;
    };
    Some(Refusal::new(Code::PullRequestForeignSource, what, "contribute to `integration`; filter makes a pull request for each chart"))
}

fn superseded() -> Refusal {
    let what = "a newer merge to `integration` has overtaken this content, which `integration` held before";
    Refusal::new(
        Code::PullRequestSuperseded,
        what,
        "nothing: filter moves the pull request to the newer content; if it does not, run filter again",
    )
}

fn not_at_tip() -> Refusal {
    let what = "the chart's tree is not the one at the tip of `integration`";
    Refusal::new(Code::PullRequestNotIntegration, what, "contribute to `integration`; filter makes a pull request for each chart")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Facts {
        let tree: ObjectId = "1".repeat(40).parse().unwrap();
        Facts {
            folder: Some("nginx".parse().unwrap()),
            is_merged: false,
            is_open: true,
            head_branch: "sync/nginx".into(),
            sync_branch: "sync/nginx".into(),
            is_same_repository: true,
            author: "chartrel[bot]".into(),
            bots: vec!["chartrel[bot]".into()],
            outside: vec![],
            chart_tree: Some(tree.clone()),
            integration_tree: Some(tree),
            was_integration: false,
            descends: true,
        }
    }

    fn code(decision: &Decision) -> Option<Code> {
        match decision {
            Decision::Close(refusal) | Decision::Refuse(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    #[test]
    fn what_integration_holds_is_merged() {
        assert_eq!(decide(&good()), Decision::Merge);
    }

    #[test]
    fn a_stranger_is_closed_with_a_reason_and_never_merged() {
        let other: ObjectId = "2".repeat(40).parse().unwrap();
        for (facts, expected) in [
            (Facts { is_same_repository: false, ..good() }, Code::PullRequestForeignSource),
            (Facts { head_branch: "feature/x".into(), ..good() }, Code::PullRequestForeignSource),
            (Facts { author: "mallory".into(), ..good() }, Code::PullRequestForeignSource),
            (Facts { outside: vec!["README.md".into()], ..good() }, Code::PullRequestOutsideChart),
            (Facts { chart_tree: Some(other), ..good() }, Code::PullRequestNotIntegration),
            (Facts { chart_tree: None, ..good() }, Code::PullRequestNotIntegration),
            (Facts { descends: false, ..good() }, Code::PullRequestRollback),
        ] {
            assert_eq!(code(&decide(&facts)), Some(expected), "{facts:?}");
        }
    }

    #[test]
    fn an_overtaken_pull_request_stays_open() {
        let older: ObjectId = "2".repeat(40).parse().unwrap();
        let decision = decide(&Facts { chart_tree: Some(older), was_integration: true, ..good() });
        assert!(matches!(decision, Decision::Refuse(_)));
        assert_eq!(code(&decision), Some(Code::PullRequestSuperseded));
    }

    #[test]
    fn what_is_not_ours_to_judge_is_left_alone() {
        assert!(matches!(decide(&Facts { folder: None, ..good() }), Decision::Nothing(_)));
        assert!(matches!(decide(&Facts { is_open: false, ..good() }), Decision::Nothing(_)));
        assert_eq!(decide(&Facts { is_open: false, is_merged: true, ..good() }), Decision::Merged);
    }
}
