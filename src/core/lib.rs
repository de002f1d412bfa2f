//! What chartrel decides: pure domain, without I/O, clock, environment or network.
//!
//! Each stage's rule is the module of its verb; what stages share is a module of its own.

pub mod annotation;
pub mod artifacthub;
pub mod body;
pub mod build;
pub mod bump;
pub mod changelog;
pub mod chart;
pub mod chartfile;
pub mod check;
pub mod commit;
pub mod digest;
pub mod enforce;
pub mod evidence;
pub mod filter;
pub mod format;
pub mod index;
pub mod lineage;
mod lines;
pub mod map;
pub mod markdown;
pub mod message;
pub mod name;
pub mod notes;
pub mod object;
pub mod oci;
pub mod package;
pub mod policy;
pub mod provenance;
pub mod publish;
pub mod refusal;
pub mod release;
pub mod secrets;
pub mod stage;
pub mod statement;
pub mod summary;
pub mod tag;
pub mod validate;
pub mod version;
pub mod yaml;

pub use digest::Sha256;
pub use refusal::{Code, Refusal, Refused, Result};
