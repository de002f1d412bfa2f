//! How the binary reaches a runner: `dist/run` runs what has the expected digest, and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests end like tests")]

use chartrel_core::digest::Sha256;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

const PROGRAM: &str = "#!/bin/sh\nprintf 'ran:%s\\n' \"$*\"\n";
const OTHER: &str = "#!/bin/sh\nprintf 'something else\\n'\n";

/// A copy of `dist/` with one asset for Linux on X64, and a runner's folders.
struct Runner {
    folder: TempDir,
}

impl Runner {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let dist = folder.path().join("dist");
        std::fs::create_dir_all(&dist).unwrap();
        std::fs::create_dir_all(folder.path().join("cache")).unwrap();
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist");
        std::fs::copy(here.join("run"), dist.join("run")).unwrap();
        let manifest = std::fs::read_to_string(here.join("manifest.json")).unwrap();
        let mut manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        manifest["assets"] = serde_json::json!({});
        let asset = format!(
            "\"assets\": {{\n    \"x86_64-unknown-linux-musl\": {{\"name\": \"chartrel-linux\", \"sha256\": \"{}\", \"size\": {}}}\n  }}",
            digest(PROGRAM),
            PROGRAM.len()
        );
        let text = serde_json::to_string_pretty(&manifest).unwrap().replace("\"assets\": {}", &asset);
        std::fs::write(dist.join("manifest.json"), text).unwrap();
        Self { folder }
    }

    fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn cached() -> String {
        format!("cache/chartrel/{}/x86_64-unknown-linux-musl/chartrel", env!("CARGO_PKG_VERSION"))
    }

    fn run(&self, environment: &[(&str, &str)]) -> Output {
        let mut command = Command::new(self.folder.path().join("dist/run"));
        command.args(["publish", "--dry run"]).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.envs([("RUNNER_OS", "Linux"), ("RUNNER_ARCH", "X64")]).env("RUNNER_TOOL_CACHE", self.folder.path().join("cache"));
        command.envs(environment.iter().copied()).output().unwrap()
    }
}

fn digest(text: &str) -> String {
    Sha256::of(text).hex()
}

/// Serves one body to every request, on a port the system gives.
fn serve(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    format!("http://{address}")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_given_binary_runs_only_under_its_digest() {
    let runner = Runner::new();
    let (ours, other) = (runner.program("ours", PROGRAM), runner.program("other", OTHER));
    let (ours, other) = (ours.to_str().unwrap(), other.to_str().unwrap());
    for (binary, sha256, code, expected) in [
        (ours, None, 0, "ran:publish --dry run\n"),
        (other, None, 1, "dist/wrong-digest"),
        (other, Some(digest(OTHER)), 0, "something else\n"),
        (other, Some(digest(PROGRAM)), 1, "dist/wrong-digest"),
        (other, Some("skip".to_owned()), 0, "something else\n"),
        ("/nowhere/chartrel", Some("skip".to_owned()), 2, "dist/no-binary"),
    ] {
        let output = runner.run(&[("CHARTREL_BINARY", binary), ("CHARTREL_BINARY_SHA256", sha256.as_deref().unwrap_or_default())]);
        assert_eq!(output.status.code(), Some(code), "{binary} {sha256:?}: {}", said(&output));
        assert!(said(&output).contains(expected), "{binary} {sha256:?}: {}", said(&output));
    }
}

#[test]
fn a_given_binary_without_any_digest_is_refused() {
    let runner = Runner::new();
    let other = runner.program("other", OTHER);
    let output = runner.run(&[("CHARTREL_BINARY", other.to_str().unwrap()), ("RUNNER_ARCH", "S390X")]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("dist/no-digest"), "{}", said(&output));
}

#[test]
fn a_download_is_kept_and_the_second_run_needs_no_server() {
    let runner = Runner::new();
    let url = serve(PROGRAM);
    let first = runner.run(&[("CHARTREL_DOWNLOAD_BASE_URL", &url)]);
    assert!(first.status.success() && said(&first).contains("ran:publish --dry run\n"), "{}", said(&first));
    let second = runner.run(&[("CHARTREL_DOWNLOAD_BASE_URL", "http://127.0.0.1:1")]);
    assert!(second.status.success() && !said(&second).contains("downloading"), "{}", said(&second));
}

#[test]
fn a_download_with_other_bytes_is_refused_and_not_kept() {
    let runner = Runner::new();
    let output =
        runner.run(&[("CHARTREL_DOWNLOAD_BASE_URL", &serve("#!/bin/sh\nprintf 'ran evil'         \n")), ("GITHUB_ACTIONS", "true")]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("::error title=dist/wrong-digest::"), "{}", said(&output));
    let cached = runner.folder.path().join(Runner::cached());
    assert_eq!(std::fs::read_dir(cached.parent().unwrap()).unwrap().count(), 0, "nothing stays in the cache");
}

#[test]
fn a_poisoned_tool_cache_is_refused() {
    let runner = Runner::new();
    runner.program(&Runner::cached(), OTHER);
    let output = runner.run(&[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("dist/wrong-digest") && !said(&output).contains("something else"), "{}", said(&output));
}

#[test]
fn a_runner_without_an_asset_is_refused() {
    let runner = Runner::new();
    for (system, architecture) in [("Windows", "X64"), ("Linux", "S390X"), ("macOS", "ARM64")] {
        let output = runner.run(&[("RUNNER_OS", system), ("RUNNER_ARCH", architecture)]);
        assert_eq!(output.status.code(), Some(1), "{system} {architecture}: {}", said(&output));
        assert!(said(&output).contains("dist/no-asset"), "{system} {architecture}: {}", said(&output));
    }
}

#[test]
fn the_manifest_has_the_version_of_the_package_and_whole_assets() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    for (target, asset) in manifest["assets"].as_object().unwrap() {
        let line = text.lines().find(|line| line.contains(target.as_str())).unwrap();
        assert!(
            line.contains("\"sha256\": \"") && asset["sha256"].as_str().unwrap().len() == 64,
            "dist/run reads one asset a line: {line}"
        );
        assert!(asset["name"].is_string() && asset["size"].is_u64(), "{target} lacks a name or a size");
    }
}
