//! A whole rehearsal, judged from outside: what Helm pulls, what cosign and gh verify, what other registries take, what GitHub describes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests end like tests")]

mod helm;
mod registries;
mod signatures;
mod traffic;

use chartrel_peers::world::{Release, World};
use std::{path::Path, sync::OnceLock};

/// The one rehearsal that all tests look at.
fn world() -> &'static World {
    static SERVED: OnceLock<World> = OnceLock::new();
    SERVED.get_or_init(|| World::serve(Path::new(env!("CARGO_TARGET_TMPDIR"))))
}

/// The release of a rehearsal that the tests look at: its last.
fn release() -> Release<'static> {
    world().releases().pop().expect("there is a release")
}

/// The digest of a file, as `sha256sum` prints it.
fn sha256(path: &Path) -> String {
    use sha2::Digest as _;
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    hex::encode(sha2::Sha256::digest(bytes))
}
