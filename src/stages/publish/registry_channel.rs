//! The OCI registry: the package as Helm's artifact, its signature and attestations as referrers, read back by digest.

use super::{Work, signed::Signed};
use crate::report::Report;
use chartrel_clients::registry::{Attachment, Registry};
use chartrel_core::{
    Code, Refusal, oci,
    publish::{Decision, Held, decide},
};

/// Pushes what is missing; the tag is written last, so that nobody pulls a version without its signature.
pub(super) async fn publish(registry: &Registry, work: &Work, signed: &Signed, report: &mut Report) -> anyhow::Result<()> {
    let artifact = &signed.artifact;
    let tag = oci::tag(&work.tag.version);
    let name = work.tag.chart.as_str();
    let held = registry.manifest(name, &tag).await?.map_or(Held::Nothing, |(digest, _)| Held::Digest(digest));
    let decision = decide("the OCI registry", held, artifact.digest);
    if let Decision::Refuse(refusal) = decision {
        return Err(refusal.into());
    }
    if decision == Decision::Put {
        for (digest, bytes) in artifact.blobs(&work.package.bytes) {
            registry.push_blob(name, &digest, bytes).await?;
        }
        registry.put_manifest(name, &artifact.digest.to_string(), &artifact.manifest).await?;
    }
    let mut fresh = 0_usize;
    for (predicate_type, bundle) in &signed.referrers {
        if registry.attach_bundle(name, artifact, &Attachment { predicate_type, bundle, created: work.time }).await? {
            fresh += 1;
        }
    }
    if decision == Decision::Put {
        registry.put_manifest(name, &tag, &artifact.manifest).await?;
        report.write(format!("{}:{tag} ({})", signed.oci, artifact.digest));
    }
    if fresh > 0 {
        report.write(format!("{fresh} signature(s) and attestation(s) beside {}@{}", signed.oci, artifact.digest));
    }
    match registry.manifest(name, &tag).await? {
        Some((digest, _)) if digest == artifact.digest => Ok(()),
        other => Err(read_back(&signed.oci, &tag, other.map(|(digest, _)| digest.to_string())).into()),
    }
}

fn read_back(oci: &str, tag: &str, found: Option<String>) -> Refusal {
    let what = format!("{oci}:{tag} reads back as {}", found.unwrap_or_else(|| "nothing".into()));
    Refusal::new(
        Code::PublishOtherBytes,
        what,
        "somebody else writes to this repository of the registry, or it lost the push; find out, then run publish again",
    )
}
