//! `artifacthub-lint`: the chart's Artifact Hub annotations are what Artifact Hub can read.

use crate::{checks::Problems, prepare::Prepared};
use chartrel_core::artifacthub;

/// Holds the annotations against Artifact Hub's rules (MISSION A.13).
pub(crate) fn run(chart: &Prepared) -> Problems {
    let metadata = &chart.chart.metadata;
    artifacthub::lint(&metadata.annotations, &metadata.version)
        .into_iter()
        .map(|finding| format!("{}: {}", finding.rule, finding.what))
        .collect()
}
