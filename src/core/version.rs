//! The next version of a chart: what the commits ask for, never below what exists.

use crate::{
    commit::Change,
    refusal::{Code, Refusal, Result},
};
use semver::{Prerelease, Version};
use std::cmp::Ordering;

/// How far a version moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bump {
    /// The third number.
    Patch,
    /// The second number.
    Minor,
    /// The first number.
    Major,
}

/// Release-please's options for versions below 1.0.0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Below 1.0.0 a breaking change moves the second number (`bump-minor-pre-major`).
    pub bump_minor_pre_major: bool,
    /// Below 1.0.0 a feature moves the third number (`bump-patch-for-minor-pre-major`).
    pub bump_patch_for_minor_pre_major: bool,
}

/// What the next version is decided from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The version in Chart.yaml on `main`; `None` when the chart isn't there yet.
    pub current: Option<&'a Version>,
    /// The highest version that has a tag, of whatever form.
    pub highest_tag: Option<&'a Version>,
    /// The version in Chart.yaml as contributed; counts for a first release alone.
    pub contributed: Option<&'a Version>,
    /// The changes since the last release, oldest first.
    pub changes: &'a [Change],
    /// Whether a file that goes into the package differs from the last release's.
    pub is_content_changed: bool,
    /// The options.
    pub options: Options,
}

/// The next version, or `None` when there is nothing to release.
///
/// 1. The newest `Release-As` decides, whatever changed.
/// 2. Unchanged content is no release (C-27); changed content is at least a patch, whatever the types of the commits.
/// 3. A chart without version on `main` and without tag starts as contributed, else with 1.0.0.
/// 4. Otherwise the strongest change moves the higher of `main`'s version and the highest tag (M-293, R-43, R-44).
///
/// # Errors
/// `version/not-greater` when `Release-As` asks for what is not above both, or no number is left.
pub fn next(facts: Facts<'_>) -> Result<Option<Version>> {
    let base = [facts.current, facts.highest_tag].into_iter().flatten().max_by(|a, b| a.cmp_precedence(b));
    if let Some(asked) = facts.changes.iter().rev().find_map(|change| change.release_as.as_ref()) {
        return above(base, asked.clone()).map(Some);
    }
    if !facts.is_content_changed {
        return Ok(None);
    }
    let Some(base) = base else {
        return Ok(Some(facts.contributed.cloned().unwrap_or_else(|| Version::new(1, 0, 0))));
    };
    let moved = apply(base, strongest(facts.changes, base, facts.options));
    let moved = moved.ok_or_else(|| not_greater(base, base, "no higher version can be written"))?;
    above(Some(base), moved).map(Some)
}

/// How far these changes move a version; changes that say nothing are a patch.
pub fn strongest(changes: &[Change], base: &Version, options: Options) -> Bump {
    let is_early = base.major == 0;
    let bump = |change: &Change| match (change.is_breaking, change.kind.as_str()) {
        (true, _) if is_early && options.bump_minor_pre_major => Bump::Minor,
        (true, _) => Bump::Major,
        (false, "feat") if is_early && options.bump_patch_for_minor_pre_major => Bump::Patch,
        (false, "feat") => Bump::Minor,
        (false, _) => Bump::Patch,
    };
    changes.iter().map(bump).max().unwrap_or(Bump::Patch)
}

/// The version after `base`; a pre-release becomes the release it announced, where that is far enough.
///
/// Source: node-semver 7, `inc`. `None` when a number would overflow.
pub fn apply(base: &Version, bump: Bump) -> Option<Version> {
    let announces = !base.pre.is_empty();
    let (major, minor, patch) = (base.major, base.minor, base.patch);
    Some(match bump {
        Bump::Patch if announces => Version::new(major, minor, patch),
        Bump::Patch => Version::new(major, minor, patch.checked_add(1)?),
        Bump::Minor if announces && patch == 0 => Version::new(major, minor, 0),
        Bump::Minor => Version::new(major, minor.checked_add(1)?, 0),
        Bump::Major if announces && patch == 0 && minor == 0 => Version::new(major, 0, 0),
        Bump::Major => Version::new(major.checked_add(1)?, 0, 0),
    })
}

/// Whether a version is a pre-release, which no channel may call stable or latest.
pub fn is_prerelease(version: &Version) -> bool {
    version.pre != Prerelease::EMPTY
}

fn above(base: Option<&Version>, version: Version) -> Result<Version> {
    match base {
        Some(base) if version.cmp_precedence(base) != Ordering::Greater => {
            Err(not_greater(base, &version, "name a higher version in `Release-As:`, or leave it out").into())
        }
        _ => Ok(version),
    }
}

fn not_greater(base: &Version, version: &Version, help: &str) -> Refusal {
    Refusal::new(Code::VersionNotGreater, format!("the next version would be `{version}`, and `{base}` exists already"), help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::{Commit, changes};
    use proptest::prelude::*;

    fn declared(messages: &[&str]) -> Vec<Change> {
        messages.iter().flat_map(|message| changes(&Commit { id: String::new(), message: (*message).to_owned() })).collect()
    }

    fn facts<'a>(current: Option<&'a Version>, highest_tag: Option<&'a Version>, changes: &'a [Change]) -> Facts<'a> {
        Facts { current, highest_tag, contributed: None, changes, is_content_changed: true, options: Options::default() }
    }

    fn after(current: &str, tag: &str, messages: &[&str]) -> std::result::Result<String, Code> {
        let [current, tag] = [current, tag].map(|text| Version::parse(text).ok());
        let changes = declared(messages);
        let next = next(facts(current.as_ref(), tag.as_ref(), &changes)).map_err(|refused| refused.violations()[0].code)?;
        Ok(next.unwrap().to_string())
    }

    #[test]
    fn the_strongest_change_decides() {
        for (current, tag, messages, expected) in [
            ("1.0.0", "", vec!["fix(c): x"], "1.0.1"),
            ("1.0.0", "", vec!["feat(c): x"], "1.1.0"),
            ("1.0.0", "", vec!["feat(c)!: x"], "2.0.0"),
            ("1.0.0", "1.0.0", vec!["fix: x", "feat: y", "docs: z"], "1.1.0"),
            ("1.0.0", "", vec!["chore: x\n\nBREAKING CHANGE: y", "feat: y"], "2.0.0"),
            ("1.0.0", "", vec!["docs: x"], "1.0.1"),
            ("1.0.0", "", vec![], "1.0.1"),
            ("0.2.0", "", vec!["feat!: x"], "1.0.0"),
            // The tag is ahead of `main`, or behind it: the higher one counts.
            ("0.1.2", "0.2.0", vec!["fix: x"], "0.2.1"),
            ("0.3.0", "0.2.0", vec!["fix: x"], "0.3.1"),
            ("", "0.2.0", vec!["feat: x"], "0.3.0"),
            ("", "", vec!["fix: x"], "1.0.0"),
            ("2.0.0-rc.1", "", vec!["fix: x"], "2.0.0"),
            ("2.0.0-rc.1", "", vec!["feat!: x"], "2.0.0"),
            ("2.0.1-rc.1", "", vec!["feat: x"], "2.1.0"),
            ("2.1.0-rc.1", "2.1.0", vec!["fix: x"], "2.1.1"),
            ("1.0.0+build.7", "", vec!["fix: x"], "1.0.1"),
            ("1.0.0", "", vec!["fix: x\n\nRelease-As: 3.0.0", "fix: y\n\nRelease-As: v2.0.0-rc.1", "feat!: z"], "2.0.0-rc.1"),
        ] {
            assert_eq!(after(current, tag, &messages), Ok(expected.to_owned()), "{current} {tag} {messages:?}");
        }
    }

    #[test]
    fn a_version_never_falls_or_repeats() {
        for asked in ["0.9.0", "1.0.0", "1.0.0-rc.1", "1.0.0+other"] {
            let message = format!("fix: x\n\nRelease-As: {asked}");
            assert_eq!(after("1.0.0", "0.1.0", &[&message]), Err(Code::VersionNotGreater), "{asked}");
            assert_eq!(after("0.1.0", "1.0.0", &[&message]), Err(Code::VersionNotGreater), "{asked}");
        }
        let highest = format!("1.0.{}", u64::MAX);
        assert_eq!(after(&highest, "", &["fix: x"]), Err(Code::VersionNotGreater));
    }

    #[test]
    fn unchanged_content_is_no_release_unless_asked_for() {
        let current = Version::new(1, 0, 0);
        for (message, expected) in [("feat: x", None), ("chore: x\n\nRelease-As: 1.2.0", Some(Version::new(1, 2, 0)))] {
            let changes = declared(&[message]);
            assert_eq!(next(Facts { is_content_changed: false, ..facts(Some(&current), None, &changes) }), Ok(expected));
        }
    }

    #[test]
    fn a_new_chart_starts_as_contributed() {
        let contributed = Version::new(0, 1, 0);
        assert_eq!(next(Facts { contributed: Some(&contributed), ..facts(None, None, &[]) }), Ok(Some(Version::new(0, 1, 0))));
    }

    #[test]
    fn options_soften_bumps_below_one() {
        let options = Options { bump_minor_pre_major: true, bump_patch_for_minor_pre_major: true };
        for (current, message, expected) in
            [("0.2.3", "feat!: x", "0.3.0"), ("0.2.3", "feat: x", "0.2.4"), ("1.2.3", "feat!: x", "2.0.0"), ("1.2.3", "feat: x", "1.3.0")]
        {
            let (current, changes) = (Version::parse(current).unwrap(), declared(&[message]));
            let next = next(Facts { options, ..facts(Some(&current), None, &changes) }).unwrap().unwrap();
            assert_eq!(next.to_string(), expected, "{current} {message}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_next_version_is_above_all_that_exists(
            numbers in prop::array::uniform6(0_u64..4), pre in prop::option::of("[a-z]{1,3}"), message in prop::sample::select(vec!["fix: x", "feat: x", "feat!: x", "x"])
        ) {
            let [a, b, c, d, e, f] = numbers;
            let mut current = Version::new(a, b, c);
            current.pre = pre.map_or(Prerelease::EMPTY, |pre| Prerelease::new(&pre).unwrap());
            let tag = Version::new(d, e, f);
            let changes = declared(&[message]);
            let next = next(facts(Some(&current), Some(&tag), &changes)).unwrap().unwrap();
            prop_assert!(next > current && next > tag && !is_prerelease(&next));
        }
    }
}
