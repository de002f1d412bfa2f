//! The `helm` program: linting, rendering, dependencies. It sees no cluster, no plugins, no configuration of the user.

mod find;

#[cfg(test)]
mod tests;

pub use find::Places;

use crate::program::{self, Bounds, Ran};
use anyhow::{Context as _, bail};
use chartrel_core::yaml;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::process::Command;

/// Rendering is given two minutes and 64 MiB.
const BOUNDS: Bounds = Bounds { time: Duration::from_mins(2), output: 64 * 1024 * 1024 };
/// Fetching dependencies is given five minutes.
const FETCHING: Bounds = Bounds { time: Duration::from_mins(5), output: 16 * 1024 * 1024 };
/// What a program that reaches the network is let see of the environment.
const NETWORK: [&str; 8] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// A Helm that works.
#[derive(Debug, Clone)]
pub struct Helm {
    program: PathBuf,
    version: String,
    home: Arc<TempDir>,
}

/// What a chart is linted and rendered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting<'a> {
    /// Values files, later ones over earlier ones.
    pub values: &'a [PathBuf],
    /// The version of Kubernetes that the chart is told (`v1.34.3`).
    pub kube_version: &'a str,
}

/// What Helm made of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it ended with 0.
    pub ok: bool,
    /// Standard output: findings, or the rendered manifests.
    pub stdout: String,
    /// Standard error: what is wrong.
    pub stderr: String,
}

impl Outcome {
    /// Both outputs, for people.
    pub fn output(&self) -> String {
        let parts = [self.stdout.trim_end(), self.stderr.trim_end()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

impl From<Ran> for Outcome {
    fn from(ran: Ran) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { ok: ran.is_ok(), stdout: text(&ran.stdout), stderr: text(&ran.stderr) }
    }
}

impl Helm {
    /// A Helm: the one named, else that on `PATH`, else the pinned one out of `tool_cache`, fetched or built there first.
    ///
    /// # Errors
    /// `helm/missing` when there is none to be had; `helm/altered` when the archive is not the one whose digest is pinned.
    pub async fn find(explicit: Option<&Path>, tool_cache: &Path) -> anyhow::Result<Self> {
        Self::find_in(&Places::of_environment(explicit, tool_cache)).await
    }

    /// The same, with the places to look given.
    ///
    /// # Errors
    /// As [`Helm::find`].
    pub async fn find_in(places: &Places) -> anyhow::Result<Self> {
        places.find().await
    }

    /// Asks the program at `program` for its version; `None` when it is no Helm 3 or 4.
    async fn at(program: &Path) -> anyhow::Result<Option<Self>> {
        let home = Arc::new(tempfile::tempdir().context("no temporary folder could be made")?);
        for folder in ["cache", "config", "data", "plugins", "tmp"] {
            fs::create_dir(home.path().join(folder)).context("no temporary folder could be made")?;
        }
        let mut helm = Self { program: program.to_owned(), version: String::new(), home };
        let Ok(ran) = helm.run(&["version".into(), "--template={{.Version}}".into()], BOUNDS).await else { return Ok(None) };
        let version = String::from_utf8_lossy(&ran.stdout).trim().to_owned();
        let is_known = ["v3.", "v4."].iter().any(|major| version.starts_with(major));
        if !ran.is_ok() || !is_known || version.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Ok(None);
        }
        helm.version = version;
        Ok(Some(helm))
    }

    /// The version, such as `v4.3.1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// `helm lint` of a chart's folder.
    ///
    /// # Errors
    /// When Helm does not run to its end; what it finds is in the outcome.
    pub async fn lint(&self, folder: &Path, setting: &Setting<'_>) -> anyhow::Result<Outcome> {
        let mut arguments = vec!["lint".into()];
        arguments.extend(setting.arguments()?);
        arguments.extend(["--".into(), absolute(folder)?.into()]);
        Ok(self.run(&arguments, BOUNDS).await?.into())
    }

    /// `helm template` of a chart's folder: the manifests, CRDs included, rendered without cluster.
    ///
    /// # Errors
    /// When Helm does not run to its end, or `release` is no name; what it finds is in the outcome.
    pub async fn template(&self, folder: &Path, release: &str, setting: &Setting<'_>) -> anyhow::Result<Outcome> {
        if release.is_empty() || release.starts_with('-') {
            bail!("`{}` is not the name of a release", release.escape_debug());
        }
        let mut arguments = vec!["template".into(), "--include-crds".into()];
        arguments.extend(setting.arguments()?);
        arguments.extend(["--".into(), release.into(), absolute(folder)?.into()]);
        Ok(self.run(&arguments, BOUNDS).await?.into())
    }

    /// `helm dependency build`: fetches what the chart's lock names into its `charts/`, from repositories, registries and folders.
    ///
    /// # Errors
    /// When Helm does not run to its end; what it finds is in the outcome.
    pub async fn dependency_build(&self, folder: &Path) -> anyhow::Result<Outcome> {
        let repositories = repositories(folder);
        // With a lock Helm wants each HTTP repository known by some name ("no repository definition for …").
        for (number, url) in repositories.iter().enumerate() {
            let add = ["repo", "add", "--force-update", "--", &format!("chartrel-{number}"), url].map(OsString::from);
            let added = self.run(&add, FETCHING).await?;
            if !added.is_ok() {
                return Ok(added.into());
            }
        }
        let mut arguments: Vec<OsString> = vec!["dependency".into(), "build".into()];
        if !repositories.is_empty() {
            arguments.push("--skip-refresh".into());
        }
        arguments.extend(["--".into(), absolute(folder)?.into()]);
        Ok(self.run(&arguments, FETCHING).await?.into())
    }

    async fn run(&self, arguments: &[OsString], bounds: Bounds) -> anyhow::Result<Ran> {
        let home = self.home.path();
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .current_dir(home)
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", home)
            .env("TMPDIR", home.join("tmp"))
            .env("HELM_CACHE_HOME", home.join("cache"))
            .env("HELM_CONFIG_HOME", home.join("config"))
            .env("HELM_DATA_HOME", home.join("data"))
            .env("HELM_PLUGINS", home.join("plugins"))
            .env("HELM_NO_PLUGINS", "1")
            .env("KUBECONFIG", "/dev/null")
            .args(arguments);
        if bounds.time == FETCHING.time {
            command.envs(NETWORK.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        }
        program::run(command, vec![], bounds).await
    }
}

/// Absolute, so that no name of a contributor's reads as an option or a URL.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    fs::canonicalize(path).with_context(|| format!("`{}` is not there", path.display()))
}

/// The HTTP repositories that a chart's dependencies name; a file that cannot be read is Helm's to complain about.
fn repositories(folder: &Path) -> BTreeSet<String> {
    let files = ["Chart.yaml", "Chart.lock", "requirements.yaml", "requirements.lock"].iter();
    let documents = files.filter_map(|name| yaml::parse(&fs::read_to_string(folder.join(name)).ok()?).ok());
    let named = documents.flat_map(|document| match document.get("dependencies") {
        Some(Value::Array(dependencies)) => {
            dependencies.iter().filter_map(|one| Some(one.get("repository")?.as_str()?.to_owned())).collect()
        }
        _ => Vec::new(),
    });
    named.filter(|url| url.starts_with("https://") || url.starts_with("http://")).collect()
}

impl Setting<'_> {
    fn arguments(&self) -> anyhow::Result<Vec<OsString>> {
        let mut arguments = vec![OsString::from(format!("--kube-version={}", self.kube_version))];
        for path in self.values {
            let path = absolute(path)?;
            // Helm splits the option's value at commas.
            if path.to_string_lossy().contains(',') {
                bail!("the values file `{}` has a comma in its name", path.display());
            }
            let mut argument = OsString::from("--values=");
            argument.push(path);
            arguments.push(argument);
        }
        Ok(arguments)
    }
}
