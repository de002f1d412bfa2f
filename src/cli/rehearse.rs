//! `chartrel rehearse`: a contribution played through all eight stages on this machine, offline, and told as a story.

mod contribution;
mod folder;
mod people;
mod play;
mod process;
mod seed;
mod tell;
mod universe;

use anyhow::Context as _;
use std::path::PathBuf;
use tell::Teller;

pub use play::Rehearsal;
pub use process::Ended;
pub use universe::Universe;

/// Where a rehearsal leaves what it made, unless told otherwise.
const OUT: &str = "rehearsal";

/// Arguments of `chartrel rehearse`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A git repository of charts to rehearse with; it is copied, never touched. Without it: the built-in example
    #[arg(long)]
    repo: Option<PathBuf>,
    /// Folder for everything the rehearsal leaves; an existing one is replaced only if a rehearsal wrote it
    #[arg(long, default_value = OUT)]
    out: PathBuf,
    /// Keep the world up after the story: `helm pull`, `cosign verify` and `gh` can talk to it until Ctrl-C
    #[arg(long)]
    serve: bool,
    /// Print the report as JSON on stdout; the story goes to stderr all the same
    #[arg(long)]
    json: bool,
}

/// Plays the story.
///
/// # Errors
/// Refuses a folder that no rehearsal wrote and a repository without charts; fails with the stage that did.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let teller = Teller::start();
    let binary = std::env::current_exe().context("this program does not know where it lies")?;
    let rehearsal = Rehearsal::start(&args.out, args.repo.as_deref(), binary).await?;
    teller.scene(&rehearsal);
    let played = rehearsal.play(&teller).await;
    // What was made up to a failure is the evidence of the failure.
    rehearsal.universe.leave(&rehearsal.out).context("what the world holds could not be written down")?;
    let report = tell::Report::of(&rehearsal, &played?)?;
    report.write(&rehearsal.out)?;
    teller.end(&report, &rehearsal.out);
    if args.json {
        tell::json(&report)?;
    }
    if args.serve {
        Teller::serving(&rehearsal);
        tokio::signal::ctrl_c().await.context("waiting for Ctrl-C")?;
    }
    Ok(())
}
