//! A rehearsal whose world stays up, for other programs to talk to.

use crate::program::{chartrel, command, run};
use serde_json::Value;
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

/// Ends the rehearsal when the test process is gone, however it went: its end of the pipe is closed then.
const WATCH: &str = r#"exec 3<&0; "$@" </dev/null & server=$!; cat <&3 >/dev/null; kill "$server""#;

/// What a rehearsal left, and the services of its world.
pub struct World {
    out: PathBuf,
    report: Value,
    _watched: Child,
}

/// One published release of a rehearsal.
pub struct Release<'a> {
    world: &'a World,
    row: &'a Value,
}

impl World {
    /// Plays the built-in example, leaving everything in a folder below this one.
    ///
    /// # Panics
    /// If the rehearsal fails; the message holds its story.
    pub fn serve(folder: &Path) -> Self {
        let out = folder.join("rehearsal");
        let log = folder.join("rehearsal.log");
        let stderr = File::create(&log).expect("the log can be written");
        let mut watched = command("sh")
            .args(["-c", WATCH, "sh"])
            .arg(chartrel())
            .args(["rehearse", "--json", "--serve", "--out"])
            .arg(&out)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("sh starts");
        let stdout = watched.stdout.take().expect("stdout is a pipe");
        // `--serve` keeps the output open: one value is read, not everything.
        let report = serde_json::Deserializer::from_reader(stdout).into_iter::<Value>().next();
        let Some(Ok(report)) = report else { panic!("the rehearsal failed\n{}", std::fs::read_to_string(&log).unwrap_or_default()) };
        Self { out, report, _watched: watched }
    }

    /// A file or folder that the rehearsal left.
    pub fn path(&self, name: &str) -> PathBuf {
        self.out.join(name)
    }

    /// An address of the world: `api`, `registry`, `helmRepository`, `issuer`.
    ///
    /// # Panics
    /// If the report has no such address.
    pub fn address(&self, name: &str) -> &str {
        self.report["addresses"][name].as_str().unwrap_or_else(|| panic!("the report has no address `{name}`: {}", self.report))
    }

    /// Everything that was published.
    ///
    /// # Panics
    /// If nothing was.
    pub fn releases(&self) -> Vec<Release<'_>> {
        let rows = self.report["releases"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(!rows.is_empty(), "the rehearsal published nothing: {}", self.report);
        rows.iter().map(|row| Release { world: self, row }).collect()
    }

    /// What an address answers.
    ///
    /// # Panics
    /// If it doesn't answer with success.
    pub fn get(&self, url: &str) -> String {
        run(command("curl").args(["--silent", "--show-error", "--fail", "--location", url]))
    }
}

impl Release<'_> {
    /// A fact of the report: `tag`, `chart`, `version`, `packageDigest`, `ociDigest`.
    ///
    /// # Panics
    /// If the report has no such fact.
    pub fn fact(&self, name: &str) -> &str {
        self.row[name].as_str().unwrap_or_else(|| panic!("the report has no `{name}`: {}", self.row))
    }

    /// `<chart>-<version>.tgz`.
    pub fn package(&self) -> String {
        format!("{}-{}.tgz", self.fact("chart"), self.fact("version"))
    }

    /// The folder of its assets.
    pub fn assets(&self) -> PathBuf {
        self.world.path("releases").join(self.fact("tag"))
    }

    /// Where its chart is in the registry, without tag or digest: `127.0.0.1:1234/acme/charts/tide`.
    pub fn reference(&self) -> String {
        let oci = self.fact("oci").trim_start_matches("oci://");
        let last = oci.rfind('/').map_or(0, |slash| slash + 1);
        let end = oci.get(last..).and_then(|name| name.find([':', '@'])).map_or(oci.len(), |colon| last + colon);
        oci.get(..end).unwrap_or(oci).to_owned()
    }

    /// The release's notes, as GitHub has them.
    ///
    /// # Panics
    /// If GitHub has no such release.
    pub fn notes(&self) -> String {
        let url = format!("{}/repos/acme/charts/releases/tags/{}", self.world.address("api"), self.fact("tag"));
        let release: Value = serde_json::from_str(&self.world.get(&url)).expect("a release is JSON");
        release["body"].as_str().expect("a release has notes").to_owned()
    }
}
