//! Evidence: a signed statement whose bundle has been verified, with what its certificate claims.

use crate::{digest::Sha256, statement::Statement};
use chrono::{DateTime, Utc};

/// The claims of a Fulcio certificate, as GitHub's OIDC token put them there.
///
/// Source: Fulcio's `docs/oid-info.md`, 1.3.6.1.4.1.57264.1.8 to .24. A claim that is absent or malformed is `None`, and never met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Subject alternative name: the workflow that signed, `https://github.com/<owner>/<repo>/.github/workflows/<file>@<ref>`.
    pub san: String,
    /// Issuer of the OIDC token.
    pub issuer: String,
    /// Commit of the workflow that signed (`.1.10`).
    pub build_signer_digest: Option<String>,
    /// `github-hosted` or `self-hosted` (`.1.11`).
    pub runner_environment: Option<String>,
    /// The repository whose run signed, as a URL (`.1.12`).
    pub source_repository_uri: Option<String>,
    /// The commit of that run (`.1.13`).
    pub source_repository_digest: Option<String>,
    /// The ref of that run (`.1.14`).
    pub source_repository_ref: Option<String>,
    /// Numeric id of the repository (`.1.15`).
    pub source_repository_id: Option<String>,
    /// The owner as a URL (`.1.16`).
    pub source_owner_uri: Option<String>,
    /// Numeric id of the owner (`.1.17`).
    pub source_owner_id: Option<String>,
    /// The top-level workflow of the run (`.1.18`).
    pub build_config_uri: Option<String>,
    /// The event that started the run (`.1.20`).
    pub build_trigger: Option<String>,
    /// The run and its attempt, as a URL (`.1.21`).
    pub run_invocation_uri: Option<String>,
    /// `public`, `private` or `internal`, when it signed (`.1.22`).
    pub source_visibility: Option<String>,
}

/// Which root of trust a bundle verified under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// The public-good instance, `sigstore.dev`: certificate with SCT, and a log entry.
    PublicGood,
    /// GitHub's own instance: certificate and time stamp, no log.
    GitHub,
    /// A root that the policy on `main` or the caller named; it replaces the embedded ones.
    Custom,
}

/// A verified bundle: signature, certificate chain, log and time were checked by `clients::sigstore`, which alone makes these.
///
/// What it means for the lineage is decided by `core::lineage`.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The statement that was signed.
    pub statement: Statement,
    /// SHA-256 of the signed bytes.
    pub statement_digest: Sha256,
    /// What the certificate claims.
    pub claims: Claims,
    /// The verified time of signing.
    pub signed_at: DateTime<Utc>,
    /// The root it verified under.
    pub root: Root,
    /// The bundle as JSON, to travel with the release.
    pub bundle: String,
}
