//! Tag decides which charts on `main` get their immutable tag; without lineage there is none.

use crate::{
    name::{ChartFolder, ObjectId, ReleaseTag},
    refusal::{Code, Refusal},
};

/// What was read of one chart on `main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The chart's folder.
    pub folder: ChartFolder,
    /// The tag its name and version ask for.
    pub tag: ReleaseTag,
    /// The commit on `main` that released it: the merge of its pull request, if there is one.
    pub merge: Option<ObjectId>,
    /// What the tag points to, if it exists.
    pub existing: Option<ObjectId>,
    /// Whether this push touched the chart.
    pub is_pushed: bool,
    /// Whether the publish pull request was merged already.
    pub is_built: bool,
}

/// What happens to one chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: it was released, or came to `main` before chartrel did.
    Nothing(&'static str),
    /// The tag is there; what follows it may have to be made up for.
    Tagged(ObjectId),
    /// Verify the lineage of this commit and tag it.
    Make(ObjectId),
    /// It cannot be tagged.
    Refuse(Refusal),
}

/// Decides for one chart (M-110 to M-118).
pub fn decide(facts: &Facts) -> Decision {
    match (&facts.existing, &facts.merge) {
        (Some(_), _) if facts.is_built => Decision::Nothing("it is tagged and built"),
        (Some(at), Some(merge)) if at == merge => Decision::Tagged(at.clone()),
        (Some(at), _) if !facts.is_pushed => Decision::Tagged(at.clone()),
        (Some(at), _) => Decision::Refuse(collision(facts, at)),
        (None, Some(merge)) => Decision::Make(merge.clone()),
        (None, None) if facts.is_pushed => Decision::Refuse(without_lineage(facts)),
        (None, None) => Decision::Nothing("it came to `main` without chartrel"),
    }
}

fn collision(facts: &Facts, at: &ObjectId) -> Refusal {
    let what = format!("the tag `{}` exists at `{at}`, another commit than the one that was merged", facts.tag);
    Refusal::new(Code::TagExistsElsewhere, what, "a tag never moves: contribute a change, which gets the next version")
}

fn without_lineage(facts: &Facts) -> Refusal {
    let what = format!("`{}` came to `main` by no pull request of chartrel's, so `{}` has no lineage", facts.folder.path(), facts.tag);
    Refusal::new(Code::TagWithoutLineage, what, "revert it on `main` and contribute it to `integration`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_made_once_and_never_moves() {
        let (merge, other): (ObjectId, ObjectId) = ("1".repeat(40).parse().unwrap(), "2".repeat(40).parse().unwrap());
        let new = Facts {
            folder: "nginx".parse().unwrap(),
            tag: "nginx-v1.0.0".parse().unwrap(),
            merge: Some(merge.clone()),
            existing: None,
            is_pushed: true,
            is_built: false,
        };
        assert_eq!(decide(&new), Decision::Make(merge.clone()));
        assert_eq!(decide(&Facts { existing: Some(merge.clone()), ..new.clone() }), Decision::Tagged(merge.clone()));
        assert!(matches!(decide(&Facts { existing: Some(merge.clone()), is_built: true, ..new.clone() }), Decision::Nothing(_)));
        for (facts, expected) in [
            (Facts { existing: Some(other), ..new.clone() }, Code::TagExistsElsewhere),
            (Facts { merge: None, ..new.clone() }, Code::TagWithoutLineage),
        ] {
            let Decision::Refuse(refusal) = decide(&facts) else { panic!("{facts:?}") };
            assert_eq!(refusal.code, expected);
        }
        assert!(matches!(decide(&Facts { merge: None, is_pushed: false, ..new }), Decision::Nothing(_)));
    }
}
