//! The Merkle tree of a log, and the signed notes that state its root.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chartrel_core::digest::Sha256;

/// A SHA-256.
type Hash = [u8; 32];

/// A log's leaves, in order (RFC 6962 §2.1).
#[derive(Debug, Default)]
pub(crate) struct Tree(Vec<Hash>);

impl Tree {
    /// Adds an entry; gives its index.
    pub(crate) fn push(&mut self, entry: &[u8]) -> usize {
        self.0.push(leaf_hash(entry));
        self.0.len() - 1
    }

    /// Number of entries.
    pub(crate) fn size(&self) -> usize {
        self.0.len()
    }

    /// The root over all entries.
    pub(crate) fn root(&self) -> Hash {
        root(&self.0)
    }

    /// The hashes that lead from an entry to the root, lowest first (RFC 6962 §2.1.1).
    pub(crate) fn path(&self, index: usize) -> Vec<Hash> {
        path(index, &self.0)
    }
}

/// The hash of an entry as a leaf.
pub(crate) fn leaf_hash(entry: &[u8]) -> Hash {
    *Sha256::of([&[0][..], entry].concat()).bytes()
}

fn node_hash(left: &[u8], right: &[u8]) -> Hash {
    *Sha256::of([&[1][..], left, right].concat()).bytes()
}

/// Where a tree of more than one leaf divides: the largest power of two below its size.
fn halves(leaves: &[Hash]) -> Option<(&[Hash], &[Hash])> {
    (leaves.len() > 1).then(|| leaves.split_at(leaves.len().next_power_of_two() / 2))
}

fn root(leaves: &[Hash]) -> Hash {
    match (halves(leaves), leaves) {
        (Some((left, right)), _) => node_hash(&root(left), &root(right)),
        (None, [leaf]) => *leaf,
        (None, _) => *Sha256::of([]).bytes(),
    }
}

fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    let Some((left, right)) = halves(leaves) else { return Vec::new() };
    let (mut hashes, other) =
        if index < left.len() { (path(index, left), root(right)) } else { (path(index - left.len(), right), root(left)) };
    hashes.push(other);
    hashes
}

/// What a log signs: origin, size and root, a line each (C2SP tlog-checkpoint).
pub(crate) fn checkpoint(origin: &str, tree: &Tree) -> String {
    format!("{origin}\n{}\n{}\n", tree.size(), BASE64.encode(tree.root()))
}

/// A note with its signature; `hint` is the first four bytes of the key's id (C2SP signed-note).
pub(crate) fn signed_note(text: &str, name: &str, hint: &[u8], signature: &[u8]) -> String {
    format!("{text}\n\u{2014} {name} {}\n", BASE64.encode([hint, signature].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_every_tree_leads_to_the_root() {
        let mut tree = Tree::default();
        for size in 1..=33_usize {
            tree.push(&size.to_be_bytes());
            for index in 0..size {
                let proof: Vec<_> = tree.path(index).into_iter().map(Into::into).collect();
                let leaf = leaf_hash(&(index + 1).to_be_bytes()).into();
                let (at, of) = (index as u64, size as u64);
                sigstore_merkle::verify_inclusion_proof(&leaf, at, of, &proof, &tree.root().into())
                    .unwrap_or_else(|error| panic!("{index} of {size}: {error}"));
            }
        }
    }
}
