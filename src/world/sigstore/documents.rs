//! What clients are given: the trusted root and the signing config.

use super::{Sigstore, ca::EPOCH};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chartrel_core::digest::Sha256;
use chrono::DateTime;
use serde_json::{Value, json};

/// The trusted root 0.1, which sigstore-verify, cosign and gh all read.
pub(super) fn trusted_root(sigstore: &Sigstore) -> Value {
    let url = &sigstore.url;
    let rekor_v1 = sigstore.rekor_v1.iter().map(|log| self::log(url, "PKIX_ECDSA_P256_SHA_256", &log.spki, &log.id));
    let rekor_v2 = sigstore.rekor_v2.iter().map(|log| self::log(url, "PKIX_ED25519", &log.spki, &log.id));
    let ct = sigstore.fulcio.authority.log.iter().map(|log| self::log(url, "PKIX_ECDSA_P256_SHA_256", &log.spki, &log.id));
    let root = &sigstore.fulcio.authority.certificate;
    let tsa = sigstore.tsa.iter().map(|tsa| {
        let uri = format!("{url}/api/v1/timestamp");
        authority(&sigstore.organization, "timestamp", &uri, &[&tsa.certificate, &tsa.root])
    });
    json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": rekor_v1.chain(rekor_v2).collect::<Vec<_>>(),
        "certificateAuthorities": [authority(&sigstore.organization, "fulcio", url, &[root])],
        "ctlogs": ct.collect::<Vec<_>>(),
        "timestampAuthorities": tsa.collect::<Vec<_>>(),
    })
}

/// The signing config 0.2, as sigstore-sign and cosign read it.
pub(super) fn signing_config(sigstore: &Sigstore) -> Value {
    let service = |url: String, version: u32| json!({ "url": url, "majorApiVersion": version, "validFor": valid_for(), "operator": sigstore.organization });
    let rekor_v1 = sigstore.rekor_v1.iter().map(|_| service(sigstore.url.clone(), 1));
    let rekor_v2 = sigstore.rekor_v2.iter().map(|_| service(sigstore.url.clone(), 2));
    let tsa = sigstore.tsa.iter().map(|_| service(format!("{}/api/v1/timestamp", sigstore.url), 1));
    let (rekor, tsa): (Vec<_>, Vec<_>) = (rekor_v2.chain(rekor_v1).collect(), tsa.collect());
    // A selector that nothing can meet would refuse to sign.
    let any = |services: &[Value]| (!services.is_empty()).then(|| json!({ "selector": "ANY" }));
    let mut config = json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [service(sigstore.url.clone(), 1)],
        "oidcUrls": [service(sigstore.fulcio.identity_provider.url().to_owned(), 1)],
        "rekorTlogConfig": any(&rekor),
        "rekorTlogUrls": rekor,
        "tsaConfig": any(&tsa),
        "tsaUrls": tsa,
    });
    if let Some(config) = config.as_object_mut() {
        config.retain(|_, value| !value.is_null());
    }
    config
}

fn valid_for() -> Value {
    let start = DateTime::from_timestamp(EPOCH, 0).map(|start| start.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    json!({ "start": start })
}

fn log(url: &str, key_details: &str, spki: &[u8], id: &Sha256) -> Value {
    json!({
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": { "rawBytes": BASE64.encode(spki), "keyDetails": key_details, "validFor": valid_for() },
        "logId": { "keyId": BASE64.encode(id.bytes()) },
    })
}

fn authority(organization: &str, common_name: &str, uri: &str, chain: &[&Vec<u8>]) -> Value {
    let certificates: Vec<_> = chain.iter().map(|der| json!({ "rawBytes": BASE64.encode(der) })).collect();
    json!({
        "subject": { "organization": organization, "commonName": common_name },
        "uri": uri,
        "certChain": { "certificates": certificates },
        "validFor": valid_for(),
    })
}
