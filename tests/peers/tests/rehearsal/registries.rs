//! What a rehearsal pushed, other programs read and other registries take: one with the referrers API, one with the fallback tag alone.

use super::{release, sha256};
use chartrel_peers::{
    peer,
    program::{command, run},
};
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};
use tempfile::TempDir;

/// A registry that ends with the test.
struct Registry {
    process: Child,
    host: String,
    _folder: TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// go-containerregistry's, which has the referrers API.
    fn with_referrers() -> Self {
        let mut process = command(peer("registry")).arg("127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut host = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut host).unwrap();
        Self { process, host: host.trim().to_owned(), _folder: TempDir::new().unwrap() }
    }

    /// Docker's distribution, which has none.
    fn distribution() -> Self {
        let folder = TempDir::new().unwrap();
        let configuration = folder.path().join("config.yml");
        let storage = folder.path().join("storage");
        let text = format!("version: 0.1\nstorage: {{filesystem: {{rootdir: {}}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n", storage.display());
        std::fs::write(&configuration, text).unwrap();
        let mut process =
            command(peer("distribution")).arg("serve").arg(&configuration).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let line =
            lines.by_ref().map(Result::unwrap).find(|line| line.contains("listening on 127.0.0.1:")).expect("it says where it listens");
        let host = line.split("listening on ").nth(1).and_then(|rest| rest.split(['"', ' ', ',']).next()).unwrap().to_owned();
        // Its log is read on, or the pipe fills and it stops.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, host, _folder: folder }
    }
}

#[test]
fn oras_and_crane_see_the_chart_and_its_referrers() {
    let release = release();
    let (reference, digest) = (release.reference(), release.fact("ociDigest"));
    let seen = run(command(peer("crane")).args(["digest", "--insecure", &format!("{reference}:{}", release.fact("version"))]));
    assert_eq!(seen.trim(), digest);
    // Helm's layers have no title, so oras saves no file of them by itself.
    let layer = format!("{reference}@{}", release.fact("packageDigest"));
    let folder = TempDir::new().unwrap();
    let fetched = folder.path().join("package.tgz");
    run(command(peer("oras")).args(["blob", "fetch", "--plain-http", "--output"]).arg(&fetched).arg(&layer));
    assert_eq!(format!("sha256:{}", sha256(&fetched)), release.fact("packageDigest"));
    let discovered = run(command(peer("oras")).args(["discover", "--plain-http", "--format", "json", &format!("{reference}@{digest}")]));
    assert!(
        discovered.matches("application/vnd.dev.sigstore.bundle").count() >= 2,
        "signature, provenance and lineage are referrers: {discovered}"
    );
}

#[test]
fn the_chart_and_its_referrers_live_on_in_other_registries() {
    let release = release();
    let digest = release.fact("ociDigest");
    for registry in [Registry::with_referrers(), Registry::distribution()] {
        let from = format!("{}@{digest}", release.reference());
        let to = format!("{}/mirror/{}:{}", registry.host, release.fact("chart"), release.fact("version"));
        run(command(peer("oras")).args(["copy", "--recursive", "--from-plain-http", "--to-plain-http", &from, &to]));
        let folder = TempDir::new().unwrap();
        let (chart, version) = (format!("oci://{}/mirror/{}", registry.host, release.fact("chart")), release.fact("version"));
        run(command(peer("helm"))
            .args(["pull", &chart, "--plain-http", "--version", version])
            .env("HOME", folder.path())
            .current_dir(folder.path()));
        assert_eq!(
            format!("sha256:{}", sha256(&folder.path().join(release.package()))),
            release.fact("packageDigest"),
            "{}",
            registry.host
        );
    }
}
