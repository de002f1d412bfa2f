//! `lint-test (vX.Y.Z)`: the chart lints and renders for that Kubernetes version, with every values file for CI, else with its defaults.

use crate::{checks::Problems, prepare::Prepared};
use chartrel_clients::helm::{Helm, Setting};
use std::path::PathBuf;

/// Runs `helm lint` and `helm template --kube-version` for each set of values; nothing contributed is executed.
pub(crate) async fn run(helm: &Helm, chart: &Prepared, kubernetes: &str) -> anyhow::Result<Problems> {
    let mut problems = Vec::new();
    // As chart-testing does: a chart with values for CI may need some, so its defaults alone are no release of it.
    let sets: Vec<_> = chart.values().into_iter().map(Some).collect();
    let sets = if sets.is_empty() { vec![None] } else { sets };
    for values in sets {
        let named = values
            .as_ref()
            .map_or_else(|| "default values".to_owned(), |path| format!("`ci/{}`", path.file_name().unwrap_or_default().display()));
        let values: Vec<PathBuf> = values.into_iter().collect();
        let setting = Setting { values: &values, kube_version: kubernetes };
        let lint = helm.lint(&chart.path(), &setting).await?;
        if !lint.ok {
            problems.push(format!("helm lint with {named}: {}", errors(&lint.output())));
            continue;
        }
        let rendered = helm.template(&chart.path(), chart.chart.metadata.name.as_str(), &setting).await?;
        if !rendered.ok {
            problems.push(format!("helm template with {named}: {}", errors(&rendered.output())));
        }
    }
    Ok(problems)
}

/// The lines of Helm's output that say what is wrong, at most three; paths of this machine say nothing to the reader.
fn errors(output: &str) -> String {
    let wrong: Vec<&str> =
        output.lines().filter(|line| line.contains("[ERROR]") || line.to_ascii_lowercase().contains("error")).take(3).collect();
    let lines = if wrong.is_empty() { output.lines().rev().filter(|line| !line.trim().is_empty()).take(1).collect() } else { wrong };
    lines.join(" / ").escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_taken_from_helms_output() {
        let output = "==> Linting x\n[INFO] Chart.yaml: icon is recommended\n[ERROR] templates/: parse error\n\nError: 1 chart(s) failed\n";
        assert_eq!(errors(output), "[ERROR] templates/: parse error / Error: 1 chart(s) failed");
        assert_eq!(errors("only this\n"), "only this");
    }
}
