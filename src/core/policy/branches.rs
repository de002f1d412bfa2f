//! The branches of the pipeline, and which names can exist beside each other in git.

use crate::{
    name::{ChartFolder, ReleaseTag},
    refusal::{Code, Refusal},
};

/// The three long-lived branches, and the patterns of those that come and go.
///
/// Patterns hold `{chart}` or `{tag}` exactly once. Git stores a ref as a file or a folder, never both: no name here is another's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branches {
    /// The default branch: stable, reviewed.
    pub main: String,
    /// Where contributions go.
    pub integration: String,
    /// What was published.
    pub release: String,
    pub(super) chart: Pattern,
    pub(super) sync: Pattern,
    pub(super) publish: Pattern,
}

impl Default for Branches {
    fn default() -> Self {
        let pattern = |before: &str, place| Pattern { before: before.to_owned(), place, after: String::new() };
        Self {
            main: "main".to_owned(),
            integration: "integration".to_owned(),
            release: "release".to_owned(),
            chart: pattern("charts/", CHART),
            sync: pattern("sync/", CHART),
            publish: pattern("publish/", TAG),
        }
    }
}

/// The place of a chart's folder in a pattern.
pub(super) const CHART: &str = "{chart}";
/// The place of a release tag in a pattern.
pub(super) const TAG: &str = "{tag}";

/// A branch name with one place to fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    before: String,
    place: &'static str,
    after: String,
}

impl Pattern {
    /// The pattern, if the text has its place exactly once and is a branch name with it filled.
    pub(super) fn parse(text: &str, place: &'static str) -> Option<Self> {
        let (before, after) = text.split_once(place)?;
        let is_name = is_branch(&format!("{before}x{after}")) && !after.contains(place);
        is_name.then(|| Self { before: before.to_owned(), place, after: after.to_owned() })
    }

    fn fill(&self, with: &str) -> String {
        format!("{}{with}{}", self.before, self.after)
    }

    fn filled_with<'a>(&self, branch: &'a str) -> Option<&'a str> {
        branch.strip_prefix(&self.before)?.strip_suffix(&self.after)
    }

    fn text(&self) -> String {
        self.fill(self.place)
    }
}

impl Branches {
    /// The chart branch of a chart.
    pub fn chart(&self, folder: &ChartFolder) -> String {
        self.chart.fill(folder.as_str())
    }

    /// The sync branch of a chart, which filter writes.
    pub fn sync(&self, folder: &ChartFolder) -> String {
        self.sync.fill(folder.as_str())
    }

    /// The branch from which a release goes to `release`.
    pub fn publish(&self, tag: &ReleaseTag) -> String {
        self.publish.fill(&tag.to_string())
    }

    /// The pattern of chart branches as the policy writes it, `charts/{chart}`.
    pub fn chart_pattern(&self) -> String {
        self.chart.text()
    }

    /// The pattern of sync branches, `sync/{chart}`.
    pub fn sync_pattern(&self) -> String {
        self.sync.text()
    }

    /// The pattern of publish branches, `publish/{tag}`.
    pub fn publish_pattern(&self) -> String {
        self.publish.text()
    }

    /// The chart whose chart branch this is.
    pub fn folder_of_chart_branch(&self, branch: &str) -> Option<ChartFolder> {
        self.chart.filled_with(branch)?.parse().ok()
    }

    /// The chart whose sync branch this is.
    pub fn folder_of_sync_branch(&self, branch: &str) -> Option<ChartFolder> {
        self.sync.filled_with(branch)?.parse().ok()
    }

    /// The tag whose publish branch this is.
    pub fn tag_of_publish_branch(&self, branch: &str) -> Option<ReleaseTag> {
        self.publish.filled_with(branch)?.parse().ok()
    }

    /// The pairs that git can't hold together, each as a refusal (C-1).
    pub(super) fn collisions(&self) -> Vec<Refusal> {
        let names = [
            ("main", self.main.clone()),
            ("integration", self.integration.clone()),
            ("release", self.release.clone()),
            ("chart", self.chart.text()),
            ("sync", self.sync.text()),
            ("publish", self.publish.text()),
        ];
        let pairs = names.iter().enumerate().flat_map(|(at, one)| names.iter().skip(at + 1).map(move |other| (one, other)));
        pairs.filter(|(one, other)| collide(&one.1, &other.1)).map(|(one, other)| collision(one, other)).collect()
    }
}

fn collision(one: &(&str, String), other: &(&str, String)) -> Refusal {
    let what = format!("`branches.{}` (`{}`) and `branches.{}` (`{}`) can't both be branches", one.0, one.1, other.0, other.1);
    Refusal::new(
        Code::PolicyCollidingBranches,
        what,
        "give one of them another prefix: git stores a branch as a file or a folder, never both",
    )
}

/// Whether some filling of the two is one name, or makes one the folder of the other.
fn collide(one: &str, other: &str) -> bool {
    // Zipping stops at the end of the shorter: equal names and a folder of the other are the same test.
    one.split('/').zip(other.split('/')).all(|(a, b)| may_be_equal(a, b))
}

fn may_be_equal(one: &str, other: &str) -> bool {
    match (ends(one), ends(other)) {
        (None, None) => one == other,
        (Some((before, after)), None) => is_filling(before, after, other),
        (None, Some((before, after))) => is_filling(before, after, one),
        (Some((before, after)), Some((start, end))) => {
            (before.starts_with(start) || start.starts_with(before)) && (after.ends_with(end) || end.ends_with(after))
        }
    }
}

fn is_filling(before: &str, after: &str, name: &str) -> bool {
    name.len() > before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
}

/// What stands before and after the place to fill, if the word has one.
fn ends(word: &str) -> Option<(&str, &str)> {
    word.split_once(CHART).or_else(|| word.split_once(TAG))
}

/// Whether git takes this as a branch name, of the characters chartrel allows (`git check-ref-format`, made narrower).
pub(super) fn is_branch(text: &str) -> bool {
    let is_word = |word: &str| {
        let is_plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b));
        let is_lock = word.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("lock"));
        is_plain && !word.is_empty() && !word.starts_with(['.', '-']) && !word.ends_with('.') && !word.contains("..") && !is_lock
    };
    text.len() <= 200 && text.split('/').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_and_what_they_stand_for_are_inverse() {
        let (branches, folder, tag) = (Branches::default(), "nginx".parse().unwrap(), "nginx-v1.2.3+b.1".parse().unwrap());
        assert_eq!(branches.chart(&folder), "charts/nginx");
        assert_eq!(branches.folder_of_chart_branch("charts/nginx"), Some(folder.clone()));
        assert_eq!(branches.folder_of_sync_branch(&branches.sync(&folder)), Some(folder));
        assert_eq!(branches.tag_of_publish_branch(&branches.publish(&tag)), Some(tag));
        for other in ["charts/", "charts/a/b", "xcharts/a", "sync/nginx", "main"] {
            assert_eq!(branches.folder_of_chart_branch(other), None, "{other}");
        }
    }

    #[test]
    fn names_that_git_cannot_hold_together_collide() {
        for (one, other, expected) in [
            ("integration", "integration/{chart}", true),
            ("main", "main", true),
            ("charts/{chart}", "charts/{chart}", true),
            ("charts/{chart}", "charts/{tag}/x", true),
            ("{chart}", "main", true),
            ("charts/{chart}", "charts", true),
            ("charts/{chart}", "sync/{chart}", false),
            ("charts-{chart}", "charts", false),
            ("release", "release-{chart}", false),
            ("a-{chart}", "{tag}-b", true),
            ("a-{chart}", "b-{chart}", false),
        ] {
            assert_eq!((collide(one, other), collide(other, one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn a_pattern_has_its_place_once_and_is_a_branch_name() {
        for (text, is_good) in [
            ("charts/{chart}", true),
            ("x-{chart}-y", true),
            ("charts", false),
            ("{chart}/{chart}", false),
            ("a b/{chart}", false),
            ("../{chart}", false),
            ("a/{chart}.lock", false),
            ("-{chart}", false),
        ] {
            assert_eq!(Pattern::parse(text, CHART).is_some(), is_good, "{text}");
        }
    }
}
