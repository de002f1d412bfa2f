//! The rehearsal world: GitHub, registry, Sigstore and static hosting on loopback.

pub mod github;
pub mod hosting;
pub mod oidc;
pub mod registry;
mod server;
pub mod sigstore;
