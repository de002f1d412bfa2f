//! Go's `filepath.Match`: a glob that never passes a `/`, in time linear in pattern and name for each star.
//!
//! Source: Go 1.26, `path/filepath/match.go`; the same steps, for the same answers about odd patterns.

/// A pattern that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadPattern;

/// Whether the whole name matches.
///
/// Shape: `*` and `?` for anything but `/`, `[a-z]` and `[^a-z]` for classes, a backslash before a character that means itself.
///
/// # Errors
/// When the pattern is malformed, as far as Go looks.
pub(super) fn matches(pattern: &[char], name: &[char]) -> Result<bool, BadPattern> {
    let (mut pattern, mut name) = (pattern, name);
    while !pattern.is_empty() {
        let (has_star, chunk, rest) = next_chunk(pattern);
        pattern = rest;
        if has_star && chunk.is_empty() {
            return Ok(!name.contains(&'/'));
        }
        match after(has_star, chunk, (name, pattern.is_empty()))? {
            Some(left) => name = left,
            None => return rest_is_readable(pattern).map(|()| false),
        }
    }
    Ok(name.is_empty())
}

/// What is left of a name behind a chunk, which a star lets begin further on; the last chunk leaves nothing.
fn after<'n>(has_star: bool, chunk: &[char], (name, is_last): (&'n [char], bool)) -> Result<Option<&'n [char]>, BadPattern> {
    let starts = if has_star { name.iter().take_while(|c| **c != '/').count() } else { 0 };
    for skipped in 0..=starts {
        let left = chunk_matches(chunk, name.get(skipped..).unwrap_or_default())?;
        if let Some(left) = left.filter(|left| !is_last || left.is_empty()) {
            return Ok(Some(left));
        }
    }
    Ok(None)
}

fn rest_is_readable(mut pattern: &[char]) -> Result<(), BadPattern> {
    while !pattern.is_empty() {
        let (_, chunk, rest) = next_chunk(pattern);
        chunk_matches(chunk, &[])?;
        pattern = rest;
    }
    Ok(())
}

/// The stars at the start, what stands before the next one, and the rest.
fn next_chunk(pattern: &[char]) -> (bool, &[char], &[char]) {
    let stars = pattern.iter().take_while(|c| **c == '*').count();
    let pattern = pattern.get(stars..).unwrap_or_default();
    let (mut in_class, mut at) = (false, 0);
    while let Some(c) = pattern.get(at) {
        match c {
            '\\' if at + 1 < pattern.len() => at += 1,
            '[' => in_class = true,
            ']' => in_class = false,
            '*' if !in_class => break,
            _ => {}
        }
        at += 1;
    }
    let (chunk, rest) = pattern.split_at(at);
    (stars > 0, chunk, rest)
}

/// What is left of the text behind a chunk without stars; after a mismatch the chunk is still read to its end.
fn chunk_matches<'n>(mut chunk: &[char], mut text: &'n [char]) -> Result<Option<&'n [char]>, BadPattern> {
    let mut has_failed = false;
    while let Some((first, rest)) = chunk.split_first() {
        let next = text.first().copied();
        has_failed |= next.is_none();
        text = text.get(1..).unwrap_or_default();
        chunk = rest;
        match first {
            '[' => {
                let (is_member, rest) = class(chunk, next)?;
                has_failed |= !is_member;
                chunk = rest;
            }
            '?' => has_failed |= next == Some('/'),
            '\\' => {
                let (escaped, rest) = chunk.split_first().ok_or(BadPattern)?;
                has_failed |= next != Some(*escaped);
                chunk = rest;
            }
            plain => has_failed |= next != Some(*plain),
        }
    }
    Ok((!has_failed).then_some(text))
}

/// Whether a class, read behind its `[`, holds a character; and what follows its `]`.
fn class(chunk: &[char], c: Option<char>) -> Result<(bool, &[char]), BadPattern> {
    let is_negated = chunk.first() == Some(&'^');
    let mut chunk = chunk.get(usize::from(is_negated)..).unwrap_or_default();
    let (mut is_member, mut ranges) = (false, 0);
    loop {
        if chunk.first() == Some(&']') && ranges > 0 {
            return Ok((is_member != is_negated, chunk.get(1..).unwrap_or_default()));
        }
        let (low, rest) = member(chunk)?;
        chunk = rest;
        let mut high = low;
        if chunk.first() == Some(&'-') {
            (high, chunk) = member(chunk.get(1..).unwrap_or_default())?;
        }
        is_member |= c.is_some_and(|c| low <= c && c <= high);
        ranges += 1;
    }
}

/// A character of a class; something must follow it.
fn member(chunk: &[char]) -> Result<(char, &[char]), BadPattern> {
    let (first, rest) = chunk.split_first().filter(|(first, _)| !matches!(first, '-' | ']')).ok_or(BadPattern)?;
    let (c, rest) = if *first == '\\' { rest.split_first().ok_or(BadPattern)? } else { (first, rest) };
    if rest.is_empty() { Err(BadPattern) } else { Ok((*c, rest)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_answers_as_go_does() {
        // Rows of Go's own match_test.go.
        for (pattern, name, expected) in [
            ("abc", "abc", Ok(true)),
            ("*", "abc", Ok(true)),
            ("*c", "abc", Ok(true)),
            ("a*", "a", Ok(true)),
            ("a*", "ab/c", Ok(false)),
            ("a*/b", "abc/b", Ok(true)),
            ("a*/b", "a/c/b", Ok(false)),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", Ok(true)),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", Ok(false)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Ok(true)),
            ("a*b?c*x", "abxbbxdbxebxczzy", Ok(false)),
            ("ab[c]", "abc", Ok(true)),
            ("ab[e-g]", "abc", Ok(false)),
            ("ab[^c]", "abc", Ok(false)),
            ("ab[^e-g]", "abc", Ok(true)),
            ("a\\*b", "a*b", Ok(true)),
            ("a\\*b", "ab", Ok(false)),
            ("a?b", "a☺b", Ok(true)),
            ("a[^a]b", "a☺b", Ok(true)),
            ("a???b", "a☺b", Ok(false)),
            ("[a-ζ]*", "α", Ok(true)),
            ("*[a-ζ]", "A", Ok(false)),
            ("a?b", "a/b", Ok(false)),
            ("[\\]a]", "]", Ok(true)),
            ("[\\-x]", "x", Ok(true)),
            ("[x-]", "x", Err(BadPattern)),
            ("[-x]", "-", Err(BadPattern)),
            ("[]a]", "]", Err(BadPattern)),
            ("\\", "a", Err(BadPattern)),
            ("[a-b-c]", "a", Err(BadPattern)),
            ("[", "a", Err(BadPattern)),
            ("[^bc", "a", Err(BadPattern)),
            ("a[", "ab", Err(BadPattern)),
            ("a[", "x", Err(BadPattern)),
            ("a/b[", "x", Err(BadPattern)),
            ("*x", "xxx", Ok(true)),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(matches(&chars(pattern), &chars(name)), expected, "{pattern} {name}");
        }
    }
}
