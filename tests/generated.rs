//! Actions, reusable workflows and the README's tables are what the input structs say: a stale file is rewritten, and the test fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests end like tests")]

use chartrel_core::{Code, refusal::Ending, stage::Stage};
use chartrel_stages::{build, bump, enforce, filter, format, publish, tag, validate};
use clap::{Args as _, Command};
use serde_json::Value;
use std::{fmt::Write as _, fs, path::Path};

/// Outputs that every stage has.
const COMMON: [(&str, &str); 3] = [
    ("decisions", "What was decided, a JSON list of lines"),
    ("wrote", "What was written, a JSON list of lines; empty when there was nothing to do"),
    ("warnings", "What a person should know, a JSON list of lines"),
];
/// Locators: the inputs that a reusable workflow takes.
const LOCATORS: [&str; 2] = ["pr", "tag"];

struct Action {
    stage: Stage,
    command: Command,
    outputs: Vec<(&'static str, &'static str)>,
}

struct Input {
    name: String,
    help: String,
    default: String,
}

fn actions() -> Vec<Action> {
    let of = |stage: Stage, command: Command, own: &'static [(&'static str, &'static str)]| Action {
        stage,
        command,
        outputs: own.iter().copied().chain(COMMON).collect(),
    };
    let empty = |stage: Stage| Command::new(stage.verb());
    vec![
        of(Stage::Validate, validate::Inputs::augment_args(empty(Stage::Validate)), validate::OUTPUTS),
        of(Stage::Filter, filter::Inputs::augment_args(empty(Stage::Filter)), filter::OUTPUTS),
        of(Stage::Enforce, enforce::Inputs::augment_args(empty(Stage::Enforce)), enforce::OUTPUTS),
        of(Stage::Format, format::Inputs::augment_args(empty(Stage::Format)), format::OUTPUTS),
        of(Stage::Bump, bump::Inputs::augment_args(empty(Stage::Bump)), bump::OUTPUTS),
        of(Stage::Tag, tag::Inputs::augment_args(empty(Stage::Tag)), tag::OUTPUTS),
        of(Stage::Build, build::Inputs::augment_args(empty(Stage::Build)), build::OUTPUTS),
        of(Stage::Publish, publish::Inputs::augment_args(empty(Stage::Publish)), publish::OUTPUTS),
    ]
}

const fn about(stage: Stage) -> &'static str {
    match stage {
        Stage::Validate => "Runs the checks of a contribution, signs each, records the attestation map",
        Stage::Filter => "Gives each contributed chart a branch and a pull request of its own",
        Stage::Enforce => "Merges what integration holds into the chart branch, closes everything else",
        Stage::Format => "Opens the pull request to main with the map and the lineage so far",
        Stage::Bump => "Verifies every attestation, sets version and changelog",
        Stage::Tag => "Makes the immutable tag, the pull request to release, the back-merge",
        Stage::Build => "Verifies at the tag, packages, signs, merges",
        Stage::Publish => "Publishes to the OCI registry, GitHub Releases and the Helm repository",
    }
}

impl Action {
    fn inputs(&self) -> Vec<Input> {
        self.command
            .get_arguments()
            .map(|argument| Input {
                name: argument.get_long().expect("every input has a name").to_owned(),
                help: argument.get_help().expect("every input says what it is").to_string(),
                default: argument.get_default_values().first().map(|value| value.to_string_lossy().into_owned()).unwrap_or_default(),
            })
            .collect()
    }

    fn locators(&self) -> Vec<Input> {
        self.inputs().into_iter().filter(|input| LOCATORS.contains(&input.name.as_str())).collect()
    }

    /// The permissions of the job, as the adopter's caller grants them.
    fn permissions(&self) -> Vec<(String, String)> {
        let caller = chartrel_core::yaml::parse(&read("tests/adopter/.github/workflows/chartrel.yml")).unwrap();
        let granted = caller.pointer(&format!("/jobs/{}/permissions", self.stage)).and_then(Value::as_object).unwrap().clone();
        granted.into_iter().map(|(name, level)| (name, level.as_str().unwrap().to_owned())).collect()
    }

    fn action(&self) -> String {
        let (mut inputs, mut env, mut outputs) = (String::new(), String::new(), String::new());
        for Input { name, help, default } in self.inputs() {
            let _ =
                write!(inputs, "  {name}:\n    description: {}\n    required: false\n    default: {}\n", quoted(&help), quoted(&default));
            let _ = writeln!(env, "        CHARTREL_{}: ${{{{ inputs.{name} }}}}", name.replace('-', "_").to_uppercase());
        }
        for (name, what) in &self.outputs {
            let _ = write!(outputs, "  {name}:\n    description: {}\n    value: ${{{{ steps.run.outputs.{name} }}}}\n", quoted(what));
        }
        self.render("action.yml", &[("inputs", inputs), ("env", env), ("outputs", outputs)])
    }

    fn page(&self) -> String {
        let rows = self.inputs().into_iter().map(|Input { name, help, default }| format!("| `{name}` | {help} | {} |\n", code(&default)));
        let outputs = self.outputs.iter().map(|(name, what)| format!("| `{name}` | {what} |\n"));
        let permissions = self.permissions().iter().map(|(name, level)| format!("  {name}: {level}\n")).collect::<Vec<_>>().concat();
        let permissions = format!("permissions:\n{}", permissions.trim_end());
        self.render("README.md", &[("inputs", rows.collect()), ("outputs", outputs.collect()), ("permissions", permissions)])
    }

    fn workflow(&self) -> String {
        let mut inputs = String::new();
        let mut with = String::new();
        for Input { name, help, .. } in self.locators() {
            let head = if inputs.is_empty() { "\n    inputs:" } else { "" };
            let _ = write!(
                inputs,
                "{head}\n      {name}:\n        description: {}\n        type: string\n        required: true",
                quoted(&help)
            );
            let _ = writeln!(with, "          {name}: ${{{{ inputs.{name} }}}}");
        }
        if self.stage == Stage::Publish {
            with.push_str("          registry-user: ${{ github.actor }}\n          registry-password: ${{ github.token }}\n");
        }
        let permissions = self.permissions().iter().map(|(name, level)| format!("      {name}: {level}\n")).collect::<Vec<_>>().concat();
        let needs_checkout = matches!(self.stage, Stage::Validate | Stage::Bump | Stage::Build);
        let checkout = if needs_checkout { read("action-template/checkout.yml") } else { String::new() };
        let text = self.render("workflow.yml", &[("inputs", inputs), ("permissions", permissions), ("checkout", checkout), ("with", with)]);
        format!("{}\n", text.trim_end())
    }

    fn render(&self, template: &str, parts: &[(&str, String)]) -> String {
        let text = read(&format!("action-template/{template}"));
        let text = text.replace("{{stage}}", self.stage.verb()).replace("{{about}}", about(self.stage));
        parts.iter().fold(text, |text, (name, part)| text.replace(&format!("{{{{{name}}}}}"), part))
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Rewrites a stale file; its name, if it was stale.
fn keep(path: &str, text: &str) -> Option<String> {
    let place = root().join(path);
    if fs::read_to_string(&place).is_ok_and(|found| found == text) {
        return None;
    }
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, text).unwrap();
    Some(path.to_owned())
}

fn with_block(page: &str, name: &str, block: &str) -> String {
    let mark = format!("<!-- generated: {name} -->\n");
    let (before, rest) = page.split_once(&mark).unwrap_or_else(|| panic!("README.md has no block `{name}`"));
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    format!("{before}{mark}{block}<!-- end -->{after}")
}

#[test]
fn generated_files_are_what_the_input_structs_say() {
    let mut stale = Vec::new();
    for action in actions() {
        let verb = action.stage;
        stale.extend(keep(&format!("actions/{verb}/action.yml"), &action.action()));
        stale.extend(keep(&format!("actions/{verb}/README.md"), &action.page()));
        stale.extend(keep(&format!(".github/workflows/{verb}.yml"), &action.workflow()));
    }
    let table = actions()
        .iter()
        .map(|action| format!("| [{0}](actions/{0}/README.md) | {1} |\n", action.stage, about(action.stage)))
        .collect::<Vec<_>>();
    let page = with_block(&read("README.md"), "actions", &format!("| action | what it does |\n|---|---|\n{}", table.concat()));
    let codes = Code::ALL.iter().map(|code| {
        let exit = if code.ending() == Ending::Refused { 1 } else { 2 };
        format!("| `{code}` | {exit} | {} |\n", code.about().trim())
    });
    let codes = codes.collect::<Vec<_>>().concat();
    let page = with_block(
        &page,
        "codes",
        &format!("<details><summary>All codes</summary>\n\n| code | exit | when |\n|---|---|---|\n{codes}\n</details>\n"),
    );
    stale.extend(keep("README.md", &page));
    assert!(stale.is_empty(), "these were stale and are rewritten; read the difference and commit it: {stale:?}");
}

#[test]
fn each_input_is_mapped_once_and_nothing_is_interpolated_into_a_script() {
    for action in actions() {
        let text = action.action();
        let parsed = chartrel_core::yaml::parse(&text).unwrap();
        let step = parsed.pointer("/runs/steps/0").unwrap();
        let env = step.get("env").and_then(Value::as_object).unwrap();
        let inputs = parsed.get("inputs").and_then(Value::as_object).unwrap();
        assert_eq!(env.len(), inputs.len(), "{}", action.stage);
        for name in inputs.keys() {
            let variable = format!("CHARTREL_{}", name.replace('-', "_").to_uppercase());
            assert_eq!(env[&variable], format!("${{{{ inputs.{name} }}}}"), "{}", action.stage);
        }
        for script in [text, action.workflow()] {
            let parsed = chartrel_core::yaml::parse(&script).unwrap();
            let steps = parsed
                .pointer("/runs/steps")
                .or_else(|| parsed.pointer(&format!("/jobs/{}/steps", action.stage)))
                .and_then(Value::as_array);
            for run in steps.unwrap().iter().filter_map(|step| step.get("run")?.as_str()) {
                assert!(!run.contains("${{"), "{}: {run}", action.stage);
            }
        }
    }
}

#[test]
fn a_reusable_workflow_takes_locators_alone() {
    for action in actions() {
        let parsed = chartrel_core::yaml::parse(&action.workflow()).unwrap();
        // `on` is a boolean in YAML 1.1; Helm's reading, which this is, makes it the key `true`.
        let on = parsed.get("on").or_else(|| parsed.get("true")).unwrap();
        let inputs = on.pointer("/workflow_call/inputs").and_then(Value::as_object).cloned().unwrap_or_default();
        for name in inputs.keys() {
            assert!(LOCATORS.contains(&name.as_str()), "{}: {name}", action.stage);
        }
    }
}
