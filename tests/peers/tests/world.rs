//! The rehearsal world is one that cosign, gh, Helm, oras and crane take for the real thing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests end like tests")]

use chartrel_peers::{
    peer,
    program::{command, refused, run},
};
use chartrel_world::{
    oidc::{Oidc, RunClaims},
    registry::{self, Registry},
    sigstore::{self, Sigstore},
};
use sha2::Digest as _;
use std::{path::Path, process::Command};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const SIGNER: &str = "chartrel/chartrel/.github/workflows/build.yml@refs/tags/v1";
const CHART: &str = "apiVersion: v2\nname: boat\nversion: 1.2.3\ndescription: floats\n";

/// The services a publisher meets, and a folder with a package and the trusted root.
struct World {
    _runtime: Runtime,
    oidc: Oidc,
    sigstore: Sigstore,
    registry: Registry,
    folder: TempDir,
}

impl World {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let (oidc, sigstore, registry) = runtime.block_on(async {
            let oidc = Oidc::start().await.unwrap();
            let sigstore = Sigstore::start(sigstore::Options::new(oidc.identity_provider())).await.unwrap();
            (oidc, sigstore, Registry::start(registry::Options::default()).await.unwrap())
        });
        let folder = TempDir::new().unwrap();
        let world = Self { _runtime: runtime, oidc, sigstore, registry, folder };
        std::fs::create_dir(world.path("boat")).unwrap();
        std::fs::write(world.path("boat/Chart.yaml"), CHART).unwrap();
        std::fs::write(world.path("root.json"), world.sigstore.trusted_root()).unwrap();
        std::fs::write(world.path("root.jsonl"), world.sigstore.trusted_root_jsonl()).unwrap();
        std::fs::write(world.path("config.json"), world.sigstore.signing_config()).unwrap();
        run(world.peer("helm").args(["package", "boat"]).env("SOURCE_DATE_EPOCH", "1763600000"));
        world
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn peer(&self, name: &str) -> Command {
        let mut program = command(peer(name));
        program.env("HOME", self.folder.path()).env("GH_TOKEN", "none").current_dir(self.folder.path());
        program
    }

    /// cosign, in a job that may ask for an identity token.
    fn cosign_in_a_run(&self) -> Command {
        let mut cosign = self.peer("cosign");
        cosign.envs(self.oidc.grant(claims()));
        cosign
    }

    /// The flags by which cosign is told whom to trust.
    fn identity(&self) -> [String; 6] {
        let (san, issuer) = (format!("https://github.com/{SIGNER}"), self.oidc.issuer());
        ["--trusted-root", "root.json", "--certificate-identity", &san, "--certificate-oidc-issuer", &issuer].map(str::to_owned)
    }

    /// Pushes the package, and gives its reference by digest.
    fn push(&self) -> String {
        let host = self.registry.host();
        run(self.peer("helm").args(["push", "boat-1.2.3.tgz", &format!("oci://{host}/acme/charts"), "--plain-http"]));
        let digest = run(self.peer("crane").args(["digest", "--insecure", &format!("{host}/acme/charts/boat:1.2.3")]));
        format!("{host}/acme/charts/boat@{}", digest.trim())
    }
}

fn claims() -> RunClaims {
    let commit = "1".repeat(40);
    RunClaims {
        job_workflow_ref: SIGNER.into(),
        job_workflow_sha: commit.clone(),
        workflow_ref: "acme/charts/.github/workflows/chartrel.yml@refs/heads/main".into(),
        workflow_sha: commit.clone(),
        repository: "acme/charts".into(),
        repository_id: "42".into(),
        repository_owner: "acme".into(),
        repository_owner_id: "7".into(),
        repository_visibility: "public".into(),
        git_ref: "refs/heads/main".into(),
        sha: commit,
        event_name: "workflow_dispatch".into(),
        run_id: "1001".into(),
        run_attempt: "1".into(),
        runner_environment: "github-hosted".into(),
        environment: None,
    }
}

fn sha256(path: &Path) -> String {
    hex::encode(sha2::Sha256::digest(std::fs::read(path).unwrap()))
}

#[test]
fn gh_verifies_a_bundle_of_the_world_and_nothing_else() {
    let world = World::start();
    let package = world.path("boat-1.2.3.tgz");
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "boat-1.2.3.tgz", "digest": {"sha256": sha256(&package)}}],
        "predicateType": "https://slsa.dev/provenance/v1", "predicate": {"buildDefinition": {}, "runDetails": {}},
    });
    let bundle = world.sigstore.sign_as(&claims(), statement.to_string().as_bytes(), None).unwrap();
    std::fs::write(world.path("bundle.json"), bundle.to_string()).unwrap();
    let issuer = world.oidc.issuer();
    let verify = |signer: &str| {
        let mut gh = world.peer("gh");
        gh.args(["attestation", "verify", "boat-1.2.3.tgz", "--bundle", "bundle.json", "--custom-trusted-root", "root.jsonl"]);
        gh.args(["--repo", "acme/charts", "--signer-repo", signer, "--cert-oidc-issuer", &issuer]);
        gh
    };
    run(&mut verify("chartrel/chartrel"));
    refused(&mut verify("mallory/chartrel"));
    std::fs::write(&package, "altered").unwrap();
    refused(&mut verify("chartrel/chartrel"));
}

#[test]
fn cosign_signs_a_blob_in_the_world_and_verifies_it() {
    let world = World::start();
    let sign =
        ["sign-blob", "--yes", "--signing-config", "config.json", "--trusted-root", "root.json", "--bundle", "blob.json", "boat-1.2.3.tgz"];
    run(world.cosign_in_a_run().args(sign));
    let verify = || {
        let mut cosign = world.peer("cosign");
        cosign.args(["verify-blob", "--bundle", "blob.json"]).args(world.identity()).arg("boat-1.2.3.tgz");
        cosign
    };
    run(&mut verify());
    std::fs::write(world.path("boat-1.2.3.tgz"), "altered").unwrap();
    refused(&mut verify());
}

#[test]
fn cosign_signs_a_chart_in_the_registry_and_verifies_it() {
    let world = World::start();
    let reference = world.push();
    let sign = ["sign", "--yes", "--signing-config", "config.json", "--trusted-root", "root.json", "--allow-http-registry", &reference];
    run(world.cosign_in_a_run().args(sign));
    run(world.peer("cosign").args(["verify", "--allow-http-registry"]).args(world.identity()).arg(&reference));
    let mut another = world.identity();
    another[3] = "https://github.com/mallory/chartrel/.github/workflows/build.yml@refs/tags/v1".to_owned();
    refused(world.peer("cosign").args(["verify", "--allow-http-registry"]).args(another).arg(&reference));
    let discovered = run(world.peer("oras").args(["discover", "--plain-http", "--format", "json", &reference]));
    assert!(discovered.contains("application/vnd.dev.sigstore.bundle"), "{discovered}");
}

#[test]
fn helm_oras_and_crane_use_the_registry() {
    let world = World::start();
    let reference = world.push();
    let package = sha256(&world.path("boat-1.2.3.tgz"));
    std::fs::create_dir_all(world.path("pulled")).unwrap();
    let chart = format!("oci://{}/acme/charts/boat", world.registry.host());
    run(world.peer("helm").args(["pull", &chart, "--plain-http", "--version", "1.2.3", "--destination", "pulled"]));
    assert_eq!(sha256(&world.path("pulled/boat-1.2.3.tgz")), package);
    // Helm's layers have no title, so oras saves no file of them by itself.
    let layer = format!("{}@sha256:{package}", reference.split('@').next().unwrap());
    run(world.peer("oras").args(["blob", "fetch", "--plain-http", "--output", "by-oras.tgz", &layer]));
    assert_eq!(sha256(&world.path("by-oras.tgz")), package);
    std::fs::write(world.path("note.txt"), "a note\n").unwrap();
    run(world.peer("oras").args(["attach", "--plain-http", "--artifact-type", "text/plain", &reference, "note.txt"]));
    let discovered = run(world.peer("oras").args(["discover", "--plain-http", "--format", "json", &reference]));
    assert!(discovered.contains("text/plain"), "{discovered}");
    let copy = format!("{}/acme/copies/boat:1.2.3", world.registry.host());
    run(world.peer("crane").args(["copy", "--insecure", &reference, &copy]));
    run(world.peer("crane").args(["manifest", "--insecure", &copy]));
}
