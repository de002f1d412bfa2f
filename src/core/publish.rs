//! Publish decides what each destination still needs; it never replaces what a destination holds.

use crate::{
    digest::Sha256,
    refusal::{Code, Refusal},
};

/// What a destination holds under the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    Nothing,
    /// Something with that digest.
    Digest(Sha256),
}

/// What a destination gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The bytes are put there.
    Put,
    /// The same bytes are there: skipped.
    Skip,
    /// Other bytes are there: refused.
    Refuse(Refusal),
}

/// Decides for one destination from what was read there (C-29, C-30, M-276).
pub fn decide(destination: &str, held: Held, wanted: Sha256) -> Decision {
    match held {
        Held::Nothing => Decision::Put,
        Held::Digest(digest) if digest == wanted => Decision::Skip,
        Held::Digest(digest) => {
            let what = format!("{destination} holds {digest} under this version, the signed bytes are {wanted}");
            let remedy = "a published version never changes: find out who put it there, then release the next version";
            Decision::Refuse(Refusal::new(Code::PublishOtherBytes, what, remedy))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_are_skipped_and_others_refused() {
        let (ours, theirs) = (Sha256::of("a"), Sha256::of("b"));
        assert_eq!(decide("the registry", Held::Nothing, ours), Decision::Put);
        assert_eq!(decide("the registry", Held::Digest(ours), ours), Decision::Skip);
        let Decision::Refuse(refusal) = decide("the registry", Held::Digest(theirs), ours) else { panic!("not refused") };
        assert_eq!(refusal.code, Code::PublishOtherBytes);
    }
}
