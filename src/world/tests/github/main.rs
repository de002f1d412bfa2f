//! The rehearsal world's GitHub as a client meets it: over HTTP and by git.

#![allow(clippy::unwrap_used, clippy::panic)]

mod attestations;
mod checks;
mod events;
mod git_data;
mod history;
mod place;
mod pulls;
mod releases;
mod rules;
mod smart_http;
mod traffic;
