//! The eight stages, one file each: the short text between clients that ask and tell, and core that decides.

pub mod build;
pub mod bump;
pub mod enforce;
pub mod filter;
pub mod format;
pub mod publish;
pub mod report;
pub mod runner;
pub mod session;
pub mod tag;
pub mod validate;

mod chain;
mod checks;
mod content;
mod handover;
mod history;
mod inputs;
mod prepare;
mod signing;
mod tagged;
mod trees;

use chartrel_core::{Refusal, Refused};

/// The refusals inside an error, for a stage that goes on with other work first; any other error is passed on.
///
/// # Errors
/// The error itself, when it is no refusal.
pub(crate) fn refusals(error: anyhow::Error) -> anyhow::Result<Vec<Refusal>> {
    error.downcast::<Refused>().map(Refused::into_violations).or_else(|error| error.downcast::<Refusal>().map(|refusal| vec![refusal]))
}
