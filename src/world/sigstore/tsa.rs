//! The time stamp authority (RFC 3161).

use super::{
    ca::{Authority, ecdsa_sha256},
    key::{SigningKey, pem},
};
use crate::server::{Problem, now};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use chartrel_core::digest::Sha256;
use chrono::{DateTime, Utc};
use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos},
};
use const_oid::db::{
    rfc5911::{ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME},
    rfc5912::ID_SHA_256,
};
use der::{
    Any, Decode as _, Encode, Sequence,
    asn1::{GeneralizedTime, Int, ObjectIdentifier, OctetString, SetOfVec},
};
use http::{StatusCode, header};
use std::sync::Arc;
use x509_cert::{Certificate, attr::Attribute, spki::AlgorithmIdentifierOwned};

/// `id-ct-TSTInfo`.
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// The policy that Sigstore's own time stamps name.
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2");

/// RFC 3161 §2.4.1.
#[derive(Sequence)]
struct TimeStampReq {
    version: u8,
    message_imprint: MessageImprint,
    #[asn1(optional = "true")]
    req_policy: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(default = "Default::default")]
    cert_req: bool,
}

#[derive(Clone, Sequence)]
struct MessageImprint {
    hash_algorithm: AlgorithmIdentifierOwned,
    hashed_message: OctetString,
}

/// RFC 3161 §2.4.2; without the optional fields that nobody reads.
#[derive(Sequence)]
struct TstInfo {
    version: u8,
    policy: ObjectIdentifier,
    message_imprint: MessageImprint,
    serial_number: Int,
    gen_time: GeneralizedTime,
    accuracy: Accuracy,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
}

#[derive(Sequence)]
struct Accuracy {
    seconds: u8,
}

#[derive(Sequence)]
struct TimeStampResp {
    status: PkiStatusInfo,
    token: ContentInfo,
}

#[derive(Sequence)]
struct PkiStatusInfo {
    status: u8,
}

/// RFC 5035 §4; SHA-256 is the default algorithm and so isn't written.
#[derive(Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertIdV2>,
}

#[derive(Sequence)]
struct EssCertIdV2 {
    cert_hash: OctetString,
}

/// The authority: a root, and the certificate of the key that stamps.
#[derive(Debug)]
pub(crate) struct Tsa {
    key: SigningKey,
    /// The stamping key's certificate, in DER.
    pub(crate) certificate: Vec<u8>,
    /// The root certificate, in DER.
    pub(crate) root: Vec<u8>,
}

/// The authority's HTTP API.
///
/// Source: RFC 3161 §3.4; timestamp-authority v2, pkg/server.
pub(crate) fn routes(tsa: Arc<Tsa>) -> Router {
    Router::new().route("/api/v1/timestamp", post(timestamp)).route("/api/v1/timestamp/certchain", get(chain)).with_state(tsa)
}

async fn timestamp(State(tsa): State<Arc<Tsa>>, request: Bytes) -> Result<Response, Problem> {
    let request = TimeStampReq::from_der(&request).map_err(|error| Problem::bad(format!("not a time stamp request: {error}")))?;
    let stamp = tsa.stamp(request, now())?;
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/timestamp-reply")], stamp).into_response())
}

async fn chain(State(tsa): State<Arc<Tsa>>) -> Result<Response, Problem> {
    let chain = pem("CERTIFICATE", &tsa.certificate)? + &pem("CERTIFICATE", &tsa.root)?;
    Ok(([(header::CONTENT_TYPE, "application/pem-certificate-chain")], chain).into_response())
}

impl Tsa {
    /// Makes an authority with fresh keys.
    pub(crate) fn new(organization: &str) -> anyhow::Result<Self> {
        let authority = Authority::new(organization, "timestamp-root")?;
        let key = SigningKey::generate()?;
        let certificate = authority.vouch_for_clock(organization, &key.spki()?)?;
        Ok(Self { key, certificate, root: authority.certificate })
    }

    /// A stamp for a signature, as a client would have got it at that time.
    pub(crate) fn stamp_signature(&self, signature: &[u8], at: DateTime<Utc>) -> anyhow::Result<Vec<u8>> {
        let hashed_message = OctetString::new(*Sha256::of(signature).bytes())?;
        let message_imprint = MessageImprint { hash_algorithm: sha256(), hashed_message };
        self.stamp(TimeStampReq { version: 1, message_imprint, req_policy: None, nonce: None, cert_req: true }, at)
    }

    fn stamp(&self, request: TimeStampReq, at: DateTime<Utc>) -> anyhow::Result<Vec<u8>> {
        let info = TstInfo {
            version: 1,
            policy: POLICY,
            message_imprint: request.message_imprint,
            serial_number: Int::new(&[[1].as_slice(), &rand::random::<[u8; 8]>()].concat())?,
            gen_time: generalized(at)?,
            accuracy: Accuracy { seconds: 1 },
            nonce: request.nonce,
        };
        let token = self.sign(&info.to_der()?, request.cert_req, at)?;
        Ok(TimeStampResp { status: PkiStatusInfo { status: 0 }, token }.to_der()?)
    }

    /// Wraps the statement of time in a CMS `SignedData` (RFC 5652), with the stamping certificate if it was asked for.
    fn sign(&self, info: &[u8], with_certificate: bool, at: DateTime<Utc>) -> anyhow::Result<ContentInfo> {
        let certificate = Certificate::from_der(&self.certificate)?;
        let sid = SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: certificate.tbs_certificate.issuer.clone(),
            serial_number: certificate.tbs_certificate.serial_number.clone(),
        });
        let signed_attrs = self.attributes(info, at)?;
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid,
            digest_alg: sha256(),
            signature: OctetString::new(self.key.sign(&signed_attrs.to_der()?)?)?,
            signed_attrs: Some(signed_attrs),
            signature_algorithm: ecdsa_sha256(),
            unsigned_attrs: None,
        };
        let certificates = CertificateSet(SetOfVec::try_from(vec![CertificateChoices::Certificate(certificate)])?);
        let data = SignedData {
            version: CmsVersion::V3,
            digest_algorithms: SetOfVec::try_from(vec![sha256()])?,
            encap_content_info: EncapsulatedContentInfo { econtent_type: TST_INFO, econtent: Some(any(&OctetString::new(info)?)?) },
            certificates: with_certificate.then_some(certificates),
            crls: None,
            signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
        };
        Ok(ContentInfo { content_type: ID_SIGNED_DATA, content: any(&data)? })
    }

    fn attributes(&self, info: &[u8], at: DateTime<Utc>) -> anyhow::Result<SetOfVec<Attribute>> {
        let cert_hash = OctetString::new(*Sha256::of(&self.certificate).bytes())?;
        let attributes = vec![
            attribute(ID_CONTENT_TYPE, &TST_INFO)?,
            attribute(ID_SIGNING_TIME, &generalized(at)?)?,
            attribute(ID_MESSAGE_DIGEST, &OctetString::new(*Sha256::of(info).bytes())?)?,
            attribute(ID_AA_SIGNING_CERTIFICATE_V_2, &SigningCertificateV2 { certs: vec![EssCertIdV2 { cert_hash }] })?,
        ];
        Ok(SetOfVec::try_from(attributes)?)
    }
}

fn sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ID_SHA_256, parameters: None }
}

fn generalized(at: DateTime<Utc>) -> anyhow::Result<GeneralizedTime> {
    Ok(GeneralizedTime::from_unix_duration(core::time::Duration::from_secs(u64::try_from(at.timestamp())?))?)
}

fn any(value: &impl Encode) -> anyhow::Result<Any> {
    Ok(Any::from_der(&value.to_der()?)?)
}

fn attribute(oid: ObjectIdentifier, value: &impl Encode) -> anyhow::Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![any(value)?])? })
}
