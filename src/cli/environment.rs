//! The environment of a runner: inputs as `CHARTREL_<INPUT>`, GitHub's own variables, and nothing else.

use anyhow::Context as _;
use chartrel_core::{Code, Refusal, Refused};
use chartrel_stages::runner::{IdTokenRequest, Runner, Variables};
use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

const PREFIXES: [&str; 4] = ["CHARTREL_", "GITHUB_", "RUNNER_", "ACTIONS_"];

/// The variables that concern chartrel; empty ones are absent, as a composite action's unset inputs are.
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads the process environment.
    ///
    /// # Errors
    /// `environment/not-utf8` for each variable of ours that isn't UTF-8; `envy` alone would panic at it.
    pub(crate) fn read() -> Result<Self, Refused> {
        Self::from_variables(std::env::vars_os())
    }

    fn from_variables(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, Refused> {
        let (mut kept, mut refusals) = (BTreeMap::new(), Vec::new());
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix))) else { continue };
            match value.into_string() {
                Ok(value) if value.is_empty() => {}
                Ok(value) => drop(kept.insert(name.to_owned(), value)),
                Err(_) => refusals.push(Refusal::new(
                    Code::EnvironmentNotUtf8,
                    format!("the variable `{name}` is not UTF-8"),
                    "set it to plain text",
                )),
            }
        }
        Refused::unless_empty(refusals)?;
        Ok(Self(kept))
    }

    /// The command line, with the inputs that a runner gave as variables put before what the person wrote, which wins.
    pub(crate) fn arguments(&self, given: impl Iterator<Item = OsString>, root: &clap::Command) -> Vec<OsString> {
        let mut given: Vec<OsString> = given.collect();
        let command = given.get(1).and_then(|verb| verb.to_str()).and_then(|verb| root.find_subcommand(verb));
        let Some(command) = command else { return given };
        let inputs = command.get_arguments().filter_map(|argument| {
            let name = argument.get_long()?;
            let value = self.0.get(&format!("CHARTREL_{}", name.replace('-', "_").to_uppercase()))?;
            // A boolean flag takes no value: only an input that takes one can come from the runner.
            argument.get_action().takes_values().then(|| OsString::from(format!("--{name}={value}")))
        });
        let inputs: Vec<OsString> = inputs.collect();
        given.splice(2..2, inputs);
        given
    }

    /// Whether a runner runs this: then messages become annotations.
    pub(crate) fn is_runner(&self) -> bool {
        self.0.get("GITHUB_ACTIONS").is_some_and(|value| value == "true")
    }

    /// One variable.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The runner, with the event it was started by.
    ///
    /// # Errors
    /// `environment/incomplete` naming what is missing or malformed.
    pub(crate) fn runner(&self) -> anyhow::Result<Runner> {
        let pairs = self.0.iter().map(|(name, value)| (name.clone(), value.clone()));
        let variables: Variables = envy::prefixed("GITHUB_").from_iter(pairs).map_err(|error| {
            let what = format!("this is no runner of GitHub Actions: {error}");
            Refusal::new(Code::EnvironmentIncomplete, what, "run the action in a workflow; on your own machine use `chartrel rehearse`")
        })?;
        let text = std::fs::read_to_string(&variables.event_path)
            .with_context(|| format!("the event `{}` cannot be read", variables.event_path.display()))?;
        let event = serde_json::from_str(&text).context("the event is no JSON")?;
        let temp = self.get("RUNNER_TEMP").map_or_else(std::env::temp_dir, PathBuf::from);
        let tool_cache = self.get("RUNNER_TOOL_CACHE").map_or_else(cache, PathBuf::from);
        let id_token = self.get("ACTIONS_ID_TOKEN_REQUEST_URL").zip(self.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
        let id_token = id_token.map(|(url, token)| IdTokenRequest { url: url.into(), token: token.into() });
        Ok(Runner { variables, event, temp, tool_cache, id_token })
    }
}

/// Where tools are kept on a person's machine: the user's cache folder.
pub(crate) fn cache() -> PathBuf {
    let home = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = home("XDG_CACHE_HOME").or_else(|| home("HOME").map(|home| home.join(".cache"))).unwrap_or_else(std::env::temp_dir);
    base.join("chartrel").join("tools")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    fn read(rows: &[(&str, &[u8])]) -> Result<Environment, Refused> {
        Environment::from_variables(rows.iter().map(|(name, value)| ((*name).into(), OsStr::from_bytes(value).to_owned())))
    }

    #[test]
    fn a_variable_that_is_not_utf8_is_named_and_others_do_not_matter() {
        assert!(read(&[("PATH", b"\xff")]).is_ok());
        let refused = read(&[("CHARTREL_PR", b"\xff")]).err().unwrap();
        assert_eq!(refused.violations()[0].code, Code::EnvironmentNotUtf8);
        assert!(refused.violations()[0].what.contains("CHARTREL_PR"));
    }

    #[test]
    fn inputs_become_arguments_and_empty_ones_are_absent() {
        let root = clap::Command::new("chartrel").subcommand(
            clap::Command::new("enforce").arg(clap::Arg::new("pr").long("pr")).arg(clap::Arg::new("registry-user").long("registry-user")),
        );
        let environment = read(&[("CHARTREL_PR", b"42"), ("CHARTREL_REGISTRY_USER", b"")]).unwrap();
        let given = ["chartrel", "enforce", "--pr", "7"].into_iter().map(OsString::from);
        assert_eq!(environment.arguments(given, &root), ["chartrel", "enforce", "--pr=42", "--pr", "7"].map(OsString::from));
    }
}
