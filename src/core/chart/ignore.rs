//! `.helmignore`: its rules are not those of git.
//!
//! Source: Helm v4.3.1, `pkg/ignore/rules.go`, and Go's `filepath.Match`.

use crate::refusal::{Code, Refusal, Refused, Result};

/// The rules of a chart, the built-in one last.
#[derive(Debug, Clone)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Debug, Clone)]
struct Rule {
    pattern: Vec<char>,
    is_negated: bool,
    is_directory: bool,
    /// A pattern with a slash is held against the whole path, one without against the last name.
    is_path: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self(vec![builtin()])
    }
}

/// Helm never packages dotfiles directly below `templates/`.
fn builtin() -> Rule {
    Rule { pattern: "templates/.?*".chars().collect(), is_negated: false, is_directory: false, is_path: true }
}

impl Rules {
    /// Reads the file.
    ///
    /// # Errors
    /// `chart/bad-ignore` for each line that Helm would fail at.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).into_owned();
        let (mut rules, mut refusals) = (Vec::new(), Vec::new());
        for (n, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            if line.contains("**") || !is_pattern(line) {
                let what = format!("line {} of .helmignore, `{}`, is a pattern that Helm fails at", n + 1, line.escape_debug());
                refusals.push(Refusal::new(Code::ChartBadIgnore, what, "`**` is not supported, and `[` needs its `]`"));
                continue;
            }
            rules.push(Rule::of(line));
        }
        Refused::unless_empty(refusals)?;
        rules.push(builtin());
        Ok(Self(rules))
    }

    /// Whether a file is left out: it matches itself, or a directory above it does.
    pub(super) fn ignores(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|(at, _)| (&path[..at], true));
        above.chain([(path, false)]).any(|(path, is_directory)| self.matches(path, is_directory))
    }

    fn matches(&self, path: &str, is_directory: bool) -> bool {
        for rule in &self.0 {
            let is_kind = !rule.is_directory || is_directory;
            let is_match = is_kind && rule.matches(path);
            // The first rule that speaks decides; a negated one speaks of everything that it does not match.
            if rule.is_negated != is_match {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn of(line: &str) -> Self {
        let (is_negated, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (is_directory, line) = line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
        let is_path = line.contains('/');
        let pattern = line.strip_prefix('/').unwrap_or(line).chars().collect();
        Self { pattern, is_negated, is_directory, is_path }
    }

    fn matches(&self, path: &str) -> bool {
        let name = if self.is_path { path } else { path.rsplit('/').next().unwrap_or(path) };
        matches(&self.pattern, &name.chars().collect::<Vec<_>>())
    }
}

/// Whether Go's `filepath.Match` can read the pattern.
fn is_pattern(pattern: &str) -> bool {
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none() => return false,
            '[' => {
                if chars.peek() == Some(&'^') {
                    chars.next();
                }
                let mut members = 0;
                loop {
                    match chars.next() {
                        Some(']') if members > 0 => break,
                        Some('\\') if chars.next().is_none() => return false,
                        Some(_) => members += 1,
                        None => return false,
                    }
                }
            }
            _ => {}
        }
    }
    true
}

/// Go's `filepath.Match`: `*` and `?` stop at `/`, classes with ranges and `^`, backslash escapes.
fn matches(pattern: &[char], name: &[char]) -> bool {
    match pattern.first() {
        None => name.is_empty(),
        Some('*') => (0..=name.iter().take_while(|c| **c != '/').count()).any(|taken| matches(&pattern[1..], &name[taken..])),
        Some('?') => name.first().is_some_and(|c| *c != '/') && matches(&pattern[1..], &name[1..]),
        Some('[') => class(&pattern[1..], name),
        Some('\\') if pattern.len() > 1 => name.first() == pattern.get(1) && matches(&pattern[2..], &name[1..]),
        Some(c) => name.first() == Some(c) && matches(&pattern[1..], &name[1..]),
    }
}

fn class(pattern: &[char], name: &[char]) -> bool {
    let Some(c) = name.first() else { return false };
    let is_negated = pattern.first() == Some(&'^');
    let mut at = usize::from(is_negated);
    let mut is_member = false;
    let start = at;
    while let Some(low) = pattern.get(at).filter(|low| **low != ']' || at == start) {
        let (low, width) = if *low == '\\' { (pattern.get(at + 1).unwrap_or(low), 2) } else { (low, 1) };
        at += width;
        let high = if pattern.get(at) == Some(&'-') { pattern.get(at + 1).unwrap_or(low) } else { low };
        if pattern.get(at) == Some(&'-') {
            at += 2;
        }
        is_member |= low <= c && c <= high;
    }
    is_member != is_negated && pattern.get(at) == Some(&']') && matches(&pattern[at + 1..], &name[1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_helms_and_not_gits() {
        for (rules, path, expected) in [
            ("*.orig", "a/b.orig", true),
            ("ci/", "ci/two-values.yaml", true),
            ("ci/", "ci", false),
            ("/a", "a", true),
            ("/a", "b/a", false),
            ("a/b", "a/b", true),
            ("a/b", "x/a/b", false),
            ("a/*", "a/b/c", true),
            ("# comment", "# comment", false),
            ("!keep.txt", "Chart.yaml", true),
            ("!keep.txt", "keep.txt", false),
            ("[a-c].txt", "b.txt", true),
            ("[^a-c].txt", "b.txt", false),
            ("", "templates/.hidden", true),
            ("", "templates/sub/.hidden", false),
            ("", ".hidden", false),
        ] {
            assert_eq!(Rules::parse(rules.as_bytes()).unwrap().ignores(path), expected, "{rules} {path}");
        }
    }

    #[test]
    fn a_pattern_that_helm_fails_at_is_refused() {
        for rules in ["a/**", "[a", "a\\"] {
            assert_eq!(Rules::parse(rules.as_bytes()).unwrap_err().violations()[0].code, Code::ChartBadIgnore, "{rules}");
        }
    }
}
