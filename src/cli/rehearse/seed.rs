//! The repository before the story: the built-in example or a copy of the person's own, made ready for chartrel.

use super::{
    contribution::{self, Contribution},
    universe::{SIGNERS, Universe, VERSION},
};
use anyhow::Context as _;
use chartrel_core::{Code, Refusal};
use include_dir::{Dir, include_dir};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The example that a newcomer sees, and that the tests run on.
static ADOPTER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/tests/adopter");

/// The checks of a rehearsal: those of MISSION A.10.
const CHECKS: [&str; 7] = [
    "lint-test-v1.32.11",
    "lint-test-v1.33.7",
    "lint-test-v1.34.3",
    "artifacthub-lint",
    "security",
    "commit-validation",
    "changelog-generation",
];

/// What the story starts from.
pub(crate) struct Story {
    /// What is contributed.
    pub(crate) contribution: Contribution,
    /// Where the charts come from, in words.
    pub(crate) source: String,
    /// The contributor's clone; removed with the story.
    pub(crate) clone: TempDir,
}

/// Fills the world's repository: `main`, `integration` and `release`, the policy, the caller workflow.
///
/// # Errors
/// `git/no-repository` for a folder that is none, `rehearse/no-charts` for one without charts below `charts/`.
pub(super) fn seed(universe: &Universe, repository: Option<&Path>) -> anyhow::Result<Story> {
    let clone = tempfile::tempdir().context("no temporary folder for a clone")?;
    let dir = clone.path();
    let (source, contribution) = match repository {
        None => {
            git(dir, &["init", "--quiet", "--initial-branch=main", "."])?;
            ADOPTER.extract(dir).context("the example could not be laid out")?;
            ("the built-in example".to_owned(), Contribution::example())
        }
        Some(path) => {
            copy(path, dir)?;
            let contribution = contribution::of(dir)?;
            (format!("a copy of {}", path.display()), contribution)
        }
    };
    adopt(universe, dir)?;
    commit(dir, "chore: adopt chartrel")?;
    push(universe, dir, "HEAD:refs/heads/main")?;
    push(universe, dir, "HEAD:refs/heads/integration")?;
    release_branch(universe, dir)?;
    Ok(Story { contribution, source, clone })
}

/// Clones the person's repository without hard links: what happens in the copy never reaches the original.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let is_repository = git(from, &["rev-parse", "--git-dir"]).is_ok();
    if !is_repository {
        let what = format!("`{}` is no git repository", from.display());
        return Err(Refusal::new(Code::GitNoRepository, what, "give the folder of a repository, with at least one commit").into());
    }
    let from = from.canonicalize()?.display().to_string();
    git(to, &["clone", "--quiet", "--no-hardlinks", "--", &from, "."])?;
    git(to, &["checkout", "--quiet", "-B", "main"])?;
    Ok(())
}

/// Writes what an adopter writes: the policy with this world's addresses, the trust files, the caller workflow.
fn adopt(universe: &Universe, dir: &Path) -> anyhow::Result<()> {
    let policy = dir.join(".github/chartrel.yaml");
    let text = std::fs::read_to_string(&policy).unwrap_or_default();
    let mut value =
        if text.trim().is_empty() { json!({"version": 1, "checks": {"required": CHECKS}}) } else { chartrel_core::yaml::parse(&text)? };
    let signers = json!({
        "workflows": SIGNERS,
        "refs": [VERSION],
        "released": [universe.released.to_string()],
        "issuer": universe.oidc.issuer(),
    });
    set(&mut value, "signers", signers);
    set(
        &mut value,
        "trust",
        json!({"trusted-root": ".github/sigstore/trusted_root.json", "signing-config": ".github/sigstore/signing_config.json"}),
    );
    let publish = json!({
        "oci": format!("{}/acme/charts", universe.registry.host()),
        "repository-url": universe.hosting.url(),
        "repository-name": "acme",
    });
    set(&mut value, "publish", publish);
    set(&mut value, "bot", json!("chartrel[bot]"));
    write(&policy, chartrel_core::yaml::emit(&value))?;
    // One line with its end: gh drops a last line that has none.
    write(&dir.join(".github/sigstore/trusted_root.json"), universe.sigstore.trusted_root_jsonl())?;
    write(&dir.join(".github/sigstore/signing_config.json"), universe.sigstore.signing_config())?;
    let caller = ADOPTER
        .get_file(".github/workflows/chartrel.yml")
        .and_then(include_dir::File::contents_utf8)
        .context("the example has no caller workflow")?;
    write(&dir.join(".github/workflows/chartrel.yml"), caller.to_owned())
}

fn set(value: &mut Value, key: &str, entry: Value) {
    if let Value::Object(map) = value {
        map.insert(key.to_owned(), entry);
    }
}

fn write(path: &PathBuf, text: String) -> anyhow::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, text).with_context(|| format!("`{}` cannot be written", path.display()))
}

/// The release branch starts with a page that says what it is; it shares no history with the charts.
fn release_branch(universe: &Universe, dir: &Path) -> anyhow::Result<()> {
    git(dir, &["checkout", "--quiet", "--orphan", "release"])?;
    git(dir, &["rm", "-r", "--quiet", "--cached", "--ignore-unmatch", "."])?;
    let page = dir.join(".release-readme");
    std::fs::write(&page, "# Packages\n\nWritten by chartrel, one pull request a release.\n")?;
    let blob = git(dir, &["hash-object", "-w", "--", ".release-readme"])?;
    std::fs::remove_file(&page)?;
    git(dir, &["update-index", "--add", "--cacheinfo", &format!("100644,{},README.md", blob.trim())])?;
    git(dir, &["commit", "--quiet", "--message", "chore: begin the release branch"])?;
    push(universe, dir, "HEAD:refs/heads/release")?;
    git(dir, &["checkout", "--quiet", "--force", "main"])?;
    Ok(())
}

/// Commits everything, if anything changed.
pub(crate) fn commit(dir: &Path, message: &str) -> anyhow::Result<()> {
    git(dir, &["add", "--all"])?;
    if git(dir, &["status", "--porcelain"])?.trim().is_empty() {
        return Ok(());
    }
    git(dir, &["commit", "--quiet", "--message", message]).map(drop)
}

/// Pushes into the world's bare repository, as the state before the story: no event is fired.
pub(crate) fn push(universe: &Universe, dir: &Path, refspec: &str) -> anyhow::Result<()> {
    let target = universe.github.git_dir().display().to_string();
    git(dir, &["push", "--quiet", "--", &target, refspec]).map(drop)
}

/// Runs git as the contributor, without the configuration of this machine.
pub(crate) fn git(dir: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = std::process::Command::new("git")
        .args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "commit.gpgSign=false",
            "-c",
            "core.autocrlf=false",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(arguments)
        .current_dir(dir)
        .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_TERMINAL_PROMPT", "0")])
        .envs([
            ("GIT_AUTHOR_NAME", "Alice"),
            ("GIT_AUTHOR_EMAIL", "alice@example.org"),
            ("GIT_COMMITTER_NAME", "Alice"),
            ("GIT_COMMITTER_EMAIL", "alice@example.org"),
        ])
        .output()
        .context("git could not be started; it must be on PATH")?;
    anyhow::ensure!(
        output.status.success(),
        "git {}: {}",
        arguments.first().unwrap_or(&""),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
