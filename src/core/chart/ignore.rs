//! `.helmignore`: its rules are not those of git.
//!
//! Source: Helm v4.3.1, `pkg/ignore/rules.go`, and Go's `filepath.Match`.

use super::glob;
use crate::refusal::{Code, Refusal, Refused, Result};

/// The longest line that Helm reads, in bytes (Go's `bufio.MaxScanTokenSize`, exclusive).
const LINE_LIMIT: usize = 64 * 1024;

/// The rules of a chart, the built-in one last.
#[derive(Debug, Clone)]
pub struct Rules(Vec<Rule>);

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
    Rule { pattern: chars("templates/.?*"), is_negated: false, is_directory: false, is_path: true }
}

impl Rules {
    /// Reads the file.
    ///
    /// # Errors
    /// `chart/bad-ignore` for each line that Helm would fail at.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).into_owned();
        let (mut rules, mut refusals) = (Vec::new(), Vec::new());
        for (n, line) in text.split('\n').enumerate() {
            let rule = line.trim();
            let why = match rule {
                _ if line.len() >= LINE_LIMIT => "is longer than Helm reads",
                "" => continue,
                _ if rule.starts_with('#') => continue,
                _ if rule.contains("**") => "has `**`, which Helm does not know",
                _ if glob::matches(&chars(rule), &['a', 'b', 'c']).is_err() => "is no pattern: a `[` without its `]`, or a `\\` at the end",
                _ => {
                    rules.push(Rule::of(rule));
                    continue;
                }
            };
            let shown: String = rule.chars().take(80).collect();
            let what = format!("line {} of .helmignore, `{}`, {why}", n + 1, shown.escape_debug());
            refusals.push(Refusal::new(Code::ChartBadIgnore, what, "write one pattern of Go's `filepath.Match` a line"));
        }
        Refused::unless_empty(refusals)?;
        rules.push(builtin());
        Ok(Self(rules))
    }

    /// Whether a file is left out: it matches itself, or a directory above it does.
    pub(super) fn ignores_below(&self, path: &str) -> bool {
        let above = path.match_indices('/').filter_map(|(at, _)| Some((path.get(..at)?, true)));
        above.chain([(path, false)]).any(|(path, is_directory)| self.ignores(path, is_directory))
    }

    /// Whether the walk leaves out this file, or this directory with all that is in it.
    pub fn ignores(&self, path: &str, is_directory: bool) -> bool {
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
        let pattern = line.strip_prefix('/').unwrap_or(line);
        Self { pattern: chars(pattern), is_negated, is_directory, is_path }
    }

    fn matches(&self, path: &str) -> bool {
        let name = if self.is_path { path } else { path.rsplit('/').next().unwrap_or(path) };
        glob::matches(&self.pattern, &chars(name)).unwrap_or(false)
    }
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
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
            ("\u{feff}*.txt\r\n", "a.txt", true),
            ("  *.txt  ", "a.txt", true),
            ("keep/\n!keep/", "keep/a", true),
            ("!*/", "a", true),
        ] {
            assert_eq!(Rules::parse(rules.as_bytes()).unwrap().ignores_below(path), expected, "{rules} {path}");
        }
    }

    #[test]
    fn a_pattern_that_helm_fails_at_is_refused() {
        for rules in ["a/**", "[a", "a\\", "[-a]", &"a".repeat(LINE_LIMIT)] {
            assert_eq!(Rules::parse(rules.as_bytes()).unwrap_err().violations()[0].code, Code::ChartBadIgnore, "{rules:.10}");
        }
    }
}
