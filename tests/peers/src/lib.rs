//! The programs that judge chartrel: Helm, cosign, gh, oras and others, each at the version that its folder here pins.
//!
//! The tests of this crate run the shipped binary and let those programs read what it wrote. None of them is skipped: a program that
//! can't be installed fails the test and says what to do.
#![allow(clippy::panic, clippy::expect_used, reason = "everything in this crate is test code, and a test ends by a panic")]

pub mod openapi;
pub mod program;
pub mod world;

pub use program::{chartrel, peer};

use std::path::PathBuf;

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the crate lies two levels below the root")
}
