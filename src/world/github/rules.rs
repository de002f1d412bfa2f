//! Rulesets in force: which rules a ref has, who bypasses them, and what they say to a change.
//!
//! Source: GitHub docs, "Available rules for rulesets"; texts as GitHub's answers have them.

use super::{
    identity::{Identity, Role},
    refs::Move,
    state::{Pull, Ruleset, World},
};
use serde_json::Value;

impl World {
    /// The rules in force for a full ref name, each with its ruleset.
    pub(super) fn rules_for(&self, name: &str) -> Vec<(&Ruleset, &Value)> {
        let rulesets = self.rulesets.values().filter(|ruleset| ruleset.enforcement == "active" && ruleset.covers(name));
        rulesets.flat_map(|ruleset| ruleset.rules.iter().map(move |rule| (ruleset, rule))).collect()
    }

    /// What the rules say against a direct change of a ref by this caller.
    pub(super) fn violations(&self, who: &Identity, change: &Move) -> Vec<String> {
        let mut reasons = Vec::new();
        if change.name.strip_prefix("refs/tags/").is_some_and(|tag| self.locked_tags.contains(tag)) {
            reasons.push("Cannot change this tag: it belongs to an immutable release.".to_owned());
        }
        for (ruleset, rule) in self.rules_for(&change.name) {
            if ruleset.is_bypassed_by(who, false) {
                continue;
            }
            let kind = rule.get("type").and_then(Value::as_str).unwrap_or_default();
            match (kind, &change.old, &change.new) {
                ("creation", None, Some(_)) => reasons.push("Cannot create ref due to creations being restricted.".to_owned()),
                ("update", Some(_), Some(_)) => reasons.push("Cannot update this protected ref.".to_owned()),
                ("deletion", Some(_), None) => reasons.push("Cannot delete this protected ref.".to_owned()),
                ("pull_request", Some(_), Some(_)) => reasons.push("Changes must be made through a pull request.".to_owned()),
                ("required_status_checks", old, Some(new)) if old.is_some() || !skips_creation(rule) => {
                    reasons.extend(self.missing_checks(rule, new));
                }
                _ => {}
            }
        }
        reasons
    }

    /// Whether the rules forbid this caller to move a ref to a commit that does not descend from its tip.
    pub(super) fn forbids_rewinding(&self, who: &Identity, name: &str) -> bool {
        let rules = self.rules_for(name).into_iter().filter(|(ruleset, _)| !ruleset.is_bypassed_by(who, false));
        rules.into_iter().any(|(_, rule)| rule.get("type").and_then(Value::as_str) == Some("non_fast_forward"))
    }

    /// What the rules say against merging a pull request by this caller with this method.
    pub(super) fn merge_violations(&self, who: &Identity, pull: &Pull, method: &str) -> Vec<String> {
        let mut reasons = Vec::new();
        for (ruleset, rule) in self.rules_for(&format!("refs/heads/{}", pull.base_ref)) {
            if ruleset.is_bypassed_by(who, true) {
                continue;
            }
            match rule.get("type").and_then(Value::as_str).unwrap_or_default() {
                // A restricted update covers merges too (C-4).
                "update" => reasons.push("Cannot update this protected ref.".to_owned()),
                "pull_request" => reasons.extend(pull_request_rule(rule, pull, method)),
                "required_status_checks" => reasons.extend(self.missing_checks(rule, &pull.head_sha)),
                _ => {}
            }
        }
        reasons
    }

    /// The required checks a commit has not passed: by name, and by reporter when the rule pins one.
    fn missing_checks(&self, rule: &Value, sha: &str) -> Vec<String> {
        let required = rule.pointer("/parameters/required_status_checks").and_then(Value::as_array);
        let required: Vec<&Value> = required.into_iter().flatten().collect();
        let missing: Vec<&str> = required
            .iter()
            .filter(|check| !self.is_passed(check, sha))
            .filter_map(|check| check.get("context").and_then(Value::as_str))
            .collect();
        match missing.as_slice() {
            [] => Vec::new(),
            [one] => vec![format!("Required status check \"{one}\" is expected.")],
            several => vec![format!("{} of {} required status checks are expected.", several.len(), required.len())],
        }
    }

    fn is_passed(&self, required: &Value, sha: &str) -> bool {
        let context = required.get("context").and_then(Value::as_str).unwrap_or_default();
        let reporter = required.get("integration_id").and_then(Value::as_u64);
        let newest_check = self
            .checks
            .values()
            .rev()
            .find(|check| check.head_sha == sha && check.text("name") == context && reporter.is_none_or(|id| id == check.app_id));
        let newest_status = self
            .statuses
            .iter()
            .rev()
            .find(|status| status.sha == sha && status.context == context && reporter.is_none_or(|id| Some(id) == status.app_id));
        let check_passes = newest_check.map(|check| matches!(check.text("conclusion"), "success" | "neutral" | "skipped"));
        let status_passes = newest_status.map(|status| status.state == "success");
        // Every reporter of that name must have passed; nobody having reported is not passed.
        check_passes.or(status_passes).is_some() && check_passes != Some(false) && status_passes != Some(false)
    }
}

fn skips_creation(rule: &Value) -> bool {
    rule.pointer("/parameters/do_not_enforce_on_create").and_then(Value::as_bool).unwrap_or(false)
}

fn pull_request_rule(rule: &Value, pull: &Pull, method: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    let parameter = |name: &str| rule.get("parameters").and_then(|parameters| parameters.get(name));
    let required = parameter("required_approving_review_count").and_then(Value::as_u64).unwrap_or(0);
    let approvals = pull.approvals() as u64;
    if approvals < required {
        let noun = if required == 1 { "review is" } else { "reviews are" };
        reasons.push(format!("At least {required} approving {noun} required by reviewers with write access."));
    }
    let methods = parameter("allowed_merge_methods").and_then(Value::as_array);
    if methods.is_some_and(|methods| !methods.iter().any(|allowed| allowed == method)) {
        reasons.push(format!("Merge method {method} is not allowed on this branch."));
    }
    reasons
}

impl Pull {
    /// Approvals that count: the newest review of each person with write access, the author apart.
    fn approvals(&self) -> usize {
        let mut newest = std::collections::BTreeMap::new();
        for review in self.reviews.iter().filter(|review| review.counts && review.login != self.author && review.state != "COMMENTED") {
            newest.insert(&review.login, &review.state);
        }
        newest.values().filter(|state| state.as_str() == "APPROVED").count()
    }
}

impl Ruleset {
    /// Whether the conditions name this ref.
    fn covers(&self, name: &str) -> bool {
        let prefix = if self.target == "tag" { "refs/tags/" } else { "refs/heads/" };
        let patterns = |key: &str| self.conditions.pointer(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let named = |pattern: &Value| pattern.as_str().is_some_and(|pattern| covers(pattern, name));
        let is_excluded = patterns("/ref_name/exclude").iter().any(named);
        name.starts_with(prefix) && patterns("/ref_name/include").iter().any(named) && !is_excluded
    }

    /// Whether a caller need not obey; `is_merge` lets those in who may bypass in pull requests alone.
    fn is_bypassed_by(&self, who: &Identity, is_merge: bool) -> bool {
        self.bypass_actors.iter().any(|actor| {
            let id = actor.get("actor_id").and_then(Value::as_u64);
            let is_actor = match actor.get("actor_type").and_then(Value::as_str) {
                Some("Integration") => id.is_some() && id == who.app_id(),
                Some("RepositoryRole") => {
                    matches!((id, who), (Some(5), Identity::Person(_, Role::Admin)) | (Some(4), Identity::Person(_, Role::Write)))
                }
                Some("OrganizationAdmin") => matches!(who, Identity::Person(_, Role::Admin)),
                _ => false,
            };
            is_actor && (is_merge || actor.get("bypass_mode").and_then(Value::as_str) != Some("pull_request"))
        })
    }
}

fn covers(pattern: &str, name: &str) -> bool {
    match pattern {
        "~ALL" => true,
        "~DEFAULT_BRANCH" => name == "refs/heads/main",
        _ => glob(pattern.as_bytes(), name.as_bytes()),
    }
}

/// fnmatch with `FNM_PATHNAME`: `*` and `?` stop at a slash, `**/` crosses folders.
///
/// Source: GitHub docs, "Creating rulesets for a repository", "Using fnmatch syntax".
pub(super) fn glob(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) | ([b'*', b'*'], _) => true,
        ([b'*', b'*', b'/', rest @ ..], _) => {
            glob(rest, name)
                || name.iter().position(|byte| *byte == b'/').and_then(|at| name.get(at + 1..)).is_some_and(|tail| glob(pattern, tail))
        }
        ([b'*', rest @ ..], _) => glob(rest, name) || matches!(name, [first, tail @ ..] if *first != b'/' && glob(pattern, tail)),
        ([b'?', rest @ ..], [first, tail @ ..]) => *first != b'/' && glob(rest, tail),
        ([one, rest @ ..], [other, tail @ ..]) => one == other && glob(rest, tail),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stops_at_a_slash_and_two_do_not() {
        for (pattern, name, expected) in [
            ("refs/tags/*-v*", "refs/tags/nginx-v1.0.0", true),
            ("refs/tags/*-v*", "refs/tags/a/b-v1", false),
            ("refs/heads/charts/*", "refs/heads/charts/nginx", true),
            ("refs/heads/charts/*", "refs/heads/charts", false),
            ("refs/heads/**/*", "refs/heads/a/b/c", true),
            ("refs/heads/**", "refs/heads/a/b", true),
            ("v?", "v1", true),
            ("~ALL", "refs/heads/x", true),
            ("~DEFAULT_BRANCH", "refs/heads/release", false),
        ] {
            assert_eq!(covers(pattern, name), expected, "{pattern} {name}");
        }
    }
}
