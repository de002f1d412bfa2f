//! `chartrel verify`: a package, an OCI reference or a tag in, the proven chain back to the contribution out.

mod find;
mod tree;

use crate::{end::say, environment::Environment};
use anyhow::Context as _;
use chartrel_clients::sigstore::{Roots, Verifier};
use chartrel_core::{
    Code, Refusal, Refused, Sha256,
    evidence::Evidence,
    lineage::{self, Anchors, Demand, Lineage, Reading, RepositoryIdentity, Verified},
    name::{ChartFolder, Repository},
    policy::{Policy, StageSigner, VersionTag},
    release::LineageDocument,
    stage::{Key, Stage},
    statement::Reference,
};
use serde_json::json;
use std::{io::Write as _, path::PathBuf, process::ExitCode};

/// Whose reusable workflows sign, unless the policy says otherwise.
const SIGNERS: &str = "chartrel/chartrel";

/// Arguments of `chartrel verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A package file, `oci://<registry>/<namespace>/<chart>@sha256:<digest>`, or a release tag
    subject: String,
    /// The repository that must have released it, `owner/name`
    #[arg(long)]
    repo: String,
    /// `attestation-lineage.json` of the release, to verify offline; without it the one at the release on GitHub is fetched
    #[arg(long)]
    lineage: Option<PathBuf>,
    /// Trusted root of a private Sigstore, in place of the built-in ones
    #[arg(long)]
    trusted_root: Option<PathBuf>,
    /// Issuer of the OIDC tokens, where it is not GitHub's own
    #[arg(long)]
    issuer: Option<String>,
    /// Your own demands: a policy file with the signers and checks that you require
    #[arg(long)]
    policy: Option<PathBuf>,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
}

/// What a reader holds in hand and demands.
pub(crate) struct Question {
    /// What was recomputed.
    pub(crate) anchors: Anchors,
    /// The repository.
    pub(crate) repository: Repository,
    /// Trusted roots; none for the built-in ones.
    pub(crate) roots: Vec<String>,
    /// Issuer of the OIDC tokens, where it is not GitHub's own.
    pub(crate) issuer: Option<String>,
    /// The reader's own policy.
    pub(crate) policy: Option<Policy>,
}

/// Verifies and prints; exit 1 with every violation.
///
/// # Errors
/// Refuses a subject that can't be read; fails when GitHub or the registry can't be reached.
pub(crate) async fn run(args: Args, environment: &Environment) -> anyhow::Result<ExitCode> {
    let repository: Repository = args.repo.parse()?;
    let read = |path: &PathBuf| std::fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()));
    let policy = args.policy.as_ref().map(|path| anyhow::Ok(Policy::parse(&read(path)?, &repository)?)).transpose()?;
    let roots = args.trusted_root.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let found = find::find(&args.subject, &repository, args.lineage.as_deref(), environment).await?;
    let question = Question { anchors: found.anchors, repository, roots, issuer: args.issuer, policy };
    let verdict = verify(&found.document, &question);
    if args.json {
        let mut out = std::io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &verdict_json(&args.subject, &verdict))?;
        writeln!(out)?;
    }
    match verdict {
        Ok(lineage) => {
            if !args.json {
                write!(std::io::stdout().lock(), "{}", tree::draw(&found.document, &lineage))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(refused) if args.json => {
            say(&format!("{} violation(s)", refused.violations().len()));
            Ok(ExitCode::from(1))
        }
        Err(refused) => Err(refused.into()),
    }
}

/// The chain of a release as a tree with ticks, from the package and the lineage document alone.
///
/// # Errors
/// All violations.
pub(crate) fn prove(document: &LineageDocument, question: &Question) -> chartrel_core::Result<String> {
    verify(document, question).map(|lineage| tree::draw(document, &lineage))
}

/// Verifies the bundles of the document, then what they say, under the reader's demands.
fn verify(document: &LineageDocument, question: &Question) -> chartrel_core::Result<Verified<Lineage>> {
    let roots = if question.roots.is_empty() { Roots::Embedded } else { Roots::Custom(question.roots.clone()) };
    let verifier = Verifier::new(&roots)?;
    let bundles: Vec<String> = document.bundles.iter().map(ToString::to_string).collect();
    let mut refusals = Vec::new();
    let mut evidence = Vec::new();
    for end in verifier.verify_all(&bundles) {
        match end {
            Ok(one) => evidence.push(one),
            Err(refusal) => refusals.push(refusal),
        }
    }
    let judged = judge(document, question, &evidence);
    match (judged, refusals.is_empty()) {
        (Ok(lineage), true) => Ok(lineage),
        (Ok(_), false) => Err(Refused::unless_empty(refusals).err().unwrap_or_else(|| nothing(document).into())),
        (Err(refused), _) => {
            refusals.extend(refused.into_violations());
            Err(Refused::unless_empty(refusals).err().unwrap_or_else(|| nothing(document).into()))
        }
    }
}

fn judge(document: &LineageDocument, question: &Question, evidence: &[Evidence]) -> chartrel_core::Result<Verified<Lineage>> {
    let folder: ChartFolder = document.folder.parse()?;
    let newest = newest(evidence, &question.anchors).ok_or_else(|| nothing(document))?;
    let key: Key = Stage::Publish.overall();
    let id = document.attestations.get(&key).cloned().unwrap_or_default();
    let subject = newest.statement.subject.first().and_then(chartrel_core::statement::Subject::sha256).unwrap_or(newest.statement_digest);
    let reference = Reference { id, subject, predicate_type: newest.statement.predicate_type.clone(), statement: newest.statement_digest };
    let policy = match &question.policy {
        Some(policy) => policy.clone(),
        None => floor(question)?,
    };
    let repository = RepositoryIdentity::as_claimed(question.repository.clone(), "https://github.com", newest);
    let demand = Demand {
        policy: &policy,
        repository: &repository,
        folder: &folder,
        upto: Stage::Publish,
        anchors: question.anchors.clone(),
        reading: Reading::Consumer,
    };
    lineage::verify(&demand, &reference, evidence)
}

/// Publish's link about the package or the manifest in hand.
fn newest<'a>(evidence: &'a [Evidence], anchors: &Anchors) -> Option<&'a Evidence> {
    let has = |digest: Sha256| {
        evidence.iter().find(|one| is_publish(one) && one.statement.subject.iter().any(|subject| subject.sha256() == Some(digest)))
    };
    anchors.package.as_ref().and_then(|(_, digest)| has(*digest)).or_else(|| anchors.manifest.and_then(has)).or_else(|| {
        // A tag in hand is a subject of an earlier link; the newest link is then the only one of publish.
        anchors.tag.as_ref().and_then(|_| evidence.iter().find(|one| is_publish(one)))
    })
}

fn is_publish(evidence: &Evidence) -> bool {
    evidence.statement.predicate_type == chartrel_core::statement::LINEAGE
        && evidence.statement.predicate.get("stage").and_then(serde_json::Value::as_str) == Some(Stage::Publish.verb())
}

/// What every release must show where the reader demands nothing else.
fn floor(question: &Question) -> chartrel_core::Result<Policy> {
    let versions = VersionTag::parse("v1").into_iter().collect();
    let stages = StageSigner::Reusable { repository: SIGNERS.parse()?, versions, released: None };
    let mut policy = Policy::floor(&question.repository, stages);
    policy.signers.issuer.clone_from(&question.issuer);
    Ok(policy)
}

fn nothing(document: &LineageDocument) -> Refusal {
    let what = format!("nothing that was published for `{}` is about what you hold", document.tag);
    Refusal::new(Code::LineageMissingLink, what, "get the package again from the release; do not use this one")
}

fn verdict_json(subject: &str, verdict: &chartrel_core::Result<Verified<Lineage>>) -> serde_json::Value {
    match verdict {
        Ok(lineage) => json!({"subject": subject, "verified": true, "attestations": lineage.ids(), "statements": lineage.statements()}),
        Err(refused) => {
            let rows = refused.violations().iter().map(|one| json!({"code": one.code.as_str(), "what": one.what, "help": one.help}));
            json!({"subject": subject, "verified": false, "violations": rows.collect::<Vec<_>>()})
        }
    }
}
