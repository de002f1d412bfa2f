//! Everything that publish signs, made before any channel shows a byte of it.

use super::Work;
use crate::{session::Session, signing};
use chartrel_core::{
    notes, oci,
    policy::StageSigner,
    provenance::{self, ResolvedDependency},
    release::LineageDocument,
    stage::{Key, Stage},
    statement::{COSIGN_SIGN, Link, PROVENANCE, Reference, Statement, Subject},
};
use std::collections::BTreeMap;

/// The OCI artifact, its attestations, and the documents that follow from them.
pub(super) struct Signed {
    /// The artifact that the registry gets.
    pub(super) artifact: oci::Artifact,
    /// `<registry>/<namespace>/<chart>`.
    pub(super) oci: String,
    /// The bundles that become referrers of the artifact, with their predicate types.
    pub(super) referrers: Vec<(String, String)>,
    /// Every key of the chain and its reference.
    pub(super) references: BTreeMap<Key, Reference>,
    /// `attestation-lineage.json`.
    pub(super) document: Vec<u8>,
    /// The run that published first: a second run's documents are the same to the byte.
    pub(super) first_run: String,
}

impl Signed {
    /// Makes the artifact, signs it and its links; what an earlier attempt signed is found again.
    pub(super) async fn make(session: &Session, work: &Work) -> anyhow::Result<Self> {
        let artifact = oci::helm_artifact(&work.chart.metadata.document, &work.package.bytes, work.time);
        let oci = format!("{}/{}", session.policy.publish.oci, work.tag.chart);
        let manifest = Subject::new(oci.clone(), artifact.digest);
        let facts = session.run_facts().await?;
        let dependencies = [ResolvedDependency::package_subject(&work.package.name, work.package.digest)];
        let signature = Statement::new(vec![manifest.clone()], COSIGN_SIGN, serde_json::json!({}));
        let statement = provenance::provenance(&facts, vec![manifest.clone()], &dependencies, &[]);
        let known = written_down(session, work).await?;
        let key: Key = Key::WORKFLOW_8_PUBLISH.parse()?;
        let (reference, provenance) = signing::ensure(session, &statement, &key, &known).await?;
        let signature = signing::beside(session, &signature, &provenance).await?;
        let mut references = work.lineage.references();
        references.insert(key.clone(), reference.clone());
        let mut link = session.link(Stage::Publish, Some(work.lineage.newest()));
        link.attestations = references.iter().map(|(key, reference)| (key.clone(), reference.id.clone())).collect();
        link.references = BTreeMap::from([(key, reference)]);
        let subjects = vec![manifest, Subject::new(work.package.name.clone(), work.package.digest)];
        let (reference, overall) = signing::link(session, subjects, link, &known).await?;
        references.insert(Stage::Publish.overall(), reference);
        let bundles = [(COSIGN_SIGN, signature), (PROVENANCE, provenance), (chartrel_core::statement::LINEAGE, overall.clone())];
        let mut signed = Self {
            artifact,
            oci,
            referrers: bundles
                .into_iter()
                .map(|(kind, bundle)| anyhow::Ok((kind.to_owned(), canonical(&bundle)?)))
                .collect::<Result<_, _>>()?,
            references,
            document: Vec::new(),
            first_run: first_run(&overall)?,
        };
        signed.document = signed.document(session, work)?;
        Ok(signed)
    }

    fn document(&self, session: &Session, work: &Work) -> anyhow::Result<Vec<u8>> {
        let own = self.referrers.iter().filter(|(kind, _)| kind != COSIGN_SIGN).map(|(_, bundle)| bundle.as_str());
        let bundles: Result<Vec<_>, _> = work.lineage.bundles().chain(own).map(serde_json::from_str).collect();
        let document = LineageDocument {
            schema: chartrel_core::release::SCHEMA,
            chart: work.tag.chart.to_string(),
            version: work.tag.version.to_string(),
            tag: work.tag.clone(),
            repository: session.identity.repository.to_string(),
            folder: work.folder.to_string(),
            digest: self.artifact.digest,
            package_digest: work.package.digest,
            oci_digest: self.artifact.digest,
            oci_url: format!("oci://{}", self.oci),
            commit: work.annotation.commit.clone(),
            workflow_run_id: self.first_run.clone(),
            published_at: work.time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            attestations: self.references.iter().map(|(key, reference)| (key.clone(), reference.id.clone())).collect(),
            references: self.references.clone(),
            bundles: bundles?,
        };
        Ok(document.to_bytes())
    }

    /// The release as its notes and the summary tell it.
    pub(super) fn told(&self, session: &Session, work: &Work) -> notes::Release {
        let policy = &session.policy;
        let identity = &session.identity;
        let repository = match &policy.signers.stages {
            StageSigner::Reusable { repository, .. } => Some(repository.clone()),
            StageSigner::Composite { .. } => None,
        };
        let signer = notes::Signer {
            identity_regexp: policy.signers.publisher_identity(&identity.server_url, &identity.repository, &policy.branches),
            repository,
            trusted_root: policy.trust.as_ref().map(|files| files.trusted_root.clone()),
        };
        let helm_repository = policy.publish.repository_url.clone().map(|url| notes::HelmRepository {
            name: policy.publish.repository_name.clone().unwrap_or_else(|| identity.repository.owner().to_owned()),
            url,
        });
        notes::Release {
            tag: work.tag.clone(),
            changelog: work.annotation.changelog.clone(),
            attestations: self.references.iter().map(|(key, reference)| (key.clone(), reference.id.clone())).collect(),
            repository: session.identity.repository.clone(),
            server: identity.server_url.clone(),
            oci: policy.publish.oci.clone(),
            oci_digest: self.artifact.digest,
            signer,
            helm_repository,
            break_glass: work.annotation.break_glass.clone(),
        }
    }
}

/// One form of a bundle's JSON: GitHub gives it back in another than it was posted in, and a referrer is told by its bytes.
fn canonical(bundle: &str) -> anyhow::Result<String> {
    Ok(serde_json::from_str::<serde_json::Value>(bundle)?.to_string())
}

/// The references that the release's own document holds, if an earlier attempt came so far.
async fn written_down(session: &Session, work: &Work) -> anyhow::Result<BTreeMap<Key, Reference>> {
    let release = session.github.release_by_tag(&work.tag.to_string()).await?;
    let asset = release
        .and_then(|release| release.assets.into_iter().find(|asset| asset.name == "attestation-lineage.json" && asset.state == "uploaded"));
    let Some(asset) = asset else { return Ok(BTreeMap::new()) };
    let bytes = session.github.download_asset(&asset).await?;
    Ok(LineageDocument::from_bytes(&bytes).map(|document| document.references).unwrap_or_default())
}

/// The id of the run that signed the last link: what a second run publishes is the same to the byte.
fn first_run(overall: &str) -> anyhow::Result<String> {
    let statement = provenance::statement_in_unsafe(overall)?;
    let link: Link = serde_json::from_value(statement.predicate)?;
    Ok(link.invocation.rsplit("/runs/").next().and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned())
}
