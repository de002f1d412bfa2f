//! The lineage of a chart: whether the attestations of every stage and check hang together, and whether those who signed may sign.
//!
//! Nothing here trusts a text that is not signed, a digest that was not recomputed, or a signer because it signed. Only [`verify`] makes
//! a [`Verified`]; what needs one can't be called without it.

use crate::{
    check::{CheckResult, Dependency},
    digest::Sha256,
    evidence::Evidence,
    name::{ChartFolder, ObjectId, Repository},
    policy::Policy,
    refusal::{Code, Refusal, Result},
    stage::{Key, Stage},
    statement::{LINEAGE, Link, Range, Reference},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Deref,
};

mod anchors;
mod checks;
mod identity;
mod links;
mod map;
mod results;
mod subjects;
mod trace;

pub use identity::identity;
pub use map::map_agrees;

/// A link that has more references than this is not one of ours: a release has about twenty attestations.
const MOST_REFERENCES: usize = 256;

/// What is to be verified, for whom, and against which facts.
#[derive(Debug, Clone)]
pub struct Demand<'a> {
    /// The policy at the tip of `main`, or the consumer's own.
    pub policy: &'a Policy,
    /// The repository that the attestations must be from.
    pub repository: &'a RepositoryIdentity,
    /// The chart.
    pub folder: &'a ChartFolder,
    /// The stage whose link is the newest.
    pub upto: Stage,
    /// What the reader holds in hand; at least one of them.
    pub anchors: Anchors,
    /// Who reads.
    pub reading: Reading<'a>,
}

/// A repository, by name and by the numbers that survive a rename and expose a takeover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryIdentity {
    /// The repository.
    pub repository: Repository,
    /// Its numeric id, in decimal.
    pub id: String,
    /// The numeric id of its owner, in decimal.
    pub owner_id: String,
    /// The server, such as `https://github.com`.
    pub server_url: String,
}

impl RepositoryIdentity {
    /// The identity of a repository whose numbers the reader does not know: those of one attestation, so that all must have the same.
    pub fn as_claimed(repository: Repository, server_url: &str, evidence: &Evidence) -> Self {
        let text = |claim: &Option<String>| claim.clone().unwrap_or_default();
        let (id, owner_id) = (text(&evidence.claims.source_repository_id), text(&evidence.claims.source_owner_id));
        // The reader may write the name in another case than GitHub, whose spelling the signers' names have.
        let claimed = evidence.claims.source_repository_uri.as_ref().and_then(|uri| uri.strip_prefix(server_url)?.strip_prefix('/'));
        let claimed = claimed
            .and_then(|name| name.parse().ok())
            .filter(|name: &Repository| name.to_string().eq_ignore_ascii_case(&repository.to_string()));
        Self { repository: claimed.unwrap_or(repository), id, owner_id, server_url: server_url.to_owned() }
    }
}

/// Who reads a lineage: it decides under which policy the evidence must have been made.
#[derive(Debug, Clone, Copy)]
pub enum Reading<'a> {
    /// A stage: every result and link was made under the demand's policy.
    Pipeline,
    /// A stage after the tag, which can't change: every result and link was made under this policy, which the reader took from `main`'s
    /// history by the digest in link 5; of the demand's policy, the tip's, the revocations count.
    Recorded(&'a Policy),
    /// Anyone else: every result and link was made under one policy, whatever it was, and meets the demand's.
    Consumer,
}

/// What the reader holds in hand, recomputed from content and never taken from a text.
///
/// Each is held against the link that has it as a subject; `None` means that the reader does not have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anchors {
    /// The chart digest at the newest link: before the bump up to format, after it from bump on.
    pub chart: Option<Sha256>,
    /// The commit of the newest link that has one, up to tag.
    pub commit: Option<(ObjectId, Sha256)>,
    /// The release tag and the sha256 of the raw tag object.
    pub tag: Option<(String, Sha256)>,
    /// The package's name and digest.
    pub package: Option<(String, Sha256)>,
    /// The digest of the OCI manifest.
    pub manifest: Option<Sha256>,
    /// The digest of the index entry.
    pub index_entry: Option<Sha256>,
    /// The digest of the description of the pull request to `main`, from bump on; before it, that of one of the contributions.
    pub description: Option<Sha256>,
}

/// Something that [`verify`] found to hold; nothing else makes one.
#[derive(Debug, Clone)]
pub struct Verified<T>(T);

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The links and attestations from a contribution up to some stage.
#[derive(Debug, Clone)]
pub struct Lineage {
    folder: ChartFolder,
    policy: Sha256,
    required: Vec<Key>,
    newest: Reference,
    links: BTreeMap<Stage, Link>,
    entries: BTreeMap<Key, Entry>,
    order: Vec<Key>,
    results: BTreeMap<Key, CheckResult>,
    chart: Sha256,
    released: Sha256,
}

/// One attestation of a lineage.
#[derive(Debug, Clone)]
struct Entry {
    reference: Reference,
    evidence: Evidence,
}

impl Lineage {
    /// The chart.
    pub const fn folder(&self) -> &ChartFolder {
        &self.folder
    }

    /// The digest of the policy under which all of it was made.
    pub const fn policy(&self) -> Sha256 {
        self.policy
    }

    /// The newest link.
    pub const fn newest(&self) -> &Reference {
        &self.newest
    }

    /// The link of a stage; `None` for a stage that is still to come, and for those that break-glass left out.
    pub fn link(&self, stage: Stage) -> Option<&Link> {
        self.links.get(&stage)
    }

    /// Every attestation by its key, as the signed predicates refer to it.
    pub fn references(&self) -> BTreeMap<Key, Reference> {
        self.entries.iter().map(|(key, entry)| (key.clone(), entry.reference.clone())).collect()
    }

    /// Every attestation's id by its key.
    pub fn ids(&self) -> BTreeMap<Key, String> {
        self.entries.iter().map(|(key, entry)| (key.clone(), entry.reference.id.clone())).collect()
    }

    /// Every statement's digest by its key.
    pub fn statements(&self) -> BTreeMap<Key, Sha256> {
        self.entries.iter().map(|(key, entry)| (key.clone(), entry.reference.statement)).collect()
    }

    /// The result of a check.
    pub fn check(&self, key: &Key) -> Option<&CheckResult> {
        self.results.get(key)
    }

    /// An attestation.
    pub fn evidence(&self, key: &Key) -> Option<&Evidence> {
        self.entries.get(key).map(|entry| &entry.evidence)
    }

    /// The commit of `integration` that holds the contribution, as validate and filter name it.
    pub fn source_commit(&self) -> Option<&ObjectId> {
        self.link(Stage::Validate)?.git_commit.as_ref()
    }

    /// The commits that validate covered.
    pub fn range(&self) -> Option<&Range> {
        self.link(Stage::Validate)?.range.as_ref()
    }

    /// The digests of the descriptions of the contributed pull requests.
    pub fn descriptions(&self) -> Vec<Sha256> {
        let validate = self.evidence(&Stage::Validate.overall());
        validate.map(|evidence| subjects::all(&evidence.statement, subjects::DESCRIPTION)).unwrap_or_default()
    }

    /// The chart digest as it was contributed and checked.
    pub const fn chart_digest(&self) -> Sha256 {
        self.chart
    }

    /// The chart digest as it is released: after the bump. Before it, as contributed.
    pub const fn released_digest(&self) -> Sha256 {
        self.released
    }

    /// The fetched dependencies that every content check saw.
    pub fn dependencies(&self) -> &[Dependency] {
        let rows = self.results.values().filter_map(|result| result.chart(&self.folder));
        rows.map(|row| row.dependencies.as_slice()).next().unwrap_or_default()
    }

    /// The bundles, from the checks of the contribution to the newest link.
    pub fn bundles(&self) -> impl Iterator<Item = &str> {
        self.order.iter().filter_map(|key| Some(self.entries.get(key)?.evidence.bundle.as_str()))
    }

    /// The stated reason, where a release left the pipeline out.
    pub fn break_glass(&self) -> Option<&str> {
        self.link(Stage::Tag)?.break_glass.as_deref()
    }
}

/// The links of a stage about a subject, the last signed first: GitHub may hold several for one digest.
///
/// They are candidates, neither judged nor complete: whoever can write attestations can add to them.
pub fn newest<'a>(evidence: &'a [Evidence], stage: Stage, name: &str, digest: Sha256) -> Vec<&'a Evidence> {
    let is_candidate = |one: &&Evidence| {
        one.statement.predicate_type == LINEAGE
            && subjects::all(&one.statement, name).contains(&digest)
            && links::parse(&one.statement).is_ok_and(|link| link.stage == stage)
    };
    let mut found: Vec<_> = evidence.iter().filter(is_candidate).collect();
    found.sort_by(|a, b| b.signed_at.cmp(&a.signed_at).then(a.statement_digest.cmp(&b.statement_digest)));
    found
}

/// What is still to be fetched before the chain below a link can be judged: parents and references, from signed predicates alone.
///
/// Empty when nothing is. What was fetched in vain stays in the answer: a caller that makes no progress stops, and [`verify`] names it.
pub fn wanted(evidence: &[Evidence], newest: &Reference) -> Vec<Reference> {
    let (mut queue, mut seen, mut wanted) = (VecDeque::from([newest.clone()]), BTreeSet::new(), Vec::new());
    while let Some(reference) = queue.pop_front() {
        if !seen.insert(reference.statement) || wanted.len() >= MOST_REFERENCES {
            continue;
        }
        let Some(found) = evidence.iter().find(|one| one.statement_digest == reference.statement) else {
            wanted.push(reference);
            continue;
        };
        let Ok(link) = links::parse(&found.statement) else { continue };
        queue.extend(link.parent.iter().map(Reference::from));
        queue.extend(link.references.into_values().take(MOST_REFERENCES));
    }
    wanted
}

/// The policy under which a link says it was made: where a tag can't change any more, its file is looked up by this digest in the history
/// of `main`, and given to [`verify`] as [`Reading::Recorded`].
///
/// Not judged: a link that lies about it is refused by [`verify`].
pub fn recorded_policy(link: &Evidence) -> Option<Sha256> {
    links::parse(&link.statement).ok().map(|link| link.policy)
}

/// Verifies a chain from its newest link to the contribution.
///
/// In this order, and without stopping at the first violation: 1. each attestation is there, signed by who may sign it; 2. the links follow
/// one another, stage by stage, each naming its parent's statement; 3. every required check is there, passed, and is bound to this
/// chart or to this range of commits; 4. chart, commits, tag, package, manifest are the same from link to link; 5. what stages say
/// they verified is what is there; 6. all of it was made under one policy; 7. it is about what the reader holds in hand.
///
/// # Errors
/// Every violation: `identity/…`, `lineage/…`, `check/malformed`.
pub fn verify(demand: &Demand<'_>, newest: &Reference, evidence: &[Evidence]) -> Result<Verified<Lineage>> {
    let mut trace = trace::Trace::new(demand, evidence);
    trace.follow(newest);
    checks::judge(&mut trace);
    subjects::judge(&mut trace);
    results::judge(&mut trace);
    anchors::judge(&mut trace);
    trace.into_lineage(newest).map(Verified)
}

fn refusal(code: Code, what: impl Into<String>) -> Refusal {
    Refusal::new(code, what, help(code))
}

/// What to do about a broken lineage: it is never mended by hand.
fn help(code: Code) -> &'static str {
    match code {
        Code::LineageMissingAttestation | Code::LineageMissingCheck => "run the stage that signs it again; it signs only what is missing",
        Code::LineageOtherPolicy => {
            "before the tag, run validate again; after it, verify under the policy that the links record, from `main`'s history"
        }
        Code::LineageFailedCheck => "mend what the check found, and contribute again",
        Code::LineageBreakGlass => "contribute the change by a pull request, or enable `break-glass` in the policy on `main`",
        Code::LineageUnanchored => "give the verifier what you hold: a chart's content, a commit, a tag or a package",
        _ => "nothing was released on this evidence; find out who altered it, then run the stage again",
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
