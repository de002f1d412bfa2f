//! Percent-encoding of paths and queries, both ways.

/// Encodes a path or a path segment; `/` stays.
pub(super) fn path(text: &str) -> String {
    encode(text, b"-._~/")
}

/// A query from pairs.
pub(super) fn query<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{}={}", encode(key, b"-._~"), encode(value, b"-._~"))).collect();
    pairs.join("&")
}

/// The pairs of a query, decoded; `+` is a blank.
pub(super) fn query_pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let decoded = |text: &str| decode(&text.replace('+', " "));
    pairs.map(|pair| pair.split_once('=').map_or((decoded(pair), String::new()), |(key, value)| (decoded(key), decoded(value)))).collect()
}

/// Undoes percent-encoding; what is not valid stays as it is.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten().and_then(|hex| hex::decode(hex).ok());
        if let Some(decoded) = escaped {
            bytes.extend(decoded);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encode(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_reads_back() {
        for text in ["a b", "1+2=3&4", "ä%/ü", "plain-._~"] {
            assert_eq!(decode(&path(text)), text);
            assert_eq!(query_pairs(&query([("k", text)].into_iter())), [("k".to_owned(), text.to_owned())]);
        }
        assert_eq!(decode("%zz%4"), "%zz%4");
    }
}
