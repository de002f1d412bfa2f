//! Telling the story: a timeline on stderr as it happens, and the report that stays.

use super::{folder::Out, play::Rehearsal, process::Ended, seed::Story, universe::Universe};
use crate::{end::say, verify::Question};
use anyhow::Context as _;
use chartrel_core::{lineage::Anchors, release::LineageDocument, stage::Stage};
use chartrel_world::github::{Actor, Role};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::{
    fmt::Write as _,
    io::{IsTerminal as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

/// Tells what happens while it happens.
pub(crate) struct Teller {
    started: Instant,
    bar: ProgressBar,
}

impl Teller {
    /// Begins; on a terminal the running stage shows as a spinner.
    pub(crate) fn start() -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("          {spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { started: Instant::now(), bar }
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| say(text));
    }

    /// Where the story plays.
    pub(crate) fn scene(&self, rehearsal: &Rehearsal) {
        let Story { source, contribution, .. } = &rehearsal.story;
        self.line(&format!("chartrel rehearse: {source}; {}\n", contribution.about()));
    }

    /// What a person does.
    pub(crate) fn person(&self, deed: &str) {
        self.line(&format!("{}  {deed}", self.time()));
    }

    /// A stage begins.
    pub(crate) fn begins(&self, stage: Stage) {
        self.bar.set_message(format!("{stage} …"));
    }

    /// A stage ended.
    pub(crate) fn ended(&self, end: &Ended) {
        let mark = if end.code == Some(0) { "✓" } else { "✗" };
        let mut decisions = end.decisions.iter();
        let first = decisions.next().map_or("", String::as_str);
        self.line(&format!(
            "{}  {mark} {} {:<8} {first}  ({} ms)",
            self.time(),
            end.stage.number(),
            end.stage.verb(),
            end.took.as_millis()
        ));
        for text in decisions {
            self.line(&format!("{:22}{text}", ""));
        }
        for text in &end.wrote {
            self.line(&format!("{:22}→ {text}", ""));
        }
    }

    fn time(&self) -> String {
        format!("{:7.2} s", self.started.elapsed().as_secs_f64())
    }

    /// The end: the lineage of each release as a tree, and where everything lies.
    pub(crate) fn end(&self, report: &Report, out: &Out) {
        self.bar.finish_and_clear();
        for release in &report.releases {
            say(&format!("\n{}", release.tree));
        }
        say(&format!(
            "{} release(s) in {:.1} s. Everything lies in {}:",
            report.releases.len(),
            self.started.elapsed().as_secs_f64(),
            out.root().display()
        ));
        for (name, what) in PLACES {
            say(&format!("  {name:<22}{what}"));
        }
    }

    /// The addresses of the world that stays up.
    pub(crate) fn serving(Rehearsal { universe, out, .. }: &Rehearsal) {
        let trust = out.path("trust");
        say("\nThe world stays up until Ctrl-C:");
        say(&format!("  GitHub           {}", universe.github.api_url()));
        say(&format!("  a reader's token {}", universe.github.token(&Actor::Person("reader".into(), Role::Read))));
        say(&format!("  registry         {}", universe.registry.host()));
        say(&format!("  Helm repository  {}", universe.hosting.url()));
        say(&format!("  OIDC issuer      {}", universe.oidc.issuer()));
        say(&format!("  trusted root     {}", trust.join("trusted_root.json").display()));
    }
}

/// What lies where.
const PLACES: [(&str, &str); 8] = [
    ("report.md", "this story, to read and to pass on"),
    ("report.json", "the same for programs"),
    ("github.git/", "the repository with its branches and tags"),
    ("github/", "pull requests, releases, checks, attestations, and every request in traffic.jsonl"),
    ("releases/<tag>/", "the assets of each release"),
    ("registry/", "the registry as an OCI image layout"),
    ("helm-repo/", "index.yaml and the packages as they are served"),
    ("trust/, lineage/", "the roots, and the lineage of each release for `chartrel verify --lineage`"),
];

/// What stays: `report.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    source: String,
    contribution: String,
    stages: Vec<StageRow>,
    releases: Vec<ReleaseRow>,
    addresses: Addresses,
    milliseconds: u128,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StageRow {
    stage: Stage,
    run: u64,
    event: String,
    exit_code: Option<i32>,
    decisions: Vec<String>,
    wrote: Vec<String>,
    milliseconds: u128,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReleaseRow {
    tag: String,
    chart: String,
    version: String,
    package_digest: String,
    oci: String,
    oci_digest: String,
    commit: String,
    attestations: usize,
    #[serde(skip)]
    tree: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Addresses {
    api: String,
    registry: String,
    helm_repository: String,
    issuer: String,
}

impl Report {
    /// Gathers the report from what the stages said and what the releases hold.
    pub(crate) fn of(Rehearsal { universe, story, out, .. }: &Rehearsal, ended: &[Ended]) -> anyhow::Result<Self> {
        let stages = ended.iter().map(|end| StageRow {
            stage: end.stage,
            run: end.run_id,
            event: end.event.clone(),
            exit_code: end.code,
            decisions: end.decisions.clone(),
            wrote: end.wrote.clone(),
            milliseconds: end.took.as_millis(),
        });
        Ok(Self {
            source: story.source.clone(),
            contribution: story.contribution.about(),
            stages: stages.collect(),
            releases: releases(universe, out)?,
            addresses: Addresses {
                api: universe.github.api_url(),
                registry: universe.registry.host(),
                helm_repository: universe.hosting.url(),
                issuer: universe.oidc.issuer(),
            },
            milliseconds: ended.iter().map(|end| end.took.as_millis()).sum(),
        })
    }

    /// Writes `report.json`, `report.md` and the lineage of each release.
    pub(crate) fn write(&self, out: &Out) -> anyhow::Result<()> {
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        std::fs::write(out.path("report.json"), json)?;
        std::fs::write(out.path("report.md"), self.markdown()).context("the report cannot be written")
    }

    fn markdown(&self) -> String {
        use chartrel_core::markdown::line;
        let mut text = format!("# Rehearsal\n\nFrom {}: {}.\n\n", line(&self.source), line(&self.contribution));
        text.push_str("| # | Stage | Decision | Written | Time |\n|---|---|---|---|---|\n");
        for row in &self.stages {
            let cell = |lines: &[String]| lines.iter().map(|text| line(text)).collect::<Vec<_>>().join("<br>");
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} ms |",
                row.stage.number(),
                row.stage,
                cell(&row.decisions),
                cell(&row.wrote),
                row.milliseconds
            );
        }
        text.push_str("\n## Releases\n\n");
        for release in &self.releases {
            let _ = write!(text, "### {}\n\n```\n{}```\n\n", release.tag, release.tree);
        }
        text
    }
}

/// Each release's lineage document, copied beside the report and drawn as a tree.
fn releases(universe: &Universe, out: &Out) -> anyhow::Result<Vec<ReleaseRow>> {
    let (dir, lineage) = (out.path("releases"), out.path("lineage"));
    std::fs::create_dir_all(&lineage)?;
    let mut rows = Vec::new();
    let mut tags: Vec<_> = std::fs::read_dir(&dir).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default();
    tags.sort();
    for path in tags {
        let bytes = std::fs::read(path.join("attestation-lineage.json")).with_context(|| format!("`{}` has no lineage", path.display()))?;
        let document = LineageDocument::from_bytes(&bytes)?;
        std::fs::write(lineage.join(format!("{}-{}.json", document.chart, document.version)), &bytes)?;
        rows.push(ReleaseRow {
            tag: document.tag.to_string(),
            chart: document.chart.clone(),
            version: document.version.clone(),
            package_digest: document.package_digest.to_string(),
            oci: document.oci_url.clone(),
            oci_digest: document.oci_digest.to_string(),
            commit: document.commit.to_string(),
            attestations: document.bundles.len(),
            tree: tree(universe, &path, &document)?,
        });
    }
    Ok(rows)
}

/// The chain as `chartrel verify` proves it, offline, from what the release itself carries.
fn tree(universe: &Universe, assets: &Path, document: &LineageDocument) -> anyhow::Result<String> {
    let package = std::fs::read(assets.join(document.tag.package()))?;
    let digest = chartrel_core::Sha256::of(&package);
    let question = Question {
        anchors: Anchors { package: Some((document.tag.package(), digest)), ..Anchors::default() },
        repository: universe.repository.clone(),
        roots: vec![universe.sigstore.trusted_root()],
        issuer: Some(universe.oidc.issuer()),
        policy: None,
    };
    Ok(crate::verify::prove(document, &question)?)
}

/// Prints the report as JSON on stdout.
pub(crate) fn json(report: &Report) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, report)?;
    Ok(writeln!(out)?)
}
