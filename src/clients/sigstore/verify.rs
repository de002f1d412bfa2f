//! Verifying: a bundle becomes evidence only through here.
//!
//! 1. The bundle is of version 0.3: one certificate, one DSSE envelope with an in-toto statement.
//! 2. The root is chosen by the organization that issued the certificate; what it asks for is fixed by the root, never by the bundle.
//! 3. `sigstore-verify`: time stamps and log times by the root's keys, the certificate's chain at each of them, its SCT, the log's entry
//!    with proof and checkpoint, the signature, the entry's consistency with the bundle.
//! 4. What was in fact checked is held against what the root asks for: a relaxed check passes in no library.

use super::sign::IN_TOTO;
use chartrel_core::{
    Code, Refusal, Sha256,
    evidence::{Claims, Evidence, Root},
    statement::{Statement, Subject},
};
use chrono::{DateTime, Utc};
use sigstore_verify::{
    VerificationPolicy, VerificationResult, Verifier as Library,
    trust_root::{SigstoreInstance, TrustedRoot},
    types::{Bundle, Sha256Hash, bundle::MediaType, bundle::SignatureContent, bundle::VerificationMaterialContent},
};
use std::{collections::BTreeSet, fmt, num::NonZero, thread};
use x509_cert::{
    Certificate,
    der::{Decode as _, oid::ObjectIdentifier},
    name::Name,
};

/// The attribute type `organizationName` (RFC 5280, appendix A).
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// Which roots of trust count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// The public-good instance's and GitHub's, as built in; never staging.
    Embedded,
    /// These (`trusted_root.json`, each one document) in place of the built-in ones.
    Custom(Vec<String>),
}

/// What a root asks of a bundle, beside a certificate and a verified time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Demands {
    sct: bool,
    log: bool,
}

struct Anchor {
    library: Library,
    root: Root,
    organizations: BTreeSet<String>,
    demands: Demands,
}

/// Verifies bundles under fixed roots; made once, shared by threads.
pub struct Verifier {
    anchors: Vec<Anchor>,
}

impl Verifier {
    /// A verifier under some roots.
    ///
    /// A custom root asks for what it lists: an SCT if it has keys of CT logs, a log entry if it has keys of logs.
    ///
    /// # Errors
    /// `policy/invalid` when a root cannot be read or has no certificate authority.
    pub fn new(roots: &Roots) -> Result<Self, Refusal> {
        let anchors = match roots {
            Roots::Embedded => {
                vec![embedded(SigstoreInstance::PublicGood, Root::PublicGood)?, embedded(SigstoreInstance::GitHub, Root::GitHub)?]
            }
            Roots::Custom(texts) => texts.iter().map(|text| custom(text)).collect::<Result<_, _>>()?,
        };
        if anchors.is_empty() {
            return Err(bad_root("no root of trust was given".into()));
        }
        Ok(Self { anchors })
    }

    /// Verifies one bundle (JSON, v0.3). Who signed, and whether that counts, is decided by `core`.
    ///
    /// # Errors
    /// `bundle/invalid`, saying which step was not met.
    pub fn verify(&self, bundle_json: &str) -> Result<Evidence, Refusal> {
        let bundle = Bundle::from_json(bundle_json).map_err(|error| refuse(format!("the bundle cannot be read: {error}")))?;
        let payload = payload(&bundle)?;
        let statement = Statement::from_bytes(payload)?;
        let digest = first_digest(&statement)?;
        let organization = issuing_organization(&bundle)?;
        let mut refusal = None;
        for anchor in self.anchors.iter().filter(|anchor| anchor.organizations.contains(&organization)) {
            match anchor.verify(&bundle, digest) {
                Ok((claims, signed_at)) => {
                    let statement_digest = Sha256::of(payload);
                    let bundle = bundle_json.to_owned();
                    return Ok(Evidence { statement, statement_digest, claims, signed_at, root: anchor.root, bundle });
                }
                Err(why) => refusal = Some(why),
            }
        }
        Err(refusal.unwrap_or_else(|| {
            refuse(format!("the certificate was issued by `{}`, for which there is no root of trust", organization.escape_debug()))
        }))
    }

    /// Verifies many bundles on all cores, in their order.
    pub fn verify_all(&self, bundles: &[String]) -> Vec<Result<Evidence, Refusal>> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let share = bundles.len().div_ceil(threads).max(1);
        thread::scope(|scope| {
            let work = |part: &[String]| part.iter().map(|bundle| self.verify(bundle)).collect::<Vec<_>>();
            let running: Vec<_> = bundles.chunks(share).map(|part| (part.len(), scope.spawn(move || work(part)))).collect();
            let lost = |count| vec![Err(refuse("the verifier broke off")); count];
            running.into_iter().flat_map(|(count, thread)| thread.join().unwrap_or_else(|_| lost(count))).collect()
        })
    }
}

impl Anchor {
    fn new(trusted: &TrustedRoot, root: Root, demands: Demands) -> Result<Self, Refusal> {
        let library = Library::new(trusted).map_err(|error| bad_root(format!("the root of trust cannot be used: {error}")))?;
        let mut organizations = BTreeSet::new();
        for authority in &trusted.certificate_authorities {
            for entry in &authority.cert_chain.certificates {
                let read = Certificate::from_der(entry.raw_bytes.as_bytes());
                let certificate = read.map_err(|error| bad_root(format!("a certificate of the root of trust cannot be read: {error}")))?;
                organizations.extend(organization(&certificate.tbs_certificate.subject));
            }
        }
        if trusted.certificate_authorities.is_empty() {
            return Err(bad_root("the root of trust has no certificate authority".into()));
        }
        Ok(Self { library, root, organizations, demands })
    }

    fn verify(&self, bundle: &Bundle, digest: Sha256) -> Result<(Claims, DateTime<Utc>), Refusal> {
        let mut policy = VerificationPolicy::any_identity();
        if !self.demands.sct {
            policy = policy.skip_sct();
        }
        if !self.demands.log {
            policy = policy.skip_tlog_unsafe();
        }
        let digest = Sha256Hash::new(*digest.bytes());
        let result = self.library.verify(digest, bundle, &policy).map_err(refuse)?;
        self.was_checked(bundle, &result)?;
        let earliest = result.verified_timestamps().iter().min().ok_or_else(|| refuse("no verified time"))?;
        let signed_at = DateTime::from_timestamp(earliest.as_second(), 0).ok_or_else(|| refuse("a time out of range"))?;
        Ok((claims(&result)?, signed_at))
    }

    /// Step 4.
    fn was_checked(&self, bundle: &Bundle, result: &VerificationResult) -> Result<(), Refusal> {
        let entries = &bundle.verification_material.tlog_entries;
        let has_log = result.tlog_verified() && !entries.is_empty() && entries.iter().all(|entry| entry.inclusion_proof.is_some());
        for (is_met, missing) in [
            (result.certificate_verified(), "its certificate was not checked"),
            (!result.verified_timestamps().is_empty(), "it has no verified time"),
            (result.sct_verified() || !self.demands.sct, "its certificate has no verified SCT"),
            (has_log || !self.demands.log, "it has no verified log entry"),
        ] {
            if !is_met {
                return Err(refuse(missing));
            }
        }
        Ok(())
    }
}

fn embedded(instance: SigstoreInstance, root: Root) -> Result<Anchor, Refusal> {
    let trusted = instance.embedded_trusted_root().map_err(|error| bad_root(format!("the built-in root cannot be read: {error}")))?;
    let is_public = root == Root::PublicGood;
    Anchor::new(&trusted, root, Demands { sct: is_public, log: is_public })
}

fn custom(text: &str) -> Result<Anchor, Refusal> {
    let trusted = TrustedRoot::from_json(text).map_err(|error| bad_root(format!("the root of trust cannot be read: {error}")))?;
    let demands = Demands { sct: !trusted.ctlogs.is_empty(), log: !trusted.tlogs.is_empty() };
    Anchor::new(&trusted, Root::Custom, demands)
}

fn bad_root(what: String) -> Refusal {
    Refusal::new(Code::PolicyInvalid, what, "write the file with `cosign trusted-root create`, or leave it out for the built-in roots")
}

fn refuse(why: impl fmt::Display) -> Refusal {
    let what = format!("an attestation does not verify: {why}");
    Refusal::new(
        Code::BundleInvalid,
        what,
        "run the stage that makes it again; if that changes nothing, check the root of trust it was made under",
    )
}

/// Step 1.
fn payload(bundle: &Bundle) -> Result<&[u8], Refusal> {
    if bundle.media_type() != MediaType::Bundle0_3 {
        return Err(refuse(format!("the bundle is `{}`, not of version 0.3", bundle.media_type().as_str())));
    }
    if !matches!(bundle.verification_material.content, VerificationMaterialContent::Certificate(_)) {
        return Err(refuse("the bundle has no certificate"));
    }
    match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) if envelope.payload_type == IN_TOTO => Ok(envelope.payload.as_bytes()),
        SignatureContent::DsseEnvelope(envelope) => {
            Err(refuse(format!("the signed payload is `{}`, not `{IN_TOTO}`", envelope.payload_type.escape_debug())))
        }
        _ => Err(refuse("the bundle signs bytes, not a statement")),
    }
}

/// The digest that the library wants to see among the subjects; which subjects there must be is decided by `core`.
fn first_digest(statement: &Statement) -> Result<Sha256, Refusal> {
    statement.subject.iter().find_map(Subject::sha256).ok_or_else(|| refuse("no subject has a sha256"))
}

/// Step 2: the `O` of the leaf's issuer, of which there must be one.
fn issuing_organization(bundle: &Bundle) -> Result<String, Refusal> {
    let der = bundle.signing_certificate().ok_or_else(|| refuse("the bundle has no certificate"))?;
    let certificate = Certificate::from_der(der.as_bytes()).map_err(|error| refuse(format!("the certificate cannot be read: {error}")))?;
    let mut found = organization(&certificate.tbs_certificate.issuer).into_iter();
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(refuse("the certificate's issuer does not name one organization")),
    }
}

fn organization(name: &Name) -> Vec<String> {
    let attributes = name.0.iter().flat_map(|part| part.0.iter());
    attributes
        .filter(|attribute| attribute.oid == ORGANIZATION)
        .map(|attribute| String::from_utf8_lossy(attribute.value.value()).into_owned())
        .collect()
}

fn claims(result: &VerificationResult) -> Result<Claims, Refusal> {
    let certificate = result.certificate().ok_or_else(|| refuse("the bundle has no certificate"))?;
    let claimed = certificate.ci_claims.clone();
    Ok(Claims {
        san: result.identity().map(|name| name.as_str().to_owned()).unwrap_or_default(),
        issuer: result.issuer().unwrap_or_default().to_owned(),
        build_signer_digest: claimed.build_signer_digest,
        runner_environment: claimed.runner_environment,
        source_repository_uri: claimed.source_repository_uri,
        source_repository_digest: claimed.source_repository_digest,
        source_repository_ref: claimed.source_repository_ref,
        source_repository_id: claimed.source_repository_identifier,
        source_owner_uri: claimed.source_repository_owner_uri,
        source_owner_id: claimed.source_repository_owner_identifier,
        build_config_uri: claimed.build_config_uri,
        build_trigger: claimed.build_trigger,
        run_invocation_uri: claimed.run_invocation_uri,
        source_visibility: claimed.source_repository_visibility_at_signing,
    })
}
