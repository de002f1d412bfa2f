//! The shape of the policy's file: every value is a text with its line, judged by whoever reads it.

use crate::yaml::Spanned;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A value as it is written, with its line.
pub(super) type Leaf = Spanned<String>;

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct File {
    pub(super) version: Option<Leaf>,
    pub(super) branches: BranchesFile,
    pub(super) bot: Option<Leaf>,
    pub(super) checks: Checks,
    pub(super) signers: SignersFile,
    pub(super) trust: Option<Trust>,
    pub(super) runners: Option<Leaf>,
    pub(super) break_glass: BreakGlassFile,
    pub(super) publish: PublishFile,
    pub(super) version_options: VersionsFile,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct BranchesFile {
    pub(super) main: Option<Leaf>,
    pub(super) integration: Option<Leaf>,
    pub(super) release: Option<Leaf>,
    pub(super) chart: Option<Leaf>,
    pub(super) sync: Option<Leaf>,
    pub(super) publish: Option<Leaf>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Checks {
    pub(super) required: Vec<Leaf>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct SignersFile {
    pub(super) workflows: Option<Leaf>,
    pub(super) refs: Vec<Leaf>,
    pub(super) released: Vec<Leaf>,
    pub(super) revoked: Vec<Leaf>,
    pub(super) files: Option<Vec<Leaf>>,
    pub(super) issuer: Option<Leaf>,
    pub(super) keys: BTreeMap<String, KeyFile>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct KeyFile {
    pub(super) workflow: Option<Leaf>,
    pub(super) r#ref: Option<Leaf>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Trust {
    pub(super) trusted_root: Option<Leaf>,
    pub(super) signing_config: Option<Leaf>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct BreakGlassFile {
    pub(super) enabled: Option<Leaf>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct PublishFile {
    pub(super) oci: Option<Leaf>,
    pub(super) mirrors: Vec<Leaf>,
    pub(super) repository_url: Option<Leaf>,
    pub(super) repository_name: Option<Leaf>,
    pub(super) s3: Option<S3File>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct S3File {
    pub(super) bucket: Option<Leaf>,
    pub(super) region: Option<Leaf>,
    pub(super) distribution: Option<Leaf>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct VersionsFile {
    pub(super) bump_minor_pre_major: Option<Leaf>,
    pub(super) bump_patch_for_minor_pre_major: Option<Leaf>,
}
