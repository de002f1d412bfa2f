//! Certificate authorities: Fulcio's, which vouches for runs, and the time stamps'.

use super::{ct::CtLog, extensions, key::SigningKey};
use crate::oidc::Identity;
use anyhow::Context as _;
use chartrel_core::digest::Sha256;
use chrono::{DateTime, Duration, Utc};
use const_oid::db::{
    rfc5280::{ID_KP_CODE_SIGNING, ID_KP_TIME_STAMPING},
    rfc5912::ECDSA_WITH_SHA_256,
};
use der::{
    Decode as _, Encode as _,
    asn1::{BitString, ObjectIdentifier, OctetString, UtcTime},
    flagset::FlagSet,
    oid::AssociatedOid,
};
use std::sync::Arc;
use x509_cert::{
    Certificate, TbsCertificate, Version,
    ext::{
        Extension,
        pkix::{AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier},
    },
    name::Name,
    serial_number::SerialNumber,
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
    time::{Time, Validity},
};

/// Minutes a signing certificate is valid, as Fulcio's are.
const LEAF_MINUTES: i64 = 10;

/// 2020-01-01T00:00:00Z: every root and log of the world is valid from here, so that forgeries can lie in the past.
pub(crate) const EPOCH: i64 = 1_577_836_800;
/// 2049-01-01T00:00:00Z, the last year that `UTCTime` can write.
const END: i64 = 2_493_072_000;

/// `ecdsa-with-SHA256`, without parameters (RFC 5758 §3.2).
pub(crate) fn ecdsa_sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None }
}

/// A self-signed root and its key.
#[derive(Debug)]
pub(crate) struct Authority {
    key: SigningKey,
    name: Name,
    spki: Vec<u8>,
    /// The CT log that certificates for runs are submitted to.
    pub(crate) log: Option<Arc<CtLog>>,
    /// The root certificate, in DER.
    pub(crate) certificate: Vec<u8>,
}

impl Authority {
    /// Makes a root. `O` is always set: gh chooses the trusted root by it.
    pub(crate) fn new(organization: &str, common_name: &str) -> anyhow::Result<Self> {
        let key = SigningKey::generate()?;
        let spki = key.spki()?;
        let name: Name = format!("CN={common_name},O={organization}").parse().context("the organization is no name")?;
        let mut authority = Self { key, name: name.clone(), spki: spki.clone(), log: None, certificate: Vec::new() };
        let extensions = vec![
            extension(true, &BasicConstraints { ca: true, path_len_constraint: Some(1) })?,
            extension(true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))?,
            extension(false, &subject_key(&spki)?)?,
        ];
        let mut tbs = authority.template(name, (EPOCH, END), &spki)?;
        tbs.extensions = Some(extensions);
        authority.certificate = authority.certify(tbs)?;
        Ok(authority)
    }

    /// A certificate for a run's key, for ten minutes from `at`; with an SCT when the authority submits to a log.
    pub(crate) fn vouch(&self, identity: &Identity, spki: &[u8], at: DateTime<Utc>) -> anyhow::Result<Vec<u8>> {
        let mut extensions = self.leaf_extensions(spki, ID_KP_CODE_SIGNING, false)?;
        extensions.extend(extensions::of(identity)?);
        let until = at + Duration::minutes(LEAF_MINUTES);
        let mut tbs = self.template(Name::default(), (at.timestamp(), until.timestamp()), spki)?;
        tbs.extensions = Some(extensions);
        if let Some(log) = &self.log {
            let sct = log.embed(&tbs.to_der()?, &self.spki, at)?;
            tbs.extensions.get_or_insert_default().push(sct);
        }
        self.certify(tbs)
    }

    /// The time stamp service's certificate; its purpose is critical, as RFC 3161 §2.3 demands.
    pub(crate) fn vouch_for_clock(&self, organization: &str, spki: &[u8]) -> anyhow::Result<Vec<u8>> {
        let name: Name = format!("CN=timestamp,O={organization}").parse().context("the organization is no name")?;
        let mut tbs = self.template(name, (EPOCH, END), spki)?;
        tbs.extensions = Some(self.leaf_extensions(spki, ID_KP_TIME_STAMPING, true)?);
        self.certify(tbs)
    }

    fn leaf_extensions(&self, spki: &[u8], purpose: ObjectIdentifier, critical: bool) -> anyhow::Result<Vec<Extension>> {
        let authority = AuthorityKeyIdentifier { key_identifier: Some(subject_key(&self.spki)?.0), ..Default::default() };
        Ok(vec![
            extension(true, &KeyUsage(FlagSet::from(KeyUsages::DigitalSignature)))?,
            extension(critical, &ExtendedKeyUsage(vec![purpose]))?,
            extension(false, &subject_key(spki)?)?,
            extension(false, &authority)?,
        ])
    }

    fn template(&self, subject: Name, (from, until): (i64, i64), spki: &[u8]) -> anyhow::Result<TbsCertificate> {
        let mut serial: [u8; 16] = rand::random();
        // Positive and of full length, whatever chance gave.
        serial[0] = serial[0] & 0x3f | 0x40;
        Ok(TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&serial)?,
            signature: ecdsa_sha256(),
            issuer: self.name.clone(),
            validity: Validity { not_before: time(from)?, not_after: time(until)? },
            subject,
            subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(spki)?,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: None,
        })
    }

    fn certify(&self, tbs_certificate: TbsCertificate) -> anyhow::Result<Vec<u8>> {
        let signature = BitString::from_bytes(&self.key.sign(&tbs_certificate.to_der()?)?)?;
        Ok(Certificate { tbs_certificate, signature_algorithm: ecdsa_sha256(), signature }.to_der()?)
    }
}

fn time(seconds: i64) -> anyhow::Result<Time> {
    let since = core::time::Duration::from_secs(u64::try_from(seconds)?);
    Ok(Time::UtcTime(UtcTime::from_unix_duration(since)?))
}

/// RFC 7093 §2, method 1: the leftmost 160 bits of the key's SHA-256.
fn subject_key(spki: &[u8]) -> anyhow::Result<SubjectKeyIdentifier> {
    let key = SubjectPublicKeyInfoOwned::from_der(spki)?;
    let digest = Sha256::of(key.subject_public_key.raw_bytes());
    let (start, _) = digest.bytes().split_at(20);
    Ok(SubjectKeyIdentifier(OctetString::new(start)?))
}

fn extension<T: AssociatedOid + der::Encode>(critical: bool, value: &T) -> anyhow::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}
