//! Thin, concrete clients of the outside world: they ask and tell, and decide nothing about the pipeline.
//!
//! Domain types in and out; URLs, status codes, byte limits, timeouts and retries inside.

pub mod git;
pub mod github;
pub mod helm;
pub mod http;
pub mod program;
pub mod registry;
pub mod retry;
pub mod sigstore;
