//! What a stage tells at its end: the decision, what it wrote, and what the runner's files get.

use std::collections::BTreeMap;

/// The end of a stage that was not refused.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// One line an item: what was decided, in words.
    pub decisions: Vec<String>,
    /// One line an item: what was written, and where. Empty when there was nothing to do.
    pub wrote: Vec<String>,
    /// Things a person should know that did not stop the stage.
    pub warnings: Vec<String>,
    /// The action's outputs.
    pub outputs: BTreeMap<&'static str, String>,
    /// Markdown for the step summary; others' text in it is escaped.
    pub summary: String,
}

impl Report {
    /// A stage that had nothing to do, and why.
    pub fn nothing(why: impl Into<String>) -> Self {
        Self { decisions: vec![format!("nothing to do: {}", why.into())], ..Self::default() }
    }

    /// Notes a decision.
    pub fn decide(&mut self, what: impl Into<String>) {
        self.decisions.push(what.into());
    }

    /// Notes something written.
    pub fn write(&mut self, what: impl Into<String>) {
        self.wrote.push(what.into());
    }
}
