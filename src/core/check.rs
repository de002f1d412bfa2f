//! The result document of a check: what was checked, under which policy, and how it ended.
//!
//! Its digest is the first subject of the check's attestation, and its bytes travel inside the predicate.

use crate::{
    digest::Sha256,
    name::ChartFolder,
    refusal::{Code, Refusal},
    stage::{Binding, Key},
    statement::{Range, Subject},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Version of the shape of a result document.
const SCHEMA: u32 = 1;

/// Media type of a result document, as the predicate names it.
pub const MEDIA_TYPE: &str = "application/vnd.chartrel.check-result.v1+json";

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Conclusion {
    /// It passed.
    Success,
    /// It did not.
    Failure,
}

/// A dependency of a chart, resolved: the bytes that the check saw.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// The dependency's name.
    pub name: String,
    /// The resolved version.
    pub version: String,
    /// SHA-256 of the package that was fetched.
    pub digest: Sha256,
}

/// What a content check found in one chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartResult {
    /// The chart's folder.
    pub folder: ChartFolder,
    /// The chart digest.
    pub digest: Sha256,
    /// The dependencies that were fetched; empty when there are none. Never absent: a result that is silent about them is malformed.
    pub dependencies: Vec<Dependency>,
    /// How the check ended for this chart.
    pub conclusion: Conclusion,
}

/// A result document.
///
/// Shape: RFC 8785 JSON, `{"charts":[…],"check":"lint-test-v1.32.11","conclusion":"success","log":"sha256:…","policy":"sha256:…",
/// "range":null,"schema":1,"tools":{"chartrel":"0.1.0","helm":"v4.3.1"}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The check.
    pub check: Key,
    /// The programs that took part, with their versions.
    pub tools: BTreeMap<String, String>,
    /// Digest of the policy under which it ran.
    pub policy: Sha256,
    /// Content checks: each chart that was looked at; commit checks: empty.
    pub charts: Vec<ChartResult>,
    /// Commit checks: the commits that were looked at; content checks: `None`.
    pub range: Option<Range>,
    /// How it ended as a whole.
    pub conclusion: Conclusion,
    /// Digest of the log.
    pub log: Sha256,
}

/// The document as it is written: keys in the order of RFC 8785, which for these names is that of their bytes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    charts: Vec<Row>,
    check: Key,
    conclusion: Conclusion,
    log: Sha256,
    policy: Sha256,
    range: Option<Range>,
    schema: u32,
    tools: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    conclusion: Conclusion,
    dependencies: Vec<Resolved>,
    digest: Sha256,
    folder: ChartFolder,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolved {
    digest: Sha256,
    name: String,
    version: String,
}

impl CheckResult {
    /// The canonical bytes: the same result always has the same.
    pub fn to_bytes(&self) -> Vec<u8> {
        let row = |chart: &ChartResult| Row {
            conclusion: chart.conclusion,
            dependencies: chart.dependencies.iter().map(Resolved::from).collect(),
            digest: chart.digest,
            folder: chart.folder.clone(),
        };
        let document = Document {
            charts: self.charts.iter().map(row).collect(),
            check: self.check.clone(),
            conclusion: self.conclusion,
            log: self.log,
            policy: self.policy,
            range: self.range.clone(),
            schema: SCHEMA,
            tools: self.tools.clone(),
        };
        // Serialising plain structs and maps of strings cannot fail.
        serde_json::to_vec(&document).unwrap_or_default()
    }

    /// The digest of the document: the subject named as the check.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(self.to_bytes())
    }

    /// Reads a document.
    ///
    /// # Errors
    /// `check/malformed` when the bytes are not the canonical form of a result, or when it is bound neither to charts nor to
    /// commits, to both, or to a chart twice.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| malformed(format!("a result document can't be read: {error}")))?;
        if document.schema != SCHEMA {
            return Err(malformed(format!("a result document has schema {}, expected {SCHEMA}", document.schema)));
        }
        let row = |row: Row| ChartResult {
            folder: row.folder,
            digest: row.digest,
            dependencies: row.dependencies.into_iter().map(Dependency::from).collect(),
            conclusion: row.conclusion,
        };
        let result = Self {
            check: document.check,
            tools: document.tools,
            policy: document.policy,
            charts: document.charts.into_iter().map(row).collect(),
            range: document.range,
            conclusion: document.conclusion,
            log: document.log,
        };
        result.judge(bytes)?;
        Ok(result)
    }

    fn judge(&self, bytes: &[u8]) -> Result<(), Refusal> {
        let folders: BTreeSet<_> = self.charts.iter().map(|chart| &chart.folder).collect();
        if folders.len() != self.charts.len() {
            return Err(malformed(format!("the result of `{}` names a chart twice", self.check)));
        }
        let is_bound = match self.check.binding() {
            Binding::Content => !self.charts.is_empty() && self.range.is_none(),
            Binding::Commits => self.charts.is_empty() && self.range.is_some(),
        };
        if !is_bound {
            return Err(malformed(format!("the result of `{}` is not bound to what such a check looks at", self.check)));
        }
        if self.to_bytes() != bytes {
            return Err(malformed(format!("the result of `{}` is not in canonical form", self.check)));
        }
        Ok(())
    }

    /// What was found in one chart.
    pub fn chart(&self, folder: &ChartFolder) -> Option<&ChartResult> {
        self.charts.iter().find(|chart| chart.folder == *folder)
    }

    /// The subjects of the check's attestation: the document, then the charts or the commits.
    pub fn subjects(&self) -> Vec<Subject> {
        let mut subjects = vec![Subject::new(self.check.as_str(), self.digest())];
        subjects.extend(self.charts.iter().map(|chart| Subject::new(chart.folder.path(), chart.digest)));
        subjects.extend(self.range.iter().map(|range| Subject::new(COMMITS, range_digest(range))));
        subjects
    }
}

/// Name of the subject that stands for a range of commits.
pub const COMMITS: &str = "commits";

/// The digest of a range of commits: SHA-256 of `<from>..<to>\n`.
pub fn range_digest(range: &Range) -> Sha256 {
    Sha256::of(format!("{}..{}\n", range.from, range.to))
}

impl From<&Dependency> for Resolved {
    fn from(one: &Dependency) -> Self {
        Self { digest: one.digest, name: one.name.clone(), version: one.version.clone() }
    }
}

impl From<Resolved> for Dependency {
    fn from(one: Resolved) -> Self {
        Self { name: one.name, version: one.version, digest: one.digest }
    }
}

fn malformed(what: String) -> Refusal {
    Refusal::new(Code::CheckMalformed, what, "run the check again with a released chartrel")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> CheckResult {
        let dependency = Dependency { name: "common".into(), version: "2.0.0".into(), digest: Sha256::of("common") };
        let chart = ChartResult {
            folder: "nginx".parse().unwrap(),
            digest: Sha256::of("tree"),
            dependencies: vec![dependency],
            conclusion: Conclusion::Success,
        };
        CheckResult {
            check: "lint-test-v1.32.11".parse().unwrap(),
            tools: BTreeMap::from([("helm".into(), "v4.3.1".into()), ("chartrel".into(), "0.1.0".into())]),
            policy: Sha256::of("policy"),
            charts: vec![chart],
            range: None,
            conclusion: Conclusion::Success,
            log: Sha256::of(""),
        }
    }

    fn commits() -> CheckResult {
        let range = Range { from: "1".repeat(40).parse().unwrap(), to: "2".repeat(40).parse().unwrap() };
        CheckResult { check: "commit-validation".parse().unwrap(), charts: vec![], range: Some(range), ..content() }
    }

    #[test]
    fn a_result_reads_back_and_its_keys_are_sorted() {
        for result in [content(), commits()] {
            let bytes = result.to_bytes();
            assert_eq!(CheckResult::from_bytes(&bytes).unwrap(), result);
            // A map of serde_json sorts its keys: what survives it unchanged was sorted before.
            let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(serde_json::to_vec(&value).unwrap(), bytes);
        }
    }

    #[test]
    fn the_subjects_are_the_document_and_what_it_is_bound_to() {
        let names = |result: &CheckResult| result.subjects().into_iter().map(|subject| subject.name).collect::<Vec<_>>();
        assert_eq!(names(&content()), ["lint-test-v1.32.11", "charts/nginx"]);
        assert_eq!(names(&commits()), ["commit-validation", "commits"]);
        let expected = Sha256::of(format!("{}..{}\n", "1".repeat(40), "2".repeat(40)));
        assert_eq!(commits().subjects()[1].sha256(), Some(expected));
    }

    #[test]
    fn a_result_that_is_bound_to_nothing_or_to_the_wrong_thing_is_malformed() {
        let mut twice = content();
        twice.charts.push(twice.charts[0].clone());
        let unbound = CheckResult { charts: vec![], ..content() };
        let wrongly = CheckResult { range: commits().range, ..content() };
        let no_range = CheckResult { range: None, ..commits() };
        for result in [twice, unbound, wrongly, no_range] {
            let refusal = CheckResult::from_bytes(&result.to_bytes()).unwrap_err();
            assert_eq!(refusal.code, Code::CheckMalformed, "{result:?}");
        }
    }

    #[test]
    fn a_result_in_another_form_is_malformed() {
        let text = String::from_utf8(content().to_bytes()).unwrap();
        for other in [
            text.replace("{\"charts\"", "{ \"charts\""),
            text.replace("\"schema\":1", "\"schema\":2"),
            text.replace("\"schema\":1", "\"schema\":1,\"more\":1"),
            text.replace("\"dependencies\":[{", "\"dependencie\":[{"),
            text.replace("\"conclusion\":\"success\"", "\"conclusion\":\"skipped\""),
        ] {
            assert_ne!(other, text);
            assert_eq!(CheckResult::from_bytes(other.as_bytes()).unwrap_err().code, Code::CheckMalformed, "{other}");
        }
    }
}
