//! The step summary of a publication: what was released, where it can be had, how it is verified (MISSION A.11).

use crate::{markdown, notes::Release};
use std::{fmt::Write as _, time::Duration};

/// One published chart.
#[derive(Debug, Clone)]
pub struct Row {
    /// The release.
    pub release: Release,
    /// Whether it is signed; `false` only where the caller allowed that.
    pub is_signed: bool,
    /// Each channel and what became of it, such as `GHCR` and `published`.
    pub channels: Vec<(String, String)>,
    /// The package's size in bytes.
    pub size: u64,
    /// How long publishing took.
    pub duration: Duration,
}

/// The summary in Markdown; others' text in it is escaped.
pub fn published(rows: &[Row]) -> String {
    let mut text = "## 🚀 Charts Released\n\n| Chart | Version | GHCR | GitHub Release | Signed |\n|---|---|---|---|---|\n".to_owned();
    for Row { release, is_signed, .. } in rows {
        let (chart, version) = (&release.tag.chart, &release.tag.version);
        let signed = if *is_signed { "✅" } else { "❌" };
        let _ = writeln!(text, "| {chart} | {version} | {} | [{}]({}) | {signed} |", registry(release), release.tag, release.page());
    }
    text.push_str("\n### Channels\n\n| Chart | Channel | Status | Package | Duration |\n|---|---|---|---|---|\n");
    for Row { release, channels, size, duration, .. } in rows {
        for (channel, status) in channels {
            let (channel, status) = (markdown::line(channel), markdown::line(status));
            let _ = writeln!(text, "| {} | {channel} | {status} | {} | {} s |", release.tag.chart, bytes(*size), duration.as_secs());
        }
    }
    text.push_str("\n### Verification Commands\n\n```bash\n");
    for Row { release, is_signed, .. } in rows {
        let commands = release.commands();
        let _ = writeln!(text, "# {}", release.tag);
        if *is_signed {
            let _ = writeln!(text, "{}\n{}", commands.signature.oci, commands.signature.package);
        }
        let _ = writeln!(text, "{}\n{}", commands.attestations.oci, commands.attestations.package);
    }
    text.push_str("```\n");
    text
}

/// `<registry>/<chart>:<version>`, linked to its page where the registry is GitHub's.
fn registry(release: &Release) -> String {
    let name = format!("{}:{}", release.oci_name(), release.oci_tag());
    match release.oci.strip_prefix("ghcr.io/").and_then(|path| path.split_once('/')) {
        Some((_, namespace)) => {
            let package = format!("{namespace}/{}", release.tag.chart).replace('/', "%2F");
            format!("[{name}]({}/{}/pkgs/container/{package})", release.server, release.repository)
        }
        None => markdown::line(&name),
    }
}

/// A size for people: `3.1 KiB`.
fn bytes(size: u64) -> String {
    let tenths = |unit: u64| (size / unit, size % unit * 10 / unit);
    match size {
        0..1024 => format!("{size} B"),
        1024..1_048_576 => {
            let (whole, tenth) = tenths(1024);
            format!("{whole}.{tenth} KiB")
        }
        _ => {
            let (whole, tenth) = tenths(1_048_576);
            format!("{whole}.{tenth} MiB")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_shows_channels_and_commands() {
        let row = Row {
            release: crate::notes::tests::release(),
            is_signed: true,
            channels: vec![("GHCR".to_owned(), "published".to_owned()), ("Helm | repository".to_owned(), "skipped".to_owned())],
            size: 3_200,
            duration: Duration::from_secs(12),
        };
        assert_eq!(published(&[row]), include_str!("../../tests/golden/publish/summary/out/summary.md"));
    }

    #[test]
    fn sizes_are_for_people() {
        for (size, expected) in [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_572_864, "1.5 MiB")] {
            assert_eq!(bytes(size), expected);
        }
    }
}
