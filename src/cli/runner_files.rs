//! The files a runner reads after a step: outputs and the step summary.

use crate::environment::Environment;
use anyhow::Context as _;
use chartrel_core::Sha256;
use chartrel_stages::report::Report;
use std::{fmt::Write as _, fs::OpenOptions, io::Write as _, path::Path};

/// GitHub drops a summary over 1 MiB; this stays below it.
const SUMMARY: usize = 900 * 1024;

/// Appends what the report says to the files that the environment names.
///
/// # Errors
/// When a file can't be written.
pub(crate) fn write(environment: &Environment, report: &Report) -> anyhow::Result<()> {
    if let Some(path) = environment.get("GITHUB_OUTPUT") {
        let mut text = String::new();
        for (name, value) in outputs(report)? {
            text.push_str(&heredoc(&name, &value));
        }
        append(Path::new(path), &text)?;
    }
    if let Some(path) = environment.get("GITHUB_STEP_SUMMARY") {
        append(Path::new(path), &shortened(&summary(report)))?;
    }
    Ok(())
}

/// The stage's outputs, and for every stage `decisions` and `wrote` as JSON lists.
fn outputs(report: &Report) -> anyhow::Result<Vec<(String, String)>> {
    let mut rows: Vec<_> = report.outputs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    for (name, list) in [("decisions", &report.decisions), ("wrote", &report.wrote), ("warnings", &report.warnings)] {
        rows.push((name.to_owned(), serde_json::to_string(list)?));
    }
    Ok(rows)
}

fn summary(report: &Report) -> String {
    let mut text = report.summary.clone();
    if text.is_empty() {
        for decision in &report.decisions {
            let _ = writeln!(text, "- {}", chartrel_core::markdown::line(decision));
        }
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "\n> ⚠️ {}", chartrel_core::markdown::line(warning));
    }
    text
}

fn shortened(text: &str) -> String {
    if text.len() <= SUMMARY {
        return text.to_owned();
    }
    let end = (0..=SUMMARY).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}\n\n… shortened; the log has the rest\n", &text[..end])
}

/// `name<<delimiter`: the delimiter is a digest of name and value, so that no value can hold it.
fn heredoc(name: &str, value: &str) -> String {
    let delimiter = format!("ghadelimiter_{}", Sha256::of(format!("{name}\n{value}")).hex());
    format!("{name}<<{delimiter}\n{value}\n{delimiter}\n")
}

fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file =
        OpenOptions::new().append(true).create(true).open(path).with_context(|| format!("`{}` cannot be written", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("`{}` cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_newlines_stays_one_output() {
        let text = heredoc("notes", "a\nnotes=evil\nEOF");
        let delimiter = text.split_once("<<").unwrap().1.lines().next().unwrap().to_owned();
        assert!(text.ends_with(&format!("\n{delimiter}\n")));
        assert_eq!(text.matches(&delimiter).count(), 2);
    }

    #[test]
    fn a_long_summary_is_shortened_at_a_character() {
        let text = shortened(&"é".repeat(SUMMARY));
        assert!(text.len() < SUMMARY + 100 && text.ends_with("the rest\n"));
    }
}
