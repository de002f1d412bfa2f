//! Values as they are written into Chart.yaml.

use std::fmt::Write as _;

/// A text in double quotes, on one line.
pub(super) fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_plain(c) => out.push(c),
            // Writing to a string cannot fail.
            _ => drop(write!(out, "\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// Is the character readable as itself in every reader of YAML?
fn is_plain(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// The lines of an annotation: several lines as a literal block, one line in double quotes.
pub(super) fn annotation(indent: usize, key: &str, value: &str) -> String {
    // Line ends at the end would belong to no line of their own.
    let is_literal = value.trim_end().contains('\n') && !value.ends_with("\n\n") && value.chars().all(|c| c == '\n' || is_plain(c));
    let blanks = " ".repeat(indent);
    if !is_literal {
        return format!("{blanks}{key}: {}\n", double_quoted(value));
    }
    // Blanks or an empty line at the start hide the indentation from the reader.
    let depth = if value.starts_with([' ', '\n']) { "2" } else { "" };
    let body = value.strip_suffix('\n');
    let chomp = if body.is_some() { "" } else { "-" };
    let mut out = format!("{blanks}{key}: |{depth}{chomp}\n");
    for line in body.unwrap_or(value).split('\n') {
        let written = if line.is_empty() { "\n".to_owned() } else { format!("{blanks}  {line}\n") };
        out.push_str(&written);
    }
    out
}
