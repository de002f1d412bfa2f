//! Markdown in which others' text stays text: no markup, no mention, no comment, and never a managed block.

/// What stands where lines were left out.
const CUT: &str = "\n\n*Shortened here; the whole of it stands in the chart's changelog.*";
/// Characters kept free to close a code block that is cut.
const FENCE_ROOM: usize = 80;

/// Others' text as one line of Markdown that reads as it was written.
///
/// Line ends become blanks, control and direction characters vanish. HTML and comments can't open, `@name` notifies nobody; `#12` stays a
/// reference. Source: GitHub Flavored Markdown 0.29, 2.4 "Backslash escapes" and 6.2 "Entity references".
pub fn line(text: &str) -> String {
    let text = plain(text);
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut rest = text.chars().peekable();
    let mut before = None;
    while let Some(c) = rest.next() {
        let next_is_word = rest.peek().is_some_and(|next| next.is_alphanumeric());
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' if next_is_word || rest.peek() == Some(&'#') => escaped.push_str("&amp;"),
            '@' if next_is_word => escaped.push_str("@&#8203;"),
            '_' if next_is_word && before.is_some_and(char::is_alphanumeric) => escaped.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => escaped.extend(['\\', c]),
            // At the start of a line these would open a heading, a list or a rule.
            '#' | '-' | '+' | '=' if before.is_none() => escaped.extend(['\\', c]),
            '.' | ')' if text.starts_with(|c: char| c.is_ascii_digit()) && is_number(&escaped) => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
        before = Some(c);
    }
    escaped
}

/// Others' text as a code span, whatever it holds; empty text is a blank span.
pub fn code(text: &str) -> String {
    let text = without_comments(&plain(text));
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Others' text of many lines as a code block.
pub fn block(text: &str) -> String {
    let text: String =
        without_comments(text).replace("\r\n", "\n").chars().filter(|c| *c == '\n' || *c == '\t' || is_visible(*c)).collect();
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// Markdown that others wrote as Markdown (a changelog), made fit to stand under a heading of ours.
///
/// Headings become at least level 4, HTML and comments don't open, and nobody is notified. Line ends become LF.
pub fn embedded(markdown: &str) -> String {
    let mut fence = Fence::default();
    let mut lines = Vec::new();
    for text in markdown.trim_end().lines() {
        let text: String = text.chars().filter(|c| *c == '\t' || is_visible(*c)).collect();
        if fence.holds(&text) {
            lines.push(without_comments(&text));
            continue;
        }
        let level = heading(&text).map_or(0, |(level, _)| level);
        let deeper = if level == 0 { String::new() } else { "#".repeat(4_usize.saturating_sub(level)) };
        lines.push(format!("{deeper}{}", inert(&text)));
    }
    // A fence that is left open would swallow what follows.
    lines.extend(fence.close());
    lines.join("\n")
}

/// As many whole lines of [`embedded`] Markdown as fit into `limit` characters, with a note where lines were left out.
pub fn fitted(markdown: &str, limit: usize) -> String {
    if markdown.chars().count() <= limit {
        return markdown.to_owned();
    }
    let mut room = limit.saturating_sub(CUT.chars().count() + FENCE_ROOM);
    let mut fence = Fence::default();
    let mut lines = Vec::new();
    for text in markdown.lines() {
        let Some(left) = room.checked_sub(text.chars().count() + 1) else { break };
        room = left;
        fence.holds(text);
        lines.push(text.to_owned());
    }
    lines.extend(fence.close().filter(|fence| fence.len() < FENCE_ROOM));
    format!("{}{CUT}", lines.join("\n").trim_end())
}

/// The level and the text of an ATX heading, 1 to 6.
pub(crate) fn heading(line: &str) -> Option<(usize, &str)> {
    let hashes = line.len() - line.trim_start_matches('#').len();
    let text = line.get(hashes..)?;
    let is_heading = (1..=6).contains(&hashes) && (text.is_empty() || text.starts_with([' ', '\t']));
    is_heading.then(|| (hashes, text.trim().trim_end_matches('#').trim_end()))
}

/// Follows fenced code blocks from line to line.
#[derive(Debug, Default)]
pub(crate) struct Fence(Option<String>);

impl Fence {
    /// Whether the line belongs to a code block, its fences included.
    pub(crate) fn holds(&mut self, line: &str) -> bool {
        let indented = line.len() - line.trim_start_matches(' ').len();
        let text = line.trim();
        let marker = text.chars().next().filter(|c| indented < 4 && matches!(c, '`' | '~'));
        let run: String = marker.map_or_else(String::new, |marker| text.chars().take_while(|c| *c == marker).collect());
        let Some(open) = &self.0 else {
            let opens = run.len() >= 3 && !(run.starts_with('`') && text.trim_start_matches('`').contains('`'));
            self.0 = opens.then_some(run);
            return self.0.is_some();
        };
        if run.starts_with(open.as_str()) && run.len() == text.len() {
            self.0 = None;
        }
        true
    }

    /// The fence that would close the block that is open now.
    pub(crate) fn close(self) -> Option<String> {
        self.0
    }
}

/// One line without control and direction characters, blanks at its ends trimmed.
pub(crate) fn plain(text: &str) -> String {
    let spaced = text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c });
    spaced.filter(|c| is_visible(*c)).collect::<String>().trim().to_owned()
}

/// At most this many characters, with `…` where text was left out.
pub fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

/// Not a control character, and none that reorders what is read (Unicode UAX #9, explicit directional formatting).
fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
}

/// Inside code nothing is Markdown, but whoever looks for a managed block in the raw text would find one.
fn without_comments(text: &str) -> String {
    text.replace("<!--", "<!\u{200b}--").replace("-->", "--\u{200b}>")
}

fn inert(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '<' => text.push_str("&lt;"),
            '@' if rest.peek().is_some_and(|next| next.is_alphanumeric()) => text.push_str("@&#8203;"),
            _ => text.push(c),
        }
    }
    text
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn others_text_reads_as_it_was_written() {
        for (text, expected) in [
            ("add my_value (#12)", "add my_value (#12)"),
            ("*a* _b_ `c` [d](e) | ~f~ $g$", "\\*a\\* \\_b\\_ \\`c\\` \\[d\\](e) \\| \\~f\\~ \\$g\\$"),
            ("<!-- ATTESTATION_MAP {} -->", "&lt;!-- ATTESTATION_MAP {} --&gt;"),
            ("thank @ann, a @ b", "thank @&#8203;ann, a @ b"),
            ("# x\ny", "\\# x y"),
            ("1. x", "1\\. x"),
            ("1.2.3 is out", "1\\.2.3 is out"),
            ("R & D &lt;", "R & D &amp;lt;"),
            ("\u{1b}[31mred\u{202e}", "\\[31mred"),
        ] {
            assert_eq!(line(text), expected, "{text}");
        }
    }

    #[test]
    fn code_holds_any_backticks_and_no_managed_block() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("`a``b"), "``` `a``b ```");
        assert_eq!(block("a\n```\nb\n"), "````text\na\n```\nb\n````");
        assert!(!block("<!-- ATTESTATION_MAP {} -->").contains("<!--"));
    }

    #[test]
    fn a_changelog_is_embedded_below_our_headings() {
        let text = "### Added\r\n\r\n- <b>x</b> by @ann `<y>`\n```yaml\n# not a heading\n<!-- x -->\n";
        let expected = "#### Added\n\n- &lt;b>x&lt;/b> by @&#8203;ann `&lt;y>`\n```yaml\n# not a heading\n<!\u{200b}-- x --\u{200b}>\n```";
        assert_eq!(embedded(text), expected);
    }

    #[test]
    fn what_does_not_fit_is_cut_at_a_line_and_closed() {
        let text = format!("- a\n```\n{}", "x\n".repeat(300));
        let cut = fitted(&text, 300);
        assert!(cut.chars().count() <= 300 && cut.starts_with("- a\n```\nx\n") && cut.ends_with(&format!("x\n```{CUT}")), "{cut}");
        assert_eq!(fitted("- a", 3), "- a");
    }

    #[test]
    fn long_text_is_cut_by_characters() {
        assert_eq!((shortened("äöü", 3).as_str(), shortened("äöüß", 3).as_str()), ("äöü", "äö…"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_of_others_can_open_a_comment_or_break_the_line(text in "(?s)(<!--|-->|<|@a|`{1,4}|\n|#|.){0,12}") {
            for shown in [line(&text), code(&text)] {
                prop_assert!(!shown.contains("<!--") && !shown.contains('\n'), "{shown}");
            }
            for shown in [block(&text), embedded(&text)] {
                prop_assert!(!shown.contains("<!--"), "{shown}");
            }
        }
    }
}
