//! The eight stages as subcommands: the runner's environment in, its files out.

use crate::{end::say, environment::Environment, runner_files};
use chartrel_stages::{build, bump, enforce, filter, format, publish, report::Report, tag, validate};
use clap::Subcommand;

/// The stages, in their order.
#[derive(Subcommand)]
pub(crate) enum Stage {
    /// 1. Run the checks of a contribution, sign each, record the attestation map
    Validate(validate::Inputs),
    /// 2. Give each contributed chart a branch and a pull request of its own
    Filter(filter::Inputs),
    /// 3. Merge what integration holds into the chart branch, close everything else
    Enforce(enforce::Inputs),
    /// 4. Open the pull request to main with the map and the lineage so far
    Format(format::Inputs),
    /// 5. Verify every attestation, set version and changelog
    Bump(bump::Inputs),
    /// 6. Make the immutable tag, the pull request to release, the back-merge
    Tag(tag::Inputs),
    /// 7. Verify at the tag, package, sign, merge
    Build(build::Inputs),
    /// 8. Publish to the OCI registry, GitHub Releases and the Helm repository
    Publish(publish::Inputs),
}

impl Stage {
    /// Runs the stage and writes the runner's files.
    pub(crate) async fn run(self, environment: Environment) -> anyhow::Result<()> {
        let runner = environment.runner()?;
        let report = match self {
            Self::Validate(inputs) => Box::pin(validate::run(inputs, runner)).await,
            Self::Filter(inputs) => Box::pin(filter::run(inputs, runner)).await,
            Self::Enforce(inputs) => Box::pin(enforce::run(inputs, runner)).await,
            Self::Format(inputs) => Box::pin(format::run(inputs, runner)).await,
            Self::Bump(inputs) => Box::pin(bump::run(inputs, runner)).await,
            Self::Tag(inputs) => Box::pin(tag::run(inputs, runner)).await,
            Self::Build(inputs) => Box::pin(build::run(inputs, runner)).await,
            Self::Publish(inputs) => Box::pin(publish::run(inputs, runner)).await,
        }?;
        tell(&report);
        runner_files::write(&environment, &report)
    }
}

fn tell(report: &Report) {
    for decision in &report.decisions {
        say(decision);
    }
    for wrote in &report.wrote {
        say(&format!("wrote: {wrote}"));
    }
    for warning in &report.warnings {
        say(&format!("warning: {warning}"));
    }
}
