//! How go-yaml v2 writes a string: which style a text may have, and when a plain one would read as another type.
//!
//! Source: go.yaml.in/yaml v2.4.3, `resolve.go` and `yaml_emitter_analyze_scalar` of `emitterc.go`.

use regex::Regex;
use std::sync::LazyLock;

/// The styles a scalar is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// What a text allows.
#[derive(Debug, Clone, Copy)]
struct Allowed {
    plain: bool,
    single_quoted: bool,
    block: bool,
}

/// The style go-yaml writes a string in; a key is a simple key, which is never a block.
pub(super) fn style(text: &str, is_key: bool) -> Style {
    let allowed = analyze(text);
    if text.contains('\n') {
        return if allowed.block && !is_key { Style::Literal } else { Style::DoubleQuoted };
    }
    if !is_string_when_plain(text) {
        return Style::DoubleQuoted;
    }
    match allowed {
        Allowed { plain: true, .. } if !(text.is_empty() && is_key) => Style::Plain,
        Allowed { single_quoted: true, .. } => Style::SingleQuoted,
        _ => Style::DoubleQuoted,
    }
}

fn analyze(text: &str) -> Allowed {
    if text.is_empty() {
        return Allowed { plain: true, single_quoted: true, block: false };
    }
    let chars: Vec<char> = text.chars().collect();
    let is_blank = |at: usize| chars.get(at).is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'));
    let mut indicators = text.starts_with("---") || text.starts_with("...");
    let (mut special, mut breaks, mut break_space, mut space_break) = (false, false, false, false);
    let (mut previous_space, mut previous_break) = (false, false);
    for (at, c) in chars.iter().copied().enumerate() {
        indicators |= is_indicator(c, at == 0, at == 0 || is_blank(at - 1), is_blank(at + 1));
        special |= !is_printable(c);
        let is_break = is_break(c);
        break_space |= c == ' ' && previous_break;
        space_break |= is_break && previous_space;
        breaks |= is_break;
        (previous_space, previous_break) = (c == ' ', is_break);
    }
    let edge = |c: Option<&char>| c.is_some_and(|c| *c == ' ' || is_break(*c));
    let is_plain_edge = !edge(chars.first()) && !edge(chars.last());
    let is_calm = !space_break && !special;
    Allowed {
        plain: is_plain_edge && !break_space && is_calm && !breaks && !indicators,
        single_quoted: !break_space && is_calm,
        block: chars.last() != Some(&' ') && is_calm,
    }
}

/// Characters that mean something in block context at this place.
fn is_indicator(c: char, is_first: bool, after_blank: bool, before_blank: bool) -> bool {
    match c {
        ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => is_first,
        '?' | '-' => is_first && before_blank,
        ':' => before_blank,
        '#' => is_first || after_blank,
        _ => false,
    }
}

/// Line breaks as go-yaml sees them.
pub(super) const fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What go-yaml prints as it is: the basic plane without controls, surrogates and the byte order mark.
pub(super) const fn is_printable(c: char) -> bool {
    matches!(c, '\n' | '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

static FLOAT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$").ok());
static INTEGER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[-+]?(0|[1-9][0-9]*|0[0-7]+|0[oO][0-7]+|0[xX][0-9a-fA-F]+|0[bB][01]+)$").ok());
static BASE_60: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$").ok());
static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]+)?)?$").ok()
});

/// Whether a plain scalar of this text reads as a string.
pub(crate) fn is_string_when_plain(text: &str) -> bool {
    let is = |shape: &LazyLock<Option<Regex>>, text: &str| shape.as_ref().is_some_and(|shape| shape.is_match(text));
    if is(&BASE_60, text) || is_word(text) {
        return false;
    }
    let Some(first) = text.chars().next() else { return false };
    match first {
        '.' => text.parse::<f64>().is_err(),
        '0'..='9' | '+' | '-' => {
            let plain = text.replace('_', "");
            !is(&TIME, text) && !is(&INTEGER, &plain) && !is(&FLOAT, &plain)
        }
        _ => true,
    }
}

/// Whether go-yaml reads a plain scalar of this text as a number only because it drops each `_`.
pub(crate) fn is_number_with_underscores(text: &str) -> bool {
    let plain = text.replace('_', "");
    let is = |shape: &LazyLock<Option<Regex>>| shape.as_ref().is_some_and(|shape| shape.is_match(&plain));
    plain != text && text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) && (is(&INTEGER) || is(&FLOAT))
}

/// Words that YAML 1.1 takes for a boolean, null or a special number. (`<<` go-yaml leaves plain.)
fn is_word(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_cased = |text: &str| {
        let mut rest = text.chars().skip(1);
        text.chars().all(char::is_uppercase) || rest.all(char::is_lowercase)
    };
    match lower.as_str() {
        "" | "~" => true,
        "y" | "yes" | "true" | "on" | "n" | "no" | "false" | "off" | "null" => is_cased(text),
        ".nan" => matches!(text, ".nan" | ".NaN" | ".NAN"),
        ".inf" | "+.inf" | "-.inf" => ["inf", "Inf", "INF"].iter().any(|end| text.ends_with(end)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_those_of_go_yaml() {
        for (text, expected) in [
            ("plain text", Style::Plain),
            ("a: b", Style::SingleQuoted),
            ("- a", Style::SingleQuoted),
            ("a #b", Style::SingleQuoted),
            ("@a", Style::SingleQuoted),
            ("https://example.org/#x", Style::Plain),
            ("on", Style::DoubleQuoted),
            ("Yes", Style::DoubleQuoted),
            ("yEs", Style::Plain),
            ("1.10", Style::DoubleQuoted),
            ("1.2.3", Style::Plain),
            ("1_000", Style::DoubleQuoted),
            ("12:30", Style::DoubleQuoted),
            ("2021-01-01", Style::DoubleQuoted),
            ("", Style::DoubleQuoted),
            ("a\nb\n", Style::Literal),
            ("a \nb", Style::DoubleQuoted),
            ("🚀", Style::DoubleQuoted),
            ("tab\there", Style::DoubleQuoted),
            (" lead", Style::SingleQuoted),
        ] {
            assert_eq!(style(text, false), expected, "{text:?}");
        }
    }
}
