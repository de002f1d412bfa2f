//! cosign and gh verify what a rehearsal signed, by the very commands that the release notes print.

use super::{release, world};
use chartrel_peers::{
    peer,
    program::{command, refused, run},
    world::Release,
};
use std::process::Command;
use tempfile::TempDir;

/// What somebody has who downloaded the release and the adopter's trusted root.
fn download(release: &Release) -> TempDir {
    let folder = TempDir::new().unwrap();
    for entry in std::fs::read_dir(release.assets()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let trust = folder.path().join(".github/sigstore");
    std::fs::create_dir_all(&trust).unwrap();
    let committed = ["show", "main:.github/sigstore/trusted_root.json"];
    let root = run(command("git").arg("--git-dir").arg(world().path("github.git")).args(committed));
    std::fs::write(trust.join("trusted_root.json"), root).unwrap();
    folder
}

/// The lines of the notes that begin with a program's name.
fn printed(release: &Release, program: &str) -> Vec<String> {
    let notes = release.notes();
    let commands: Vec<String> = notes.lines().filter(|line| line.starts_with(program)).map(str::to_owned).collect();
    assert!(!commands.is_empty(), "the notes print no `{program}`:\n{notes}");
    commands
}

/// A printed command, typed into a shell that has the peers on its path.
///
/// On loopback three things differ from GitHub: the issuer of identity tokens, plain HTTP for cosign, and where gh finds the bundles, because gh
/// asks GitHub's API over TLS alone.
fn typed(line: &str, folder: &TempDir) -> Command {
    let issuer = world().address("issuer");
    let line = line.replace("https://token.actions.githubusercontent.com", issuer);
    let line = match line.split(' ').next() {
        Some("cosign") if line.contains("verify-blob") => line,
        Some("cosign") => format!("{line} --allow-http-registry"),
        _ if line.contains(" oci://") => format!("{line} --cert-oidc-issuer {issuer} --bundle-from-oci"),
        _ => format!("{line} --cert-oidc-issuer {issuer} --bundle bundles.jsonl"),
    };
    let mut path = std::ffi::OsString::new();
    for peer in [peer("cosign"), peer("gh"), peer("helm")] {
        path.push(peer.parent().unwrap());
        path.push(":");
    }
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut shell = command("sh");
    shell.args(["-euc", &line]).env("PATH", path).env("HOME", folder.path()).env("GH_TOKEN", "none").current_dir(folder.path());
    shell
}

/// The bundles over the package, as JSON lines, from the lineage that travels with the release.
fn bundles(folder: &TempDir) {
    let lineage = std::fs::read_to_string(folder.path().join("attestation-lineage.json")).unwrap();
    let lineage: serde_json::Value = serde_json::from_str(&lineage).unwrap();
    let bundles = lineage["bundles"].as_object().map(|map| map.values().cloned().collect::<Vec<_>>());
    let bundles = bundles.or_else(|| lineage["bundles"].as_array().cloned()).expect("the lineage holds the bundles");
    let lines: Vec<String> = bundles.iter().map(|entry| entry.get("bundle").unwrap_or(entry).to_string()).collect();
    std::fs::write(folder.path().join("bundles.jsonl"), lines.join("\n") + "\n").unwrap();
}

#[test]
fn cosign_verifies_by_the_printed_commands() {
    let release = release();
    let folder = download(&release);
    for line in printed(&release, "cosign ") {
        run(&mut typed(&line, &folder));
    }
}

#[test]
fn gh_verifies_by_the_printed_commands() {
    let release = release();
    let folder = download(&release);
    bundles(&folder);
    for line in printed(&release, "gh ") {
        run(&mut typed(&line, &folder));
    }
}

#[test]
fn one_altered_byte_is_refused_by_both() {
    let release = release();
    let folder = download(&release);
    bundles(&folder);
    let package = folder.path().join(release.package());
    let about_the_file = |line: &String| line.contains(".tgz") && !line.contains("oci://");
    let lines: Vec<String> = ["cosign ", "gh "].iter().flat_map(|program| printed(&release, program)).filter(about_the_file).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in &lines {
        run(&mut typed(line, &folder));
    }
    let mut bytes = std::fs::read(&package).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&package, bytes).unwrap();
    for line in &lines {
        refused(&mut typed(line, &folder));
    }
}

#[test]
fn another_identity_is_refused() {
    let release = release();
    let folder = download(&release);
    bundles(&folder);
    for line in ["cosign ", "gh "].iter().flat_map(|program| printed(&release, program)) {
        run(&mut typed(&line, &folder));
        let another =
            line.replace("--signer-repo chartrel/", "--signer-repo mallory/").replace("/chartrel/chartrel/", "/mallory/chartrel/");
        assert_ne!(another, line);
        refused(&mut typed(&another, &folder));
    }
}
