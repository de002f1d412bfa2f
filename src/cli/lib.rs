//! The `chartrel` program: arguments and environment in, a stage run, runner files and an exit code out.
//!
//! It is a library beside the thin program so that the whole-product tests play the same rehearsal.

mod end;
mod environment;
mod index;
mod package;
pub mod rehearse;
mod runner_files;
mod stage;
mod verify;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::process::ExitCode;

/// Releases Helm charts from GitHub, every step signed and bound to the one before.
#[derive(Parser)]
#[command(name = "chartrel", version, args_override_self = true, max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play a contribution through all eight stages on this machine, offline
    Rehearse(rehearse::Args),
    /// Prove a release: from its package, OCI reference or tag back to the contribution
    Verify(verify::Args),
    /// Package charts, byte for byte the same on every machine
    Package(package::Args),
    /// Add packages to an index.yaml, every other byte kept
    Index(index::Args),
    /// One of the eight stages, as an action runs it
    #[command(flatten)]
    Stage(stage::Stage),
}

/// Runs the program with this process's arguments and environment.
pub fn main() -> ExitCode {
    let environment = match environment::Environment::read() {
        Ok(environment) => environment,
        Err(refused) => return end::failed(&refused.into(), false),
    };
    let arguments = environment.arguments(std::env::args_os(), &Cli::command());
    let matches = match Cli::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return end::usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return end::usage(&error),
    };
    let is_runner = environment.is_runner();
    let ended = run(cli.command, environment);
    ended.unwrap_or_else(|error| end::failed(&error, is_runner))
}

fn run(command: Command, environment: environment::Environment) -> anyhow::Result<ExitCode> {
    match command {
        Command::Package(args) => package::run(args).map(|()| ExitCode::SUCCESS),
        Command::Index(args) => index::run(args).map(|()| ExitCode::SUCCESS),
        Command::Rehearse(args) => runtime()?.block_on(rehearse::run(args)).map(|()| ExitCode::SUCCESS),
        Command::Verify(args) => runtime()?.block_on(verify::run(args, &environment)),
        Command::Stage(stage) => runtime()?.block_on(stage.run(environment)).map(|()| ExitCode::SUCCESS),
    }
}

/// The runtime, started only by commands that talk to the outside.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
