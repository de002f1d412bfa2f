//! Check runs: how a stage reports on a commit.

use super::{GitHub, call::Call};
use chartrel_core::name::ObjectId;
use serde_json::json;

/// The most characters of a check's summary ("Create a check run": 65,535).
const SUMMARY: usize = 65_000;

/// A finished check of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheck {
    /// The name that rulesets require.
    pub name: String,
    /// The commit.
    pub head: ObjectId,
    /// `success`, `failure` or `neutral`.
    pub conclusion: String,
    /// One line.
    pub title: String,
    /// Markdown; what is longer than GitHub takes is cut.
    pub summary: String,
    /// Page with more; empty when there is none.
    pub details_url: String,
}

impl NewCheck {
    /// A check that passed.
    pub fn success(name: &str, head: &ObjectId, title: &str) -> Self {
        Self::new(name, head, ["success", title, title])
    }

    /// A check that did not pass, and why.
    pub fn failure(name: &str, head: &ObjectId, title: &str, summary: &str) -> Self {
        Self::new(name, head, ["failure", title, summary])
    }

    fn new(name: &str, head: &ObjectId, [conclusion, title, summary]: [&str; 3]) -> Self {
        Self {
            name: name.to_owned(),
            head: head.clone(),
            conclusion: conclusion.to_owned(),
            title: title.to_owned(),
            summary: summary.to_owned(),
            details_url: String::new(),
        }
    }
}

impl GitHub {
    /// Reports a check. The newest of a name counts, so a second report of the same does no harm.
    ///
    /// # Errors
    /// When the commit does not exist, or the token lacks `checks: write`.
    pub async fn check(&self, check: &NewCheck) -> anyhow::Result<()> {
        let summary: String = check.summary.chars().take(SUMMARY).collect();
        let mut body = json!({
            "name": check.name, "head_sha": check.head, "status": "completed", "conclusion": check.conclusion,
            "output": {"title": check.title, "summary": summary},
        });
        if let (false, Some(fields)) = (check.details_url.is_empty(), body.as_object_mut()) {
            fields.insert("details_url".to_owned(), json!(check.details_url));
        }
        self.send(Call::post(self.route("check-runs"), body)).await?;
        Ok(())
    }
}
