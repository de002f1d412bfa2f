//! Helm reads every channel, and finds the same bytes in each.

use super::{release, sha256, world};
use chartrel_peers::{
    peer,
    program::{command, run},
};
use std::process::Command;
use tempfile::TempDir;

/// Helm with folders of its own.
fn helm(home: &TempDir) -> Command {
    let mut helm = command(peer("helm"));
    for (name, folder) in [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")] {
        helm.env(name, home.path().join(folder));
    }
    helm.current_dir(home.path());
    helm
}

#[test]
fn every_channel_gives_the_bytes_of_the_release() {
    let release = release();
    let asset = sha256(&release.assets().join(release.package()));
    assert_eq!(release.fact("packageDigest").trim_start_matches("sha256:"), asset);
    let (registry, version) = (format!("oci://{}", release.reference()), release.fact("version"));
    let repository = ["pull", release.fact("chart"), "--repo", world().address("helmRepository"), "--version", version];
    for arguments in [&["pull", &registry, "--plain-http", "--version", version][..], &repository[..]] {
        let home = TempDir::new().unwrap();
        run(helm(&home).args(arguments));
        assert_eq!(sha256(&home.path().join(release.package())), asset, "helm {arguments:?}");
    }
}

#[test]
fn an_added_repository_lists_the_release() {
    let (home, release) = (TempDir::new().unwrap(), release());
    run(helm(&home).args(["repo", "add", "acme", world().address("helmRepository")]));
    run(helm(&home).args(["repo", "update"]));
    let found = run(helm(&home).args(["search", "repo", "acme/", "--versions", "--devel", "--output", "json"]));
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let name = format!("acme/{}", release.fact("chart"));
    let rows = found.as_array().unwrap().iter();
    assert_eq!(rows.filter(|row| row["name"] == name && row["version"] == release.fact("version")).count(), 1, "{found:#}");
}

#[test]
fn the_published_chart_passes_lint_and_renders() {
    let (home, release) = (TempDir::new().unwrap(), release());
    let package = release.assets().join(release.package());
    run(helm(&home).arg("lint").arg(&package));
    let rendered = run(helm(&home).args(["template", "example"]).arg(&package));
    assert!(rendered.contains("kind:"), "{rendered}");
}
