//! Where a Helm comes from: the one named, `PATH`, the tool cache, the official archive, the pinned sources.

use super::Helm;
use crate::{
    http,
    program::{self, Bounds},
    retry::{Attempt, Patience},
};
use anyhow::{Context as _, anyhow};
use chartrel_core::{Code, Refusal, Sha256};
use flate2::read::GzDecoder;
use std::{
    env,
    ffi::OsString,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::process::Command;

/// The version of the official archive, and its sha256 by target, from Helm's release page.
const ARCHIVE_VERSION: &str = "v4.2.3";
const ARCHIVES: [(&str, &str); 4] = [
    ("linux-amd64", "e9b88b4ee95b18c706839c28d3a0220e5bc470e9cd9262410c90793c45ff8b7c"),
    ("linux-arm64", "21abd9354d39b2cd79a8d76be6912cd137a983cbf997193503fb8a6a6e2f2785"),
    ("darwin-amd64", "ff3ac86755a45f3422473bc1200776aac0fe04c5766abe6ca66699f7b564b23b"),
    ("darwin-arm64", "048ecf5ad3160f83d918f9fe945238d2132b079640f7b106175331c25f242c64"),
];
/// Helm's own host; `CHARTREL_HELM_BASE_URL` names a mirror.
const ARCHIVE_HOST: &str = "https://get.helm.sh";
/// The largest archive, and the largest program in it, in bytes.
const ARCHIVE_LIMIT: usize = 128 * 1024 * 1024;

/// The version of the sources, with the digests of all that is built: what the tests hold chartrel against too.
const SOURCES_VERSION: &str = "v4.3.1";
const GO_MOD: &str = include_str!("../../../tests/peers/helm/go.mod");
const GO_SUM: &str = include_str!("../../../tests/peers/helm/go.sum");
/// Building takes minutes on a small machine.
const BUILDING: Bounds = Bounds { time: Duration::from_mins(20), output: 4 * 1024 * 1024 };

/// Where to look for Helm, and where to get it from.
#[derive(Debug, Clone)]
pub struct Places {
    /// The program that the caller names; then nothing else is looked at.
    pub explicit: Option<PathBuf>,
    /// The search path.
    pub path: Option<OsString>,
    /// The folder that fetched and built programs are kept in.
    pub cache: PathBuf,
    /// Where the official archives are served; a mirror for machines that do not reach Helm's host.
    pub base_url: String,
    /// The sha256 of the archive for this machine; `None` where none is known.
    pub archive: Option<Sha256>,
}

impl Places {
    /// As the environment has them: `PATH`, `CHARTREL_HELM_BASE_URL`.
    pub fn of_environment(explicit: Option<&Path>, cache: &Path) -> Self {
        let base_url = env::var("CHARTREL_HELM_BASE_URL").ok().filter(|url| !url.is_empty());
        let pinned = target().and_then(|target| ARCHIVES.iter().find(|(name, _)| *name == target));
        Self {
            explicit: explicit.map(Path::to_owned),
            path: env::var_os("PATH"),
            cache: cache.to_owned(),
            base_url: base_url.unwrap_or_else(|| ARCHIVE_HOST.to_owned()),
            archive: pinned.and_then(|(_, digest)| digest.parse().ok()),
        }
    }

    pub(super) async fn find(&self) -> anyhow::Result<Helm> {
        if let Some(program) = &self.explicit {
            let what = || format!("`{}` is no Helm of version 3 or 4", program.display());
            let help = "name a program that answers to `helm version`, or leave the input out";
            return Helm::at(program).await?.ok_or_else(|| Refusal::new(Code::HelmMissing, what(), help).into());
        }
        let on_path = self.path.iter().flat_map(env::split_paths).filter(|folder| folder.is_absolute()).map(|folder| folder.join("helm"));
        let kept = [ARCHIVE_VERSION, SOURCES_VERSION].map(|version| self.kept(version));
        for program in on_path.chain(kept).filter(|program| program.is_file()) {
            if let Some(helm) = Helm::at(&program).await? {
                return Ok(helm);
            }
        }
        self.install().await
    }

    fn kept(&self, version: &str) -> PathBuf {
        self.cache.join("chartrel").join(format!("helm-{version}-{}", target().unwrap_or("other"))).join("helm")
    }

    async fn install(&self) -> anyhow::Result<Helm> {
        let mut reasons = Vec::new();
        match self.fetch().await {
            Ok(program) => return self.works(&program).await,
            Err(error) if error.is::<Refusal>() => return Err(error),
            Err(error) => reasons.push(format!("{error:#}")),
        }
        match self.build().await {
            Ok(program) => return self.works(&program).await,
            Err(error) => reasons.push(format!("{error:#}")),
        }
        let what = format!("there is no Helm on `PATH`, and none could be had: {}", reasons.join("; "));
        let help = "install Helm 4 (azure/setup-helm does), or set `CHARTREL_HELM_BASE_URL` to a mirror of https://get.helm.sh";
        Err(Refusal::new(Code::HelmMissing, what, help).into())
    }

    async fn works(&self, program: &Path) -> anyhow::Result<Helm> {
        Helm::at(program).await?.with_context(|| format!("the Helm at `{}` does not run on this machine", program.display()))
    }

    /// The official archive, into the cache.
    async fn fetch(&self) -> anyhow::Result<PathBuf> {
        let (Some(target), Some(expected)) = (target(), self.archive) else {
            return Err(anyhow!("no archive of Helm is known for this machine"));
        };
        let url = format!("{}/helm-{ARCHIVE_VERSION}-{target}.tar.gz", self.base_url.trim_end_matches('/'));
        eprintln!("fetching Helm {ARCHIVE_VERSION} from {url}");
        let archive = download(&url).await?;
        let actual = Sha256::of(&archive);
        if actual != expected {
            let what = format!("the archive at {url} has the digest `{actual}`, not `{expected}`");
            let help = "do not use it: the mirror, or the way to it, altered it; install Helm 4 by other means";
            return Err(Refusal::new(Code::HelmAltered, what, help).into());
        }
        let program = unpack(&archive, target)?;
        keep(&self.kept(ARCHIVE_VERSION), |path| fs::write(path, &program))
    }

    /// The pinned sources, built with Go into the cache; every module's digest is in `go.sum`.
    async fn build(&self) -> anyhow::Result<PathBuf> {
        let go = self.path.iter().flat_map(env::split_paths).map(|folder| folder.join("go")).find(|program| program.is_file());
        let go = go.context("there is no `go` on `PATH` to build it with")?;
        eprintln!("building Helm {SOURCES_VERSION} with {}; this takes some minutes", go.display());
        let folder = tempfile::tempdir().context("no temporary folder could be made")?;
        for (name, text) in [("go.mod", GO_MOD), ("go.sum", GO_SUM)] {
            fs::write(folder.path().join(name), text).context("the sources could not be laid out")?;
        }
        let built = folder.path().join("helm");
        let mut command = Command::new(go);
        command.current_dir(folder.path()).env("GOFLAGS", "").env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0");
        command.args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false"]);
        // Without this the program calls itself `v4.3` (Helm's Makefile, LDFLAGS).
        command.arg(format!("-ldflags=-s -w -X helm.sh/helm/v4/internal/version.version={SOURCES_VERSION}"));
        command.arg("-o").arg(&built).arg("helm.sh/helm/v4/cmd/helm");
        let ran = program::run(command, vec![], BUILDING).await?;
        if !ran.is_ok() {
            return Err(anyhow!("building it failed: {}", ran.reason()));
        }
        keep(&self.kept(SOURCES_VERSION), |path| fs::copy(&built, path).map(|_| ()))
    }
}

/// The name that Go, and so Helm, has for this machine.
fn target() -> Option<&'static str> {
    match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => Some("linux-amd64"),
        ("linux", "aarch64") => Some("linux-arm64"),
        ("macos", "x86_64") => Some("darwin-amd64"),
        ("macos", "aarch64") => Some("darwin-arm64"),
        _ => None,
    }
}

async fn download(url: &str) -> anyhow::Result<Vec<u8>> {
    let client = http::client()?;
    let mut tries = Patience { tries: 3, ..Patience::default() }.tries();
    loop {
        let attempt = match client.get(url).send().await {
            Ok(response) if response.status().is_success() => match http::read(response, ARCHIVE_LIMIT).await {
                Ok(bytes) => Attempt::Done(bytes),
                Err(error) => Attempt::again(error),
            },
            Ok(response) if response.status().is_server_error() => Attempt::again(anyhow!("{url} answered {}", response.status())),
            Ok(response) => Attempt::Failed(anyhow!("{url} answered {}", response.status())),
            Err(error) => Attempt::again(anyhow::Error::from(error)),
        };
        if let Some(bytes) = tries.settle(attempt).await.with_context(|| format!("{url} could not be fetched"))? {
            return Ok(bytes);
        }
    }
}

/// The one file `<target>/helm` of the archive.
fn unpack(archive: &[u8], target: &str) -> anyhow::Result<Vec<u8>> {
    let mut files = tar::Archive::new(GzDecoder::new(archive));
    let wanted = Path::new(target).join("helm");
    for file in files.entries().context("the archive of Helm is damaged")? {
        let file = file.context("the archive of Helm is damaged")?;
        if file.path().is_ok_and(|path| path == wanted) {
            let mut bytes = Vec::new();
            file.take(ARCHIVE_LIMIT as u64).read_to_end(&mut bytes).context("the archive of Helm is damaged")?;
            return Ok(bytes);
        }
    }
    Err(anyhow!("the archive of Helm holds no `{}`", wanted.display()))
}

/// Puts a program into the cache, whole or not at all: another run may do the same at the same time.
fn keep(place: &Path, write: impl Fn(&Path) -> std::io::Result<()>) -> anyhow::Result<PathBuf> {
    let folder = place.parent().context("the tool cache has no folder")?;
    let kept = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let fresh = tempfile::tempdir_in(folder)?;
        let program = fresh.path().join("helm");
        write(&program)?;
        make_executable(&program)?;
        fs::rename(&program, place)
    };
    kept().with_context(|| format!("Helm could not be kept in `{}`", folder.display()))?;
    Ok(place.to_owned())
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
