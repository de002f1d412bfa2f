//! Build decides whether a publish pull request is the tag's content and nothing else, and what is added to it.

use crate::{
    chart::Chart,
    index::{self, Entry, Splice},
    name::{ObjectId, ReleaseTag},
    package::{self, Package},
    refusal::{Code, Refusal, Refused, Result},
};
use chrono::{DateTime, Utc};

/// What was read of the pull request to `release`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The tag.
    pub tag: ReleaseTag,
    /// Whether the tag's commit is on `main`.
    pub is_on_main: bool,
    /// The chart's tree at the tag.
    pub tag_tree: ObjectId,
    /// The chart's tree at the head of the pull request.
    pub head_tree: Option<ObjectId>,
    /// Paths that differ from `release` outside the chart, the package and the index.
    pub outside: Vec<String>,
    /// The head's branch, and the one it must be.
    pub head_branch: (String, String),
    /// Whether the head lies in this repository.
    pub is_same_repository: bool,
}

/// Refuses a pull request that carries anything but what `main` holds at the tag (C-7).
///
/// # Errors
/// All the rules that are not met.
pub fn judge(facts: &Facts) -> Result<()> {
    let mut refusals = Vec::new();
    let mut refuse = |code, what: String, help| refusals.push(Refusal::new(code, what, help));
    let again = "close the pull request and run tag again; it makes the branch anew";
    if !facts.is_on_main {
        refuse(
            Code::TagNotOnMain,
            format!("the commit of `{}` is not on `main`", facts.tag),
            "only what was merged to `main` can be released",
        );
    }
    if !facts.is_same_repository || facts.head_branch.0 != facts.head_branch.1 {
        refuse(
            Code::PullRequestForeignSource,
            format!("the head is `{}`, expected `{}`", facts.head_branch.0.escape_debug(), facts.head_branch.1),
            again,
        );
    }
    if facts.head_tree.as_ref() != Some(&facts.tag_tree) {
        refuse(Code::PullRequestNotTag, format!("the chart at the head is not the one at `{}`", facts.tag), again);
    }
    if !facts.outside.is_empty() {
        refuse(Code::PullRequestOutsideChart, format!("it changes `{}` too", facts.outside.join("`, `").escape_debug()), again);
    }
    Refused::unless_empty(refusals)
}

/// What is added to `release` beside the chart.
#[derive(Debug, Clone)]
pub struct Made {
    /// The package.
    pub package: Package,
    /// Its entry in the index.
    pub entry: Entry,
}

/// Makes the package and its index entry from the chart at the tag.
///
/// # Errors
/// When the chart at the tag has another name or version than the tag, or can't be packaged.
pub fn make(tag: &ReleaseTag, chart: &Chart, time: DateTime<Utc>, repository_url: &str) -> Result<Made> {
    let metadata = &chart.metadata;
    if metadata.name != tag.chart || metadata.version != tag.version {
        let what = format!("Chart.yaml at the tag says `{}` `{}`, the tag `{tag}`", metadata.name, metadata.version);
        return Err(Refusal::new(Code::TagOtherVersion, what, "a tag never moves: contribute a change, which gets the next version").into());
    }
    let package = package::package(chart, time.timestamp())?;
    let url = format!("{}/{}", repository_url.trim_end_matches('/'), tag.package());
    let entry = index::entry(&metadata.document, package.digest, &url, time)?;
    Ok(Made { package, entry })
}

/// The index with the entry, or `None` when it stands there already.
///
/// # Errors
/// When the index has another entry for this version, or is no index.
pub fn indexed(index: Option<&str>, entry: &Entry) -> Result<Option<String>> {
    Ok(match index::splice(index, entry)? {
        Splice::Added(text) => Some(text),
        Splice::AlreadyThere => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tags_content_reaches_release() {
        let (tree, other): (ObjectId, ObjectId) = ("1".repeat(40).parse().unwrap(), "2".repeat(40).parse().unwrap());
        let good = Facts {
            tag: "nginx-v1.0.0".parse().unwrap(),
            is_on_main: true,
            tag_tree: tree.clone(),
            head_tree: Some(tree),
            outside: vec![],
            head_branch: ("publish/nginx-v1.0.0".into(), "publish/nginx-v1.0.0".into()),
            is_same_repository: true,
        };
        assert_eq!(judge(&good), Ok(()));
        for (facts, expected) in [
            (Facts { is_on_main: false, ..good.clone() }, Code::TagNotOnMain),
            (Facts { head_tree: Some(other), ..good.clone() }, Code::PullRequestNotTag),
            (Facts { head_tree: None, ..good.clone() }, Code::PullRequestNotTag),
            (Facts { outside: vec!["x".into()], ..good.clone() }, Code::PullRequestOutsideChart),
            (Facts { head_branch: ("a".into(), "b".into()), ..good.clone() }, Code::PullRequestForeignSource),
            (Facts { is_same_repository: false, ..good.clone() }, Code::PullRequestForeignSource),
        ] {
            assert_eq!(judge(&facts).unwrap_err().violations()[0].code, expected, "{facts:?}");
        }
    }
}
