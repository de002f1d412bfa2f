//! `chartrel package`: folders of charts in, their packages out; the same bytes on every machine.
//!
//! Every file in a package has one time: `SOURCE_DATE_EPOCH`, else that of the commit checked out where the chart lies, else that of the
//! chart's newest file. The folder is read as it is on the disk, with what git does not track, as `helm package` reads it.

mod folder;

use anyhow::Context as _;
use chartrel_clients::git::Checkout;
use chartrel_core::{
    Code, Refusal, Refused,
    chart::Chart,
    package::{self, Package},
};
use folder::Folder;
use semver::Version;
use serde_json::json;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

/// What is packaged, and where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders of the charts
    #[arg(required = true, value_name = "CHART")]
    charts: Vec<PathBuf>,
    /// Folder the packages are written to; made if it is not there
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    destination: PathBuf,
    /// Version to write into the package in place of Chart.yaml's
    #[arg(long)]
    version: Option<Version>,
    /// Version of the application to write into the package
    #[arg(long)]
    app_version: Option<String>,
    /// Print one JSON array in place of lines that `sha256sum --check` reads
    #[arg(long)]
    json: bool,
}

/// Packages all charts, or none if one of them is refused.
///
/// # Errors
/// [`Refused`] with all that is wrong with the charts; `input/invalid` for a `SOURCE_DATE_EPOCH` that is no number of seconds.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let (mut packages, mut refusals) = (Vec::new(), Vec::new());
    for path in &args.charts {
        match one(path, &args) {
            Ok(package) => packages.push(package),
            Err(error) => refusals.extend(named(error, path, args.charts.len())?),
        }
    }
    Refused::unless_empty(refusals)?;
    let Args { destination, json: as_json, .. } = args;
    fs::create_dir_all(&destination).with_context(|| format!("`{}` cannot be made", destination.display()))?;
    let mut rows = Vec::new();
    for package in packages {
        let path = destination.join(&package.name);
        super::index::replace(&path, &package.bytes)?;
        rows.push((path, package));
    }
    report(&rows, as_json)
}

/// The refusals of one chart; those of several say of which.
fn named(error: anyhow::Error, path: &Path, charts: usize) -> anyhow::Result<Vec<Refusal>> {
    let refused = match error.downcast::<Refusal>() {
        Ok(refusal) => Refused::from(refusal),
        Err(error) => error.downcast::<Refused>()?,
    };
    let mut refusals = refused.into_violations();
    for refusal in refusals.iter_mut().filter(|_| charts > 1) {
        refusal.what = format!("in `{}`: {}", path.display(), refusal.what);
    }
    Ok(refusals)
}

fn one(path: &Path, args: &Args) -> anyhow::Result<Package> {
    let Folder { files, newest } = Folder::read(path)?;
    let mut chart = Chart::load(files)?;
    if let Some(version) = &args.version {
        chart.set_version(version.clone());
    }
    if let Some(app_version) = &args.app_version {
        chart.set_app_version(app_version);
    }
    let time = match epoch()? {
        Some(time) => time,
        None => commit_time(path)?.unwrap_or(newest),
    };
    Ok(package::package(&chart, time)?)
}

/// `SOURCE_DATE_EPOCH`, whole seconds since 1970 (reproducible-builds.org, "`SOURCE_DATE_EPOCH`"); empty is absent.
///
/// # Errors
/// `input/invalid` for anything else.
pub(crate) fn epoch() -> Result<Option<i64>, Refusal> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty()) else { return Ok(None) };
    let text = value.to_string_lossy();
    // Twelve octal digits: what a tar header holds, the year 2242.
    match text.parse::<i64>() {
        Ok(seconds) if (0..1 << 33).contains(&seconds) => Ok(Some(seconds)),
        _ => {
            let what = format!("`SOURCE_DATE_EPOCH` is `{}`, not a number of seconds since 1970", text.escape_debug());
            Err(Refusal::new(Code::InputInvalid, what, "set it to `git log -1 --format=%ct`, or unset it"))
        }
    }
}

/// The time of the commit that is checked out; `None` outside of a repository, and in one without commits.
fn commit_time(folder: &Path) -> anyhow::Result<Option<i64>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let checkout = match Checkout::open(folder).await {
            Ok(checkout) => checkout,
            Err(error) if error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.code == Code::GitNoRepository) => return Ok(None),
            Err(error) => return Err(error),
        };
        match checkout.resolve("HEAD").await? {
            Some(head) => Ok(Some(checkout.commit_time(&head).await?.timestamp())),
            None => Ok(None),
        }
    })
}

fn report(rows: &[(PathBuf, Package)], as_json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(path, package)| json!({"path": path, "name": package.name, "digest": package.digest, "size": package.bytes.len()}))
            .collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
        return Ok(());
    }
    for (path, package) in rows {
        writeln!(out, "{}  {}", package.digest.hex(), path.display())?;
    }
    Ok(())
}
