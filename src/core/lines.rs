//! Lines of YAML files in block style, for edits that keep every other byte.

use std::borrow::Cow;

/// A line of a text and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    /// Byte offset of its first character.
    pub(crate) start: usize,
    /// Byte offset after its line break.
    pub(crate) end: usize,
    /// The line without its break.
    pub(crate) text: &'a str,
}

impl Line<'_> {
    /// Number of spaces it starts with.
    pub(crate) fn indent(&self) -> usize {
        self.text.bytes().take_while(|&b| b == b' ').count()
    }

    /// Nothing stands here but blanks or a comment.
    pub(crate) fn is_silent(&self) -> bool {
        let text = self.text.trim_start();
        text.is_empty() || text.starts_with('#')
    }
}

/// The lines of a text from a byte offset that is the start of a line.
pub(crate) fn lines(text: &str, from: usize) -> impl Iterator<Item = Line<'_>> {
    let mut start = from;
    text.get(from..).unwrap_or_default().split_inclusive('\n').map(move |whole| {
        let end = start + whole.len();
        let bare = whole.strip_suffix('\n').unwrap_or(whole);
        let line = Line { start, end, text: bare.strip_suffix('\r').unwrap_or(bare) };
        start = end;
        line
    })
}

/// The key of a line `key: …` without its indentation, and what follows the colon.
///
/// `None` for everything that is no plain or simply quoted key.
pub(crate) fn key_value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let (key, rest) = match text.as_bytes().first()? {
        quote @ (b'"' | b'\'') => {
            let (key, rest) = text.get(1..)?.split_once(char::from(*quote))?;
            let is_simple = !key.contains('\\') && !rest.starts_with('\'');
            is_simple.then_some((key, rest.trim_start_matches(' ').strip_prefix(':')?))?
        }
        b'-' | b'?' | b':' | b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => {
            return None;
        }
        _ => {
            let (at, _) = text.match_indices(':').find(|(at, _)| matches!(text.as_bytes().get(at + 1), None | Some(b' ' | b'\t')))?;
            let (key, rest) = text.split_at_checked(at)?;
            (key.trim_end(), rest.strip_prefix(':')?)
        }
    };
    let is_key = !key.contains(" #") && (rest.is_empty() || rest.starts_with([' ', '\t']));
    is_key.then_some((Cow::Borrowed(key), rest))
}

/// What stands after a colon: blanks with anchor and tag, the value, and blanks with a comment.
pub(crate) fn parts(rest: &str) -> (&str, &str, &str) {
    let mut at = rest.len() - rest.trim_start().len();
    while let Some(word) = rest.get(at..).filter(|text| text.starts_with(['&', '!'])) {
        let end = word.find([' ', '\t']).unwrap_or(word.len());
        at += end + (word.len() - end - word.get(end..).unwrap_or_default().trim_start().len());
    }
    let (lead, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
    let length = scalar_length(tail);
    let (value, after) = tail.split_at_checked(length).unwrap_or((tail, ""));
    (lead, value, after)
}

/// Length of the value that a line starts with, until its comment.
fn scalar_length(tail: &str) -> usize {
    let quote = tail.chars().next().filter(|c| matches!(c, '"' | '\''));
    let mut is_escaped = false;
    let mut is_open = quote.is_some();
    let mut before = ' ';
    for (at, c) in tail.char_indices() {
        if is_open {
            let is_end = at > 0 && Some(c) == quote && !is_escaped;
            is_escaped = quote == Some('"') && c == '\\' && !is_escaped;
            is_open = !is_end;
        } else if quote == Some('\'') && c == '\'' {
            is_open = true;
        } else if c == '#' && before.is_whitespace() {
            return tail.get(..at).unwrap_or_default().trim_end().len();
        }
        before = c;
    }
    tail.trim_end().len()
}

/// A value as it is meant: quotes removed; `None` when it takes a YAML parser to tell.
pub(crate) fn simple(rest: &str) -> Option<&str> {
    let (lead, value, _) = parts(rest);
    if !lead.trim().is_empty() || value.starts_with(['|', '>', '*', '[', '{', '%', '@', '`']) || value.is_empty() {
        return None;
    }
    let is_plain = !value.starts_with(['"', '\'']);
    let inner = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    inner.filter(|text| !text.contains(['\\', '\'', '"'])).or_else(|| is_plain.then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_apart_into_key_and_rest() {
        for (text, expected) in [
            ("version: 1.0.0", Some(("version", " 1.0.0"))),
            ("version:", Some(("version", ""))),
            ("\"version\": x", Some(("version", " x"))),
            ("'a:b' : x", Some(("a:b", " x"))),
            ("a.io/b: x: y", Some(("a.io/b", " x: y"))),
            ("http://x", None),
            ("- a: b", None),
            ("{a: b}", None),
            ("---", None),
            ("a #b: c", None),
            ("\"a\\n\": c", None),
        ] {
            assert_eq!(key_value(text).map(|(key, rest)| (key.into_owned(), rest)), expected.map(|(k, r)| (k.to_owned(), r)), "{text}");
        }
    }

    #[test]
    fn what_follows_a_colon_is_told_apart() {
        for (text, expected) in [
            (" 1.0.0 # why", (" ", "1.0.0", " # why")),
            (" \"a # b\" # c", (" ", "\"a # b\"", " # c")),
            (" 'it''s # x'", (" ", "'it''s # x'", "")),
            (" \"a\\\" # b\"", (" ", "\"a\\\" # b\"", "")),
            (" &v !!str x", (" &v !!str ", "x", "")),
            (" &v", (" &v", "", "")),
            (" a#b ", (" ", "a#b", " ")),
            (" # c", (" ", "", "# c")),
            ("", ("", "", "")),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }
}
