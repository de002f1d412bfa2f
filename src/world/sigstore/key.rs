//! P-256 keys: the services' own, and those that clients bring.

use anyhow::Context as _;
use aws_lc_rs::{
    digest::{Digest, SHA256},
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey},
};
use der::{Decode as _, Encode as _, pem::LineEnding};
use x509_cert::{Certificate, spki::SubjectPublicKeyInfoOwned};

/// A service's P-256 key, made fresh when the world starts.
#[derive(Debug)]
pub(crate) struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    /// Makes a key.
    pub(crate) fn generate() -> anyhow::Result<Self> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map(Self).ok().context("no P-256 key could be made")
    }

    /// ECDSA with SHA-256 over the message, in DER.
    pub(crate) fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let signature = self.0.sign(&SystemRandom::new(), message).ok().context("the key could not sign")?;
        Ok(signature.as_ref().to_vec())
    }

    /// The public key as `SubjectPublicKeyInfo`, in DER.
    pub(crate) fn spki(&self) -> anyhow::Result<Vec<u8>> {
        let der = AsDer::<PublicKeyX509Der>::as_der(self.0.public_key()).ok().context("the key could not be encoded")?;
        Ok(der.as_ref().to_vec())
    }
}

/// A client's public key, alone or in a certificate.
#[derive(Debug)]
pub(crate) struct PublicKey {
    /// `SubjectPublicKeyInfo`, in DER.
    pub(crate) spki: Vec<u8>,
    point: Vec<u8>,
}

impl PublicKey {
    /// Reads `SubjectPublicKeyInfo` in DER; only P-256 is known here, which is what the clients make.
    pub(crate) fn from_spki(der: &[u8]) -> anyhow::Result<Self> {
        let spki = SubjectPublicKeyInfoOwned::from_der(der).context("not a public key")?;
        Self::new(&spki)
    }

    /// The key of a certificate in DER.
    pub(crate) fn from_certificate(der: &[u8]) -> anyhow::Result<Self> {
        let certificate = Certificate::from_der(der).context("not a certificate")?;
        Self::new(&certificate.tbs_certificate.subject_public_key_info)
    }

    /// Reads a PEM text that holds a certificate or a public key; gives the key, the PEM's label and its DER.
    pub(crate) fn from_pem(text: &[u8]) -> anyhow::Result<(Self, &'static str, Vec<u8>)> {
        let (label, der) = der::pem::decode_vec(text).ok().context("not a PEM text")?;
        match label {
            "CERTIFICATE" => Ok((Self::from_certificate(&der)?, "CERTIFICATE", der)),
            "PUBLIC KEY" => Ok((Self::from_spki(&der)?, "PUBLIC KEY", der)),
            other => anyhow::bail!("a PEM text labelled `{other}` holds no verifier"),
        }
    }

    fn new(spki: &SubjectPublicKeyInfoOwned) -> anyhow::Result<Self> {
        let curve = spki.algorithm.parameters.as_ref().and_then(|curve| curve.decode_as::<der::asn1::ObjectIdentifier>().ok());
        anyhow::ensure!(curve == Some(const_oid::db::rfc5912::SECP_256_R_1), "only P-256 keys are known here");
        let point = spki.subject_public_key.as_bytes().context("not a public key")?.to_vec();
        Ok(Self { spki: spki.to_der()?, point })
    }

    /// Checks an ECDSA signature in DER over a message.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> anyhow::Result<()> {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point).verify(message, signature).ok().context("the signature is wrong")
    }

    /// Checks an ECDSA signature in DER over a message of which only the SHA-256 is known.
    pub(crate) fn verify_digest(&self, digest: &[u8], signature: &[u8]) -> anyhow::Result<()> {
        let digest = Digest::import_less_safe(digest, &SHA256).ok().context("not a SHA-256 digest")?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point)
            .verify_digest(&digest, signature)
            .ok()
            .context("the signature is wrong")
    }
}

/// PEM of some DER: 64 columns, LF, a final one too.
pub(crate) fn pem(label: &str, der: &[u8]) -> anyhow::Result<String> {
    der::pem::encode_string(label, LineEnding::LF, der).ok().context("no PEM label")
}
