//! A flow mapping, `{key: value, …}`, edited in place.

use super::write::double_quoted;
use crate::lines::key_value;
use std::ops::Range;

/// Sets a key of the flow mapping that a text starts with; `None` when it cannot be followed.
pub(super) fn set(text: &str, key: &str, value: &str) -> Option<String> {
    let entries = entries(text)?;
    let written = double_quoted(value);
    for range in &entries {
        let entry = text.get(range.clone())?;
        let start = range.start + entry.len() - entry.trim_start().len();
        let Some((name, rest)) = key_value(entry.trim()) else { continue };
        if name == key {
            let from = start + entry.trim().len() - rest.len();
            return Some(format!("{} {written}{}", text.get(..from)?, text.get(start + entry.trim().len()..)?));
        }
    }
    let filled = entries.iter().rev().find(|range| text.get((*range).clone()).is_some_and(|entry| !entry.trim().is_empty()))?;
    let at = filled.start + text.get(filled.clone())?.trim_end().len();
    Some(format!("{}, {key}: {written}{}", text.get(..at)?, text.get(at..)?))
}

/// Where the entries between the outermost braces stand.
fn entries(text: &str) -> Option<Vec<Range<usize>>> {
    let mut found = Vec::new();
    let mut depth = 0_u32;
    let mut start = 0;
    let mut quote = None;
    let mut before = ' ';
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        if let Some(open) = quote {
            let is_end = c == open && !is_escaped;
            is_escaped = open == '"' && c == '\\' && !is_escaped;
            if is_end {
                quote = None;
            }
        } else {
            match c {
                // Within a plain word a quote is a letter.
                '"' | '\'' if !before.is_alphanumeric() || depth == 0 => quote = Some(c),
                '#' if before.is_whitespace() => return None,
                '{' | '[' => {
                    depth += 1;
                    start = if depth == 1 { at + 1 } else { start };
                }
                '}' | ']' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        found.push(start..at);
                        return Some(found);
                    }
                }
                ',' if depth == 1 => {
                    found.push(start..at);
                    start = at + 1;
                }
                _ => {}
            }
        }
        before = c;
    }
    None
}
