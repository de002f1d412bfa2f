//! Follows a chain from its newest link down, and gathers what it is made of and every rule that it breaks.

use super::{Anchors, Demand, Entry, Lineage, Reading, identity, links, refusal};
use crate::{
    check::CheckResult,
    digest::Sha256,
    evidence::Evidence,
    policy::Policy,
    refusal::{Code, Refusal, Refused, Result},
    stage::{Key, Stage},
    statement::{LINEAGE, Link, Reference, STATEMENT_TYPE, Statement},
};
use std::collections::BTreeMap;

/// A link that was found.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) reference: Reference,
    pub(super) evidence: &'a Evidence,
    pub(super) link: Link,
}

/// A chain as far as it could be followed.
pub(super) struct Trace<'a> {
    pub(super) demand: &'a Demand<'a>,
    /// The policy that says who may sign what.
    pub(super) policy: &'a Policy,
    pub(super) links: BTreeMap<Stage, Found<'a>>,
    pub(super) entries: BTreeMap<Key, (Reference, &'a Evidence)>,
    pub(super) order: Vec<Key>,
    pub(super) results: BTreeMap<Key, CheckResult>,
    pub(super) refusals: Vec<Refusal>,
    /// Whether the chain breaks off before its end. That is refused; what follows from it alone is not said again.
    pub(super) is_broken: bool,
    evidence: BTreeMap<Sha256, Vec<&'a Evidence>>,
}

impl<'a> Trace<'a> {
    pub(super) fn new(demand: &'a Demand<'a>, all: &'a [Evidence]) -> Self {
        let mut evidence: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for one in all {
            evidence.entry(one.statement_digest).or_default().push(one);
        }
        let policy = match demand.reading {
            Reading::Recorded(policy) => policy,
            Reading::Pipeline | Reading::Consumer => demand.policy,
        };
        let (links, entries, results) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut trace =
            Self { demand, policy, links, entries, order: Vec::new(), results, refusals: Vec::new(), is_broken: false, evidence };
        if policy.required.is_empty() {
            trace.refuse(Code::LineageMissingCheck, "the policy requires no check, so nothing could be missing");
        }
        if demand.anchors == Anchors::default() {
            trace.refuse(Code::LineageUnanchored, "nothing in hand was given that the lineage could be held against");
        }
        trace
    }

    pub(super) fn refuse(&mut self, code: Code, what: impl Into<String>) {
        self.refusals.push(refusal(code, what));
    }

    /// The link of a stage.
    pub(super) fn link(&self, stage: Stage) -> Option<&Link> {
        self.links.get(&stage).map(|found| &found.link)
    }

    /// The statement of a stage's link.
    pub(super) fn statement(&self, stage: Stage) -> Option<&'a Statement> {
        self.links.get(&stage).map(|found| &found.evidence.statement)
    }

    /// The digest of the one policy under which all of it must have been made.
    pub(super) fn policy_digest(&self) -> Sha256 {
        match self.demand.reading {
            Reading::Pipeline => self.demand.policy.digest,
            Reading::Recorded(policy) => policy.digest,
            Reading::Consumer => self.link(self.demand.upto).map_or(self.demand.policy.digest, |link| link.policy),
        }
    }

    /// Refuses what was made under another policy.
    pub(super) fn same_policy(&mut self, whose: &str, actual: Sha256) {
        let expected = self.policy_digest();
        if actual != expected {
            self.refuse(Code::LineageOtherPolicy, format!("{whose} was made under the policy {actual}, expected {expected}"));
        }
    }

    /// Follows parents down to validate, then takes in what each link refers to.
    pub(super) fn follow(&mut self, newest: &Reference) {
        let mut reference = Some(newest.clone());
        for stage in Stage::ALL.into_iter().rev().filter(|stage| *stage <= self.demand.upto) {
            let Some(found) = reference.take().and_then(|reference| self.take_link(stage, reference)) else { break };
            reference = self.parent(stage, &found.link);
            self.links.insert(stage, found);
        }
        let is_end = |found: &Found<'_>| found.link.break_glass.is_some() && found.link.parent.is_none();
        self.is_broken = !self.links.contains_key(&Stage::Validate) && !self.links.get(&Stage::Tag).is_some_and(is_end);
        for stage in Stage::ALL {
            let Some(found) = self.links.get(&stage) else { continue };
            let (link, own) = (found.link.clone(), (found.reference.clone(), found.evidence));
            self.references(stage, &link);
            self.ids(stage, &link);
            self.stages(stage, &link);
            self.same_policy(&format!("the link of `{stage}`"), link.policy);
            self.refusals.extend(links::fields(stage, &link));
            self.refusals.extend(links::break_glass(stage, &link, self.policy));
            self.enter(stage.overall(), own);
        }
    }

    fn take_link(&mut self, stage: Stage, reference: Reference) -> Option<Found<'a>> {
        let evidence = self.attest(&stage.overall(), &reference, LINEAGE)?;
        let link = links::parse(&evidence.statement).map_err(|fault| self.refusals.push(fault)).ok()?;
        if link.stage != stage {
            self.refuse(Code::LineageWrongStage, format!("a link is by `{}` where the link of `{stage}` belongs", link.stage));
            return None;
        }
        Some(Found { reference, evidence, link })
    }

    fn parent(&mut self, stage: Stage, link: &Link) -> Option<Reference> {
        match (&link.parent, stage.previous()) {
            (Some(parent), Some(_)) => return Some(Reference::from(parent)),
            (Some(_), None) => {
                self.refuse(Code::LineageBrokenParent, format!("the link of `{stage}` has a parent, but nothing comes before it"));
            }
            (None, None) => {}
            (None, Some(_)) if stage == Stage::Tag && link.break_glass.is_some() => {}
            (None, Some(previous)) => {
                self.refuse(Code::LineageBrokenParent, format!("the link of `{stage}` has no parent, expected the link of `{previous}`"));
            }
        }
        None
    }

    /// The attestation of a reference, judged by who signed it.
    ///
    /// The same statement may stand in several bundles, if somebody else signed a copy: one that counts is enough.
    fn attest(&mut self, key: &Key, reference: &Reference, expected: &str) -> Option<&'a Evidence> {
        let Some(candidates) = self.evidence.get(&reference.statement) else {
            self.refuse(Code::LineageMissingAttestation, format!("`{key}` has no attestation with the statement {}", reference.statement));
            return None;
        };
        let judged: Vec<_> = candidates.iter().map(|one| (*one, self.identity(one, key))).collect();
        let (evidence, faults) = judged.into_iter().min_by_key(|(_, faults)| faults.len())?;
        self.refusals.extend(faults);
        let statement = &evidence.statement;
        for (whose, actual) in [("the reference to", &reference.predicate_type), ("the statement of", &statement.predicate_type)] {
            if actual != expected {
                self.refuse(
                    Code::LineageWrongType,
                    format!("{whose} `{key}` has the predicate type `{}`, expected `{expected}`", actual.escape_debug()),
                );
            }
        }
        if statement.kind != STATEMENT_TYPE {
            self.refuse(Code::LineageWrongType, format!("the statement of `{key}` has the type `{}`", statement.kind.escape_debug()));
        }
        if !statement.subject.iter().any(|subject| subject.sha256() == Some(reference.subject)) {
            self.refuse(
                Code::LineageWrongSubjects,
                format!("`{key}` is referred to by {}, which is none of its subjects", reference.subject),
            );
        }
        Some(evidence)
    }

    fn identity(&self, evidence: &Evidence, key: &Key) -> Vec<Refusal> {
        let mut faults = identity(evidence, key, self.policy, self.demand.repository);
        let commit = evidence.claims.build_signer_digest.as_deref().and_then(|commit| commit.parse().ok());
        // What the recorded policy allowed, the tip may have revoked since.
        if commit.is_some_and(|commit| self.demand.policy.signers.revoked.contains(&commit)) && faults.is_empty() {
            faults.push(refusal(
                Code::IdentityUnreleasedSigner,
                format!("`{key}` was signed by a workflow that the policy on `main` has revoked"),
            ));
        }
        faults
    }

    /// Takes in what a stage signed itself; what it says of earlier stages must be what is known of them.
    fn references(&mut self, stage: Stage, link: &Link) {
        for (key, reference) in &link.references {
            if links::is_own(stage, key) {
                if let Some(evidence) = self.attest(key, reference, links::type_of(key)) {
                    self.enter(key.clone(), (reference.clone(), evidence));
                }
                continue;
            }
            match self.entries.get(key).map(|(known, _)| known.statement) {
                Some(known) if known == reference.statement => {}
                Some(known) => {
                    let what = format!("the link of `{stage}` takes {} for `{key}`, which is {known}", reference.statement);
                    self.refuse(Code::LineageOtherReference, what);
                }
                None if self.is_broken => {}
                None => self
                    .refuse(Code::LineageUnexpectedKey, format!("the link of `{stage}` refers to `{key}`, which no earlier stage signed")),
            }
        }
        self.complete(stage, link);
    }

    /// Whether a link refers to everything that it must.
    fn complete(&mut self, stage: Stage, link: &Link) {
        let (code, needed) = match stage {
            Stage::Validate => (Code::LineageMissingCheck, self.policy.required.clone()),
            // The link of bump lists the whole lineage (M-098).
            Stage::Bump => (Code::LineageMissingAttestation, self.order.iter().cloned().chain(links::own_keys(stage)).collect()),
            _ => (Code::LineageMissingAttestation, links::own_keys(stage)),
        };
        for key in needed.iter().filter(|key| !link.references.contains_key(key)) {
            self.refuse(code, format!("the link of `{stage}` does not refer to `{key}`"));
        }
        let is_floor = matches!(self.demand.reading, Reading::Consumer) && stage == Stage::Validate;
        if is_floor && !link.references.keys().any(|key| key.kubernetes_version().is_some()) {
            self.refuse(Code::LineageMissingCheck, "the link of `validate` does not refer to any `lint-test-…`");
        }
    }

    /// The ids in the Goal's form are those of the references, and no others.
    fn ids(&mut self, stage: Stage, link: &Link) {
        for (key, reference) in &link.references {
            if link.attestations.get(key) != Some(&reference.id) {
                self.refuse(Code::LineageOtherId, format!("the link of `{stage}` gives `{key}` another id than its reference"));
            }
        }
        for (key, id) in link.attestations.iter().filter(|(key, _)| !link.references.contains_key(key)) {
            match self.entries.get(key) {
                Some((known, _)) if known.id == *id => {}
                Some(_) => self
                    .refuse(Code::LineageOtherId, format!("the link of `{stage}` gives `{key}` another id than the link that signed it")),
                None if self.is_broken => {}
                None => self.refuse(Code::LineageUnexpectedKey, format!("the link of `{stage}` lists `{key}`, which no stage signed")),
            }
        }
    }

    /// The stages as the Goal lists them name the same attestations (M-186).
    fn stages(&mut self, stage: Stage, link: &Link) {
        for entry in &link.lineage {
            let key = match entry.stage.as_str() {
                "validation" => Stage::Validate.overall().to_string(),
                "semver" => Key::WORKFLOW_5_SEMVER.to_owned(),
                "build" => Key::WORKFLOW_7_BUILD.to_owned(),
                other => {
                    self.refuse(Code::LineageUnexpectedKey, format!("the link of `{stage}` lists the stage `{}`", other.escape_debug()));
                    continue;
                }
            };
            let known = self.entries.iter().find(|(known, _)| known.as_str() == key).map(|(_, (reference, _))| &reference.id);
            if known != Some(&entry.attestation) && !(self.is_broken && known.is_none()) {
                self.refuse(Code::LineageOtherId, format!("the link of `{stage}` lists another attestation for `{}`", entry.stage));
            }
        }
    }

    fn enter(&mut self, key: Key, entry: (Reference, &'a Evidence)) {
        if self.entries.insert(key.clone(), entry).is_none() {
            self.order.push(key);
        }
    }

    /// The lineage, if no rule was broken.
    pub(super) fn into_lineage(mut self, newest: &Reference) -> Result<Lineage> {
        let path = self.demand.folder.path();
        let chart = |stage| self.statement(stage).and_then(|statement: &Statement| statement.subject(&path));
        let (contributed, released) = (chart(Stage::Validate), chart(Stage::Tag).or_else(|| chart(Stage::Bump)));
        let digests = contributed.or(released).zip(released.or(contributed));
        if digests.is_none() && self.refusals.is_empty() {
            self.refuse(Code::LineageOtherContent, format!("no link has `{path}` as its subject"));
        }
        let policy = self.policy_digest();
        Refused::unless_empty(self.refusals)?;
        let (chart, released) = digests.unwrap_or((Sha256::of([]), Sha256::of([])));
        let entry = |(key, (reference, evidence)): (Key, (Reference, &Evidence))| (key, Entry { reference, evidence: evidence.clone() });
        Ok(Lineage {
            folder: self.demand.folder.clone(),
            policy,
            required: self.policy.required.clone(),
            newest: newest.clone(),
            links: self.links.into_iter().map(|(stage, found)| (stage, found.link)).collect(),
            entries: self.entries.into_iter().map(entry).collect(),
            order: self.order,
            results: self.results,
            chart,
            released,
        })
    }
}
