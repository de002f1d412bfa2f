//! Writing YAML as go-yaml v2 does: sorted keys, sequences not indented, long lines folded at 80.
//!
//! Source: go.yaml.in/yaml v2.4.3, `emitterc.go` and `sorter.go`; this is the form of Helm's Chart.yaml in a package.

use super::scalar::{Style, is_break, is_printable, style};
use serde_json::{Map, Value};
use std::{cmp::Ordering, fmt::Write as _};

/// Beyond this column a text is folded at the next space.
const WIDTH: usize = 80;

/// Writes a value as a document.
pub fn emit(value: &Value) -> String {
    let mut emitter = Emitter { out: String::new(), column: 0 };
    match value {
        Value::Object(map) if !map.is_empty() => emitter.mapping(map, 0, true),
        Value::Array(items) if !items.is_empty() => emitter.sequence(items, 0, true),
        other => emitter.leaf(other, 0, false),
    }
    if !emitter.out.ends_with('\n') {
        emitter.out.push('\n');
    }
    emitter.out
}

/// How a text on one line is folded: to where, unless it is a key.
struct Fold {
    indent: usize,
    is_key: bool,
    is_quoted: bool,
}

struct Emitter {
    out: String,
    column: usize,
}

impl Emitter {
    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column = if c == '\n' { 0 } else { self.column + 1 };
    }

    fn put_str(&mut self, text: &str) {
        text.chars().for_each(|c| self.put(c));
    }

    /// A new line at an indentation; the current one is used if it is empty.
    fn line(&mut self, indent: usize) {
        if self.column > 0 {
            self.put('\n');
        }
        for _ in 0..indent {
            self.put(' ');
        }
    }

    /// A mapping; `is_here` says that the first key stands where the cursor is, behind a dash or at the start.
    fn mapping(&mut self, map: &Map<String, Value>, indent: usize, is_here: bool) {
        let keys = sorted(map.keys().collect());
        for (n, key) in keys.into_iter().enumerate() {
            if n > 0 || !is_here {
                self.line(indent);
            }
            self.scalar(key, indent, true);
            self.put(':');
            self.value(map.get(key).unwrap_or(&Value::Null), indent);
        }
    }

    /// A value behind its key: a sequence stands at the mapping's own indentation.
    fn value(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Object(map) if !map.is_empty() => self.mapping(map, indent + 2, false),
            Value::Array(items) if !items.is_empty() => self.sequence(items, indent, false),
            other => {
                self.put(' ');
                self.leaf(other, indent + 2, false);
            }
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize, is_here: bool) {
        for (n, item) in items.iter().enumerate() {
            if n > 0 || !is_here {
                self.line(indent);
            }
            self.put_str("- ");
            match item {
                Value::Object(map) if !map.is_empty() => self.mapping(map, indent + 2, true),
                Value::Array(items) if !items.is_empty() => self.sequence(items, indent + 2, true),
                other => self.leaf(other, indent + 2, false),
            }
        }
    }

    fn leaf(&mut self, value: &Value, indent: usize, is_key: bool) {
        match value {
            Value::String(text) => self.scalar(text, indent, is_key),
            Value::Object(_) => self.put_str("{}"),
            Value::Array(_) => self.put_str("[]"),
            other => self.put_str(&other.to_string()),
        }
    }

    fn scalar(&mut self, text: &str, indent: usize, is_key: bool) {
        match style(text, is_key) {
            Style::Plain => self.folded(text, Fold { indent, is_key, is_quoted: false }),
            Style::SingleQuoted => {
                self.put('\'');
                self.folded(text, Fold { indent, is_key, is_quoted: true });
                self.put('\'');
            }
            Style::DoubleQuoted => self.double_quoted(text, indent, is_key),
            Style::Literal => self.literal(text, indent),
        }
    }

    /// Plain and single-quoted text on one line, folded at single spaces beyond the width.
    fn folded(&mut self, text: &str, Fold { indent, is_key, is_quoted }: Fold) {
        let chars: Vec<char> = text.chars().collect();
        let mut after_space = false;
        for (at, c) in chars.iter().copied().enumerate() {
            let is_edge = is_quoted && (at == 0 || at + 1 == chars.len());
            let folds = c == ' ' && !is_key && !after_space && self.column > WIDTH && !is_edge && chars.get(at + 1) != Some(&' ');
            if folds {
                self.line(indent);
            } else {
                self.put(c);
                if is_quoted && c == '\'' {
                    self.put('\'');
                }
            }
            after_space = c == ' ';
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize, is_key: bool) {
        let chars: Vec<char> = text.chars().collect();
        let mut after_space = false;
        self.put('"');
        for (at, c) in chars.iter().copied().enumerate() {
            if !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.escape(c);
                after_space = false;
            } else if c == ' ' {
                let folds = !is_key && !after_space && self.column > WIDTH && at > 0 && at + 1 < chars.len();
                if folds {
                    self.line(indent);
                    if chars.get(at + 1) == Some(&' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                after_space = true;
            } else {
                self.put(c);
                after_space = false;
            }
        }
        self.put('"');
    }

    fn escape(&mut self, c: char) {
        let short = match c {
            '\0' => "0",
            '\u{7}' => "a",
            '\u{8}' => "b",
            '\t' => "t",
            '\n' => "n",
            '\u{b}' => "v",
            '\u{c}' => "f",
            '\r' => "r",
            '\u{1b}' => "e",
            '"' => "\"",
            '\\' => "\\",
            '\u{85}' => "N",
            '\u{a0}' => "_",
            '\u{2028}' => "L",
            '\u{2029}' => "P",
            _ => "",
        };
        let mut text = format!("\\{short}");
        if short.is_empty() {
            let code = u32::from(c);
            // Writing to a String never fails.
            let _ = match code {
                0..=0xff => write!(text, "x{code:02X}"),
                0x100..=0xffff => write!(text, "u{code:04X}"),
                _ => write!(text, "U{code:08X}"),
            };
        }
        self.put_str(&text);
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put('|');
        if text.starts_with([' ', '\n']) {
            self.put('2');
        }
        let kept = match text.strip_suffix('\n') {
            None => "-",
            Some(rest) if rest.is_empty() || rest.ends_with('\n') => "+",
            Some(_) => "",
        };
        self.put_str(kept);
        self.put('\n');
        let mut lines = text.split('\n').peekable();
        while let Some(line) = lines.next() {
            if !line.is_empty() {
                self.line(indent);
                self.put_str(line);
            }
            if lines.peek().is_some() {
                self.put('\n');
            }
        }
    }
}

/// Keys in natural order, by merging: that order is not total on every set of keys, which the standard sort answers with a panic.
fn sorted(mut keys: Vec<&String>) -> Vec<&String> {
    if keys.len() < 2 {
        return keys;
    }
    let right = sorted(keys.split_off(keys.len() / 2));
    let (mut left, mut right) = (sorted(keys).into_iter().peekable(), right.into_iter().peekable());
    let mut merged = Vec::new();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if natural(a, b) == Ordering::Greater { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left.chain(right));
    merged
}

/// The order of keys: letters after everything else, digits by their value.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = left.iter().zip(&right).position(|(a, b)| a != b) else { return left.len().cmp(&right.len()) };
    let (a, b) = (left[at], right[at]);
    match (a.is_alphabetic(), b.is_alphabetic()) {
        (true, true) => return a.cmp(&b),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let lead = u64::from((a == '0' || b == '0') && left[..at].iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0'));
    let number = |chars: &[char]| {
        let digits: Vec<u64> = chars[at..].iter().map_while(|c| c.to_digit(10)).map(u64::from).collect();
        (digits.iter().fold(lead, |sum, digit| sum.wrapping_mul(10).wrapping_add(*digit)), digits.len())
    };
    number(&left).cmp(&number(&right)).then(a.cmp(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_chart_file_is_written_as_helm_writes_it() {
        let value = json!({
            "name": "x", "apiVersion": "v2", "appVersion": "1.10",
            "maintainers": [{"name": "a", "email": "a@b"}],
            "annotations": {"artifacthub.io/changes": "- kind: added\n  description: b\n", "e": ""},
            "description": "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen",
        });
        let expected = "annotations:\n  artifacthub.io/changes: |\n    - kind: added\n      description: b\n  e: \"\"\napiVersion: v2\nappVersion: \"1.10\"\n\
            description: one two three four five six seven eight nine ten eleven twelve thirteen\n  fourteen fifteen sixteen\n\
            maintainers:\n- email: a@b\n  name: a\nname: x\n";
        assert_eq!(emit(&value), expected);
    }

    #[test]
    fn keys_are_in_natural_order() {
        let keys = ["a10", "a2", "b", "B", "a/b", "ab", "1", "a01"].map(str::to_owned);
        assert_eq!(sorted(keys.iter().collect()), ["1", "B", "a/b", "a01", "a2", "a10", "ab", "b"]);
    }

    #[test]
    fn keys_without_a_total_order_are_written_too() {
        let part = ["1", "9", "10", "01", "a", "-", "/", "Y", ".", "_"];
        let keys: Map<_, _> = part
            .iter()
            .flat_map(|a| part.iter().map(move |b| format!("{a}{b}")))
            .flat_map(|a| part.map(|b| (format!("{a}{b}"), json!(1))))
            .collect();
        let written = emit(&Value::Object(keys.clone()));
        assert_eq!(written.lines().count(), keys.len());
    }
}
