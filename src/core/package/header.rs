//! tar headers as Go's `archive/tar` writes them: USTAR, with a PAX record where a name does not fit.
//!
//! Source: Go 1.26, `archive/tar/writer.go`, `common.go`, `strconv.go`. The crate `tar` writes another form of checksum and long name.

const BLOCK: usize = 512;
const NAME: usize = 100;
const PREFIX: usize = 155;

/// What differs between headers.
struct Fields<'n> {
    name: &'n str,
    prefix: &'n str,
    size: u64,
    time: u64,
    kind: u8,
}

/// Writes the header of a regular file; mode 0644, nobody's.
pub(super) fn write(out: &mut Vec<u8>, name: &str, size: u64, time: u64) {
    if name.is_ascii() && name.len() <= NAME {
        return out.extend(block(&Fields { name, prefix: "", size, time, kind: b'0' }));
    }
    if let Some((prefix, rest)) = split(name) {
        return out.extend(block(&Fields { name: rest, prefix, size, time, kind: b'0' }));
    }
    let record = record("path", name);
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let extended = ascii(&if folder.is_empty() { format!("PaxHeaders.0/{file}") } else { format!("{folder}/PaxHeaders.0/{file}") });
    let cut = extended.get(..NAME).unwrap_or(&extended);
    let mut head = block(&Fields { name: cut, prefix: "", size: record.len() as u64, time: 0, kind: b'x' });
    octal(&mut head[100..108], 0);
    // Go fills in no device numbers before a PAX record (`writeRawFile`), and does so before a file (`templateV7Plus`).
    head[329..345].fill(0);
    checksum(&mut head);
    out.extend(head);
    out.extend(record.as_bytes());
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    out.extend(block(&Fields { name: &ascii(name), prefix: "", size, time, kind: b'0' }));
}

/// Splits a long ASCII name at a slash, so that both parts fit USTAR's fields.
fn split(name: &str) -> Option<(&str, &str)> {
    if !name.is_ascii() || name.len() <= NAME {
        return None;
    }
    let at = name.get(..name.len().min(PREFIX + 1))?.rfind('/')?;
    let (prefix, rest) = (&name[..at], &name[at + 1..]);
    (!prefix.is_empty() && !rest.is_empty() && rest.len() <= NAME && prefix.len() <= PREFIX).then_some((prefix, rest))
}

/// A PAX record, `<length> <key>=<value>\n`, whose length counts itself.
fn record(key: &str, value: &str) -> String {
    let bare = key.len() + value.len() + 3;
    let mut length = bare + bare.to_string().len();
    if length.to_string().len() + bare != length {
        length = bare + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}

/// Go drops what is not ASCII from the plain field; the PAX record has the whole name.
fn ascii(name: &str) -> String {
    name.chars().filter(char::is_ascii).collect()
}

fn block(Fields { name, prefix, size, time, kind }: &Fields<'_>) -> [u8; BLOCK] {
    let mut head = [0; BLOCK];
    // A slash at the cut would make the file a folder to some readers.
    text(&mut head[..NAME], name.get(..NAME).unwrap_or(name).trim_end_matches('/'));
    octal(&mut head[100..108], 0o644);
    octal(&mut head[108..116], 0);
    octal(&mut head[116..124], 0);
    octal(&mut head[124..136], *size);
    octal(&mut head[136..148], *time);
    head[156] = *kind;
    head[257..265].copy_from_slice(b"ustar\x0000");
    octal(&mut head[329..337], 0);
    octal(&mut head[337..345], 0);
    text(&mut head[345..345 + PREFIX], prefix);
    checksum(&mut head);
    head
}

/// `%06o\0 ` over the header with eight spaces in the checksum's place.
fn checksum(head: &mut [u8; BLOCK]) {
    head[148..156].fill(b' ');
    let sum: u64 = head.iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut head[148..155], sum);
    head[155] = b' ';
}

fn text(field: &mut [u8], value: &str) {
    let taken = value.len().min(field.len());
    field[..taken].copy_from_slice(&value.as_bytes()[..taken]);
}

/// Octal digits, padded with zeros, with a final NUL.
fn octal(field: &mut [u8], value: u64) {
    let digits = format!("{value:0width$o}", width = field.len() - 1);
    field[..digits.len()].copy_from_slice(digits.as_bytes());
    field[digits.len()..].fill(0);
}
