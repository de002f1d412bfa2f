//! The notes of a release, and the commands in them by which anyone installs and verifies it (MISSION A.7).
//!
//! What is printed here is run by the tests: a command that doesn't work is a bug.

use crate::{
    Sha256, body,
    name::{ReleaseTag, Repository},
    stage::Key,
};
use std::{collections::BTreeMap, fmt::Write as _};

/// The issuer of the identity tokens of GitHub Actions.
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// What can be said of a published release.
#[derive(Debug, Clone)]
pub struct Release {
    /// The tag.
    pub tag: ReleaseTag,
    /// The adopter's repository.
    pub repository: Repository,
    /// Where GitHub is: `https://github.com`.
    pub server: String,
    /// The registry and namespace, such as `ghcr.io/acme/charts`.
    pub oci: String,
    /// The digest of the OCI manifest.
    pub oci_digest: Sha256,
    /// Who signed.
    pub signer: Signer,
    /// The Helm repository, if there is one.
    pub helm_repository: Option<HelmRepository>,
    /// Key to attestation id.
    pub attestations: BTreeMap<Key, String>,
    /// The changelog, in Markdown of others.
    pub changelog: String,
    /// The stated reason of a break-glass release.
    pub break_glass: Option<String>,
}

/// Who signed a release, as a verifier must name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Regular expression (Go's) that the certificate's subject alternative name must match, anchored.
    pub identity_regexp: String,
    /// The repository of the reusable workflows that sign; `None` where the adopter's own workflows do.
    pub repository: Option<Repository>,
    /// A trusted root of a private Sigstore, as a file the reader has; `None` for the public ones.
    pub trusted_root: Option<String>,
}

/// A Helm repository in the classic form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmRepository {
    /// The name it is added under.
    pub name: String,
    /// Its URL.
    pub url: String,
}

impl Release {
    /// The title of the release, `<chart>: v<version>`.
    pub fn title(&self) -> String {
        format!("{}: v{}", self.tag.chart, self.tag.version)
    }

    /// The notes: A.7's headings in A.7's order.
    pub fn notes(&self) -> String {
        let (chart, version) = (&self.tag.chart, &self.tag.version);
        let lineage = self.lineage();
        let warning = body::warning(self.break_glass.as_deref());
        let install = self.install_commands();
        let Commands { signature, attestations } = self.commands();
        let blob = signature.package;
        body::with_changelog(&self.changelog, body::LIMIT, |changelog| {
            format!(
                "## {chart} v{version}\n\n{warning}\
                 ### Changelog\n\n{changelog}\n\n\
                 ### Attestation Lineage\n\n{lineage}\n\
                 ### Installation\n\n```bash\n{install}\n# Verify signature\n{}\n```\n\n\
                 ### Verification\n\n```bash\n# Verify attestations\n{}\n{}\n\n# Verify the signature of the package\n{blob}\n```\n",
                signature.oci, attestations.oci, attestations.package
            )
        })
    }

    /// The commands that verify the release, each on one line.
    pub fn commands(&self) -> Commands {
        let (oci, package) = (self.oci_name(), self.tag.package());
        let identity = format!(
            "--certificate-identity-regexp {} --certificate-oidc-issuer {ISSUER}{}",
            quoted(&self.signer.identity_regexp),
            self.root_flag("--trusted-root")
        );
        let signer = self.signer.repository.as_ref().map_or_else(String::new, |repository| format!(" --signer-repo {repository}"));
        let source = format!("--repo {}{signer}{}", self.repository, self.root_flag("--custom-trusted-root"));
        Commands {
            signature: Pair {
                oci: format!("cosign verify {oci}@{} {identity}", self.oci_digest),
                package: format!("cosign verify-blob --bundle {package}.sigstore.json {identity} {package}"),
            },
            attestations: Pair {
                oci: format!("gh attestation verify oci://{oci}:{} {source}", self.oci_tag()),
                package: format!("gh attestation verify {package} {source}"),
            },
        }
    }

    /// Registry, namespace and chart: `ghcr.io/acme/charts/nginx`.
    pub fn oci_name(&self) -> String {
        format!("{}/{}", self.oci, self.tag.chart)
    }

    /// The tag in the registry: the version with `+` as `_`, as Helm writes it (C-43).
    pub fn oci_tag(&self) -> String {
        self.tag.version.to_string().replace('+', "_")
    }

    /// The page of the release, `<server>/<owner>/<repo>/releases/tag/<tag>`.
    pub fn page(&self) -> String {
        format!("{}/{}/releases/tag/{}", self.server, self.repository, self.tag.to_string().replace('+', "%2B"))
    }

    fn lineage(&self) -> String {
        let url = format!("{}/{}/attestations", self.server, self.repository);
        let lines =
            self.attestations.iter().map(|(key, id)| format!("- `{key}`: {}\n", body::attestation(&url, id))).collect::<Vec<_>>().concat();
        if lines.is_empty() { "No attestations.\n".to_owned() } else { lines }
    }

    fn install_commands(&self) -> String {
        let (chart, version) = (&self.tag.chart, &self.tag.version);
        let mut text = format!("# From GHCR (OCI)\nhelm install {chart} oci://{} --version {version}\n", self.oci_name());
        if !self.oci.starts_with("ghcr.io/") {
            text = text.replacen("GHCR (OCI)", "the registry (OCI)", 1);
        }
        if let Some(HelmRepository { name, url }) = &self.helm_repository {
            let (name, url) = (quoted(name), quoted(url));
            let _ = writeln!(
                text,
                "\n# From the Helm repository\nhelm repo add {name} {url}\nhelm repo update\nhelm install {chart} {name}/{chart} --version {version}"
            );
        }
        text
    }

    fn root_flag(&self, flag: &str) -> String {
        self.signer.trusted_root.as_ref().map_or_else(String::new, |root| format!(" {flag} {}", quoted(root)))
    }
}

/// The commands that verify a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// With cosign.
    pub signature: Pair,
    /// With `gh attestation`.
    pub attestations: Pair,
}

/// One command for what is in the registry, one for the package as a file in the current folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// For the OCI artifact.
    pub oci: String,
    /// For `<chart>-<version>.tgz`, with what lies beside it.
    pub package: String,
}

/// A word for a POSIX shell: as it is where nothing in it is special, else in single quotes.
fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&b));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
pub(crate) mod tests;
