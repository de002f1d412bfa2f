//! `security`, chartrel's own part: no private key and no access token lies in the chart's files.
//!
//! A policy may give the key to a scanner of the adopter's instead (`signers.keys`).

use crate::{checks::Problems, prepare::Prepared};
use chartrel_core::secrets;

/// Names each file and line that holds what looks like a secret; never the secret itself.
pub(crate) fn run(chart: &Prepared) -> Problems {
    chart
        .files
        .iter()
        .flat_map(|file| secrets::find(&file.bytes).into_iter().map(|found| format!("{}:{}: {}", file.path, found.line, found.kind)))
        .collect()
}
