//! The rehearsal world: GitHub, registry, Sigstore and static hosting on loopback.

pub mod github;
pub mod oidc;
mod server;
pub mod sigstore;
