//! What a signing certificate says about a run: Fulcio's extensions `1.3.6.1.4.1.57264.1.*`.

use crate::oidc::Identity;
use der::{
    Encode as _,
    asn1::{Ia5String, ObjectIdentifier, OctetString},
    oid::AssociatedOid as _,
};
use x509_cert::ext::{
    Extension,
    pkix::{SubjectAltName, name::GeneralName},
};

/// The server that the claims speak of, whatever the world's own address is: verifiers know only this one.
const SERVER: &str = "https://github.com";
const ARC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");

/// The subject's name and the claims, as Fulcio derives them from GitHub's token.
///
/// `.1` to `.6` are the deprecated ones, bare text; from `.8` on each is a DER `UTF8String`.
/// Source: Fulcio, docs/oid-info.md; config/identity/config.yaml, `github-workflow`.
pub(crate) fn of(identity: &Identity) -> anyhow::Result<Vec<Extension>> {
    let run = &identity.run;
    let uri = |path: &str| format!("{SERVER}/{path}");
    let signer = uri(&run.job_workflow_ref);
    let mut extensions = vec![subject(&signer)?];
    let bare = [&identity.issuer, &run.event_name, &run.sha, &run.workflow().to_owned(), &run.repository, &run.git_ref];
    for (number, text) in (1..).zip(bare) {
        extensions.push(claim(number, text.clone().into_bytes())?);
    }
    let invocation = format!("{}/actions/runs/{}/attempts/{}", run.repository, run.run_id, run.run_attempt);
    let texts = [
        &identity.issuer,
        &signer,
        &run.job_workflow_sha,
        &run.runner_environment,
        &uri(&run.repository),
        &run.sha,
        &run.git_ref,
        &run.repository_id,
        &uri(&run.repository_owner),
        &run.repository_owner_id,
        &uri(&run.workflow_ref),
        &run.workflow_sha,
        &run.event_name,
        &uri(&invocation),
        &run.repository_visibility,
    ];
    for (number, text) in (8..).zip(texts) {
        extensions.push(claim(number, text.to_der()?)?);
    }
    if let Some(environment) = &run.environment {
        extensions.push(claim(23, environment.to_der()?)?);
    }
    extensions.push(claim(24, run.subject().to_der()?)?);
    Ok(extensions)
}

/// Critical, because the certificate's subject is empty (RFC 5280 §4.1.2.6).
fn subject(uri: &str) -> anyhow::Result<Extension> {
    let names = SubjectAltName(vec![GeneralName::UniformResourceIdentifier(Ia5String::new(uri)?)]);
    Ok(Extension { extn_id: SubjectAltName::OID, critical: true, extn_value: OctetString::new(names.to_der()?)? })
}

fn claim(number: u32, value: Vec<u8>) -> anyhow::Result<Extension> {
    let Ok(extn_id) = ARC.push_arc(number) else { anyhow::bail!("no such claim: {number}") };
    Ok(Extension { extn_id, critical: false, extn_value: OctetString::new(value)? })
}
