//! Sigstore: signing statements without keys, and verifying bundles.
//!
//! Built on `sigstore-sign` and `sigstore-verify`, which nothing outside this module names.

mod services;
mod sign;
mod token;
mod verify;

#[cfg(test)]
mod tests;

pub use services::SigningServices;
pub use sign::{LogEntry, SignedBlob, Signer, signature_of};
pub use token::{Oidc, TokenClaims};
pub use verify::{Roots, Verifier};
