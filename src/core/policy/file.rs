//! Reads the policy's file: every fault is gathered, with the line it stands on.

use super::{
    BreakGlass, DEFAULT_BOT, KeySigner, PATH, Policy, Publish, Runners, S3, Signers, StageSigner, TrustFiles, VersionTag,
    branches::{self, Branches, CHART, Pattern, TAG},
    invalid, keys,
    shape::{BranchesFile, File, KeyFile, Leaf, PublishFile, S3File, SignersFile, Trust},
    text::{REGISTRY, Rule, is_login, is_own, is_path, is_url, is_word, is_workflow},
};
use crate::{
    digest::Sha256,
    name::{ObjectId, Repository},
    refusal::{Code, Refusal, Refused, Result},
    stage::{Binding, Key},
    version::Options,
    yaml,
};
use std::collections::{BTreeMap, BTreeSet};

/// Reads the file, or says all that is wrong with it.
pub(super) fn read(text: &str, repository: &Repository) -> Result<Policy> {
    let is_comment = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(is_comment) {
        let what = format!("`{PATH}` is empty");
        return Err(Refusal::new(
            Code::PolicyEmpty,
            what,
            "a policy must say which checks and whose signatures count: run `chartrel init`",
        )
        .into());
    }
    let name = format!("`{PATH}`");
    let keys: keys::Node = yaml::from_str(text, &name).map_err(unreadable)?;
    let mut faults = Faults(keys::unknown(&keys));
    let file = match yaml::from_str::<File>(text, &name) {
        Ok(file) => file,
        Err(refused) => {
            faults.0.push(unreadable(refused));
            return Err(faults.into_refused());
        }
    };
    let policy = faults.policy(file, Sha256::of(text), repository);
    Refused::unless_empty(faults.0)?;
    Ok(policy)
}

/// The same fault under the policy's own code: whoever reads it must mend the policy, not some YAML.
fn unreadable(refused: Refused) -> Refusal {
    let what: Vec<String> = refused.into_violations().into_iter().map(|fault| fault.what).collect();
    invalid(what.join("; "), "mend the YAML; the reference is in the README")
}

/// What is wrong so far. Each reader returns something usable even after a fault, so that the next fault is found as well.
struct Faults(Vec<Refusal>);

impl Faults {
    fn into_refused(self) -> Refused {
        match Refused::unless_empty(self.0) {
            Err(refused) => refused,
            Ok(()) => invalid(format!("`{PATH}` can't be read"), "mend the YAML").into(),
        }
    }

    fn at(&mut self, (leaf, key): (&Leaf, &str), why: &str, help: &str) {
        let what = format!("line {} of `{PATH}`: `{key}` is `{}`, {why}", leaf.referenced.line(), leaf.value.escape_debug());
        self.0.push(invalid(what, help));
    }

    fn absent(&mut self, key: &str, help: &str) {
        self.0.push(invalid(format!("`{PATH}` does not state `{key}`"), help));
    }

    fn policy(&mut self, file: File, digest: Sha256, repository: &Repository) -> Policy {
        self.version(file.version.as_ref());
        let branches = self.branches(&file.branches);
        let signers = self.signers(&file.signers, &branches);
        let required = self.required(&file.checks.required, &signers);
        Policy {
            digest,
            required,
            signers,
            trust: file.trust.and_then(|trust| self.trust(&trust)),
            runners: self.runners(file.runners.as_ref()),
            break_glass: if self.boolean(file.break_glass.enabled.as_ref(), "break-glass.enabled") {
                BreakGlass::Enabled
            } else {
                BreakGlass::Disabled
            },
            publish: self.publish(&file.publish, repository),
            bot: self.text(file.bot.as_ref(), "bot", (is_login, "not a login")).unwrap_or_else(|| DEFAULT_BOT.to_owned()),
            version_options: Options {
                bump_minor_pre_major: self
                    .boolean(file.version_options.bump_minor_pre_major.as_ref(), "version-options.bump-minor-pre-major"),
                bump_patch_for_minor_pre_major: self.boolean(
                    file.version_options.bump_patch_for_minor_pre_major.as_ref(),
                    "version-options.bump-patch-for-minor-pre-major",
                ),
            },
            branches,
        }
    }

    fn version(&mut self, leaf: Option<&Leaf>) {
        match leaf {
            None => self.absent("version", "write `version: 1`"),
            Some(leaf) if leaf.value != "1" => {
                self.at((leaf, "version"), "expected `1`", "take a chartrel that knows this version, or write `version: 1`");
            }
            Some(_) => {}
        }
    }

    /// The text of an optional leaf, if it is good; a fault if it is not.
    fn text(&mut self, leaf: Option<&Leaf>, key: &str, (is_good, why): Rule) -> Option<String> {
        let leaf = leaf?;
        if is_good(&leaf.value) {
            return Some(leaf.value.clone());
        }
        self.at((leaf, key), why, "correct the value, or take the line out where it has a default");
        None
    }

    fn boolean(&mut self, leaf: Option<&Leaf>, key: &str) -> bool {
        self.text(leaf, key, (|text| matches!(text, "true" | "false"), "neither `true` nor `false`")).is_some_and(|text| text == "true")
    }

    fn branches(&mut self, file: &BranchesFile) -> Branches {
        let mut branches = Branches::default();
        for (leaf, key, target) in [
            (&file.main, "branches.main", &mut branches.main),
            (&file.integration, "branches.integration", &mut branches.integration),
            (&file.release, "branches.release", &mut branches.release),
        ] {
            if let Some(name) = self.text(leaf.as_ref(), key, (branches::is_branch, "not a branch name")) {
                *target = name;
            }
        }
        for (leaf, key, place, target) in [
            (&file.chart, "branches.chart", CHART, &mut branches.chart),
            (&file.sync, "branches.sync", CHART, &mut branches.sync),
            (&file.publish, "branches.publish", TAG, &mut branches.publish),
        ] {
            let Some(leaf) = leaf else { continue };
            match Pattern::parse(&leaf.value, place) {
                Some(pattern) => *target = pattern,
                None => self.at((leaf, key), &format!("not a branch name with one `{place}`"), &format!("write a prefix and `{place}`")),
            }
        }
        self.0.extend(branches.collisions());
        branches
    }

    fn required(&mut self, leaves: &[Leaf], signers: &Signers) -> Vec<Key> {
        if leaves.is_empty() {
            self.absent("checks.required", "list the checks that a contribution needs; a policy without any protects nothing");
        }
        let mut required = Vec::new();
        for leaf in leaves {
            match leaf.value.parse::<Key>() {
                Ok(key) if !key.is_check() => {
                    self.at((leaf, "checks.required"), "not a check but a stage's", "list checks alone; the stages are always required");
                }
                Ok(key) if required.contains(&key) => self.at((leaf, "checks.required"), "which is listed twice", "take one out"),
                Ok(key) if !is_own(&key) && !signers.keys.contains_key(&key) => {
                    let help = format!("name the job that fulfils it under `signers.keys.{key}`, or take it off `checks.required`");
                    self.at((leaf, "checks.required"), "a check that chartrel does not have", &help);
                }
                Ok(key) => required.push(key),
                Err(refusal) => self.at((leaf, "checks.required"), "not a check", &refusal.help),
            }
        }
        required
    }

    fn signers(&mut self, file: &SignersFile, branches: &Branches) -> Signers {
        let stages = self.stage_signer(file);
        let keys: BTreeMap<_, _> = file.keys.iter().filter_map(|(key, signer)| self.key_signer(key, signer, branches)).collect();
        self.own_files(&keys, &stages);
        Signers {
            stages,
            keys,
            issuer: self.text(file.issuer.as_ref(), "signers.issuer", (is_url, "not a URL")),
            revoked: self.commits(&file.revoked, "signers.revoked"),
        }
    }

    fn stage_signer(&mut self, file: &SignersFile) -> StageSigner {
        let composite = || StageSigner::Composite { workflows: vec![".github/workflows/chartrel.yml".to_owned()] };
        let Some(leaf) = &file.workflows else {
            self.absent("signers.workflows", "name the repository of the reusable workflows, `chartrel/chartrel`, or write `composite`");
            return composite();
        };
        if leaf.value == "composite" {
            for (leaves, key) in [(&file.refs, "signers.refs"), (&file.released, "signers.released")] {
                if let Some(first) = leaves.first() {
                    self.at((first, key), "which means nothing with `composite`", "take it out");
                }
            }
            return self.composite(file).unwrap_or_else(composite);
        }
        if let Some(first) = file.files.as_ref().and_then(|files| files.first()) {
            self.at((first, "signers.files"), "which means nothing with reusable workflows", "take it out");
        }
        let Ok(repository) = leaf.value.parse::<Repository>() else {
            self.at((leaf, "signers.workflows"), "neither a repository nor `composite`", "write `chartrel/chartrel`");
            return composite();
        };
        for (leaves, key, help) in [
            (&file.refs, "signers.refs", "list the version tags that may sign, such as `v1`"),
            (&file.released, "signers.released", "list the commits that were released: `chartrel init` writes them"),
        ] {
            if leaves.is_empty() {
                self.absent(key, help);
            }
        }
        let versions = file.refs.iter().filter_map(|leaf| {
            let tag = VersionTag::parse(&leaf.value);
            if tag.is_none() {
                self.at((leaf, "signers.refs"), "not a version tag", "write `v1`, `v1.2` or `v1.2.3`");
            }
            tag
        });
        let versions = versions.collect();
        StageSigner::Reusable { repository, versions, released: Some(self.commits(&file.released, "signers.released")) }
    }

    fn composite(&mut self, file: &SignersFile) -> Option<StageSigner> {
        let leaves = file.files.as_ref()?;
        if leaves.is_empty() {
            self.absent("signers.files", "list the workflow files that may sign, or take the key out");
        }
        let workflows = leaves.iter().filter_map(|leaf| self.text(Some(leaf), "signers.files", (is_workflow, "not a workflow's path")));
        Some(StageSigner::Composite { workflows: workflows.collect() })
    }

    fn key_signer(&mut self, key: &str, file: &KeyFile, branches: &Branches) -> Option<(Key, KeySigner)> {
        let name = format!("signers.keys.{}", key.escape_debug());
        let key = key.parse::<Key>().ok().filter(|key| key.is_check() && key.binding() == Binding::Content);
        if key.is_none() {
            self.0.push(invalid(
                format!("`{name}` in `{PATH}` is no check that another job can fulfil"),
                "only content checks can be given away",
            ));
        }
        let (Some(workflow), Some(git_ref)) = (&file.workflow, &file.r#ref) else {
            self.absent(&format!("{name}.workflow` and `{name}.ref"), "write both");
            return None;
        };
        let path = self.text(Some(workflow), &format!("{name}.workflow"), (is_workflow, "not a workflow's path"))?;
        let refs = [&branches.main, &branches.integration].map(|branch| format!("refs/heads/{branch}"));
        if !refs.contains(&git_ref.value) {
            self.at((git_ref, &format!("{name}.ref")), "where nothing may be signed", &format!("write `{}`", refs.join("` or `")));
        }
        Some((key?, KeySigner { workflow: path, git_ref: git_ref.value.clone() }))
    }

    /// No job may sign what another's key or a stage stands for.
    fn own_files(&mut self, keys: &BTreeMap<Key, KeySigner>, stages: &StageSigner) {
        let StageSigner::Composite { workflows } = stages else { return };
        for (key, signer) in keys.iter().filter(|(_, signer)| workflows.contains(&signer.workflow)) {
            let what = format!("`signers.keys.{key}.workflow` in `{PATH}` is `{}`, which signs the stages too", signer.workflow);
            self.0.push(invalid(what, "give the key a workflow file of its own: no job may sign another's"));
        }
    }

    fn commits(&mut self, leaves: &[Leaf], key: &str) -> BTreeSet<ObjectId> {
        let commit = |leaf: &Leaf| {
            let commit = leaf.value.parse().ok();
            if commit.is_none() {
                self.at((leaf, key), "not a commit", "write the full 40 hex digits, in quotes if they are digits alone");
            }
            commit
        };
        leaves.iter().filter_map(commit).collect()
    }

    fn trust(&mut self, file: &Trust) -> Option<TrustFiles> {
        let (Some(root), Some(config)) = (&file.trusted_root, &file.signing_config) else {
            self.absent("trust.trusted-root` and `trust.signing-config", "write both, or neither");
            return None;
        };
        let root = self.text(Some(root), "trust.trusted-root", (is_path, "not a path in the repository"));
        let config = self.text(Some(config), "trust.signing-config", (is_path, "not a path in the repository"));
        Some(TrustFiles { trusted_root: root?, signing_config: config? })
    }

    fn runners(&mut self, leaf: Option<&Leaf>) -> Runners {
        let text = self.text(
            leaf,
            "runners",
            (|text| matches!(text, "github-hosted" | "self-hosted"), "neither `github-hosted` nor `self-hosted`"),
        );
        if text.as_deref() == Some("self-hosted") { Runners::SelfHosted } else { Runners::GithubHosted }
    }

    fn publish(&mut self, file: &PublishFile, repository: &Repository) -> Publish {
        let default = Publish::of(repository);
        let mirrors = file.mirrors.iter().filter_map(|leaf| self.text(Some(leaf), "publish.mirrors", REGISTRY)).collect();
        Publish {
            oci: self.text(file.oci.as_ref(), "publish.oci", REGISTRY).unwrap_or(default.oci),
            mirrors,
            repository_url: self.text(file.repository_url.as_ref(), "publish.repository-url", (is_url, "not a URL")),
            repository_name: self.text(file.repository_name.as_ref(), "publish.repository-name", (is_word, "not a plain name")),
            s3: file.s3.as_ref().and_then(|s3| self.s3(s3)),
        }
    }

    fn s3(&mut self, file: &S3File) -> Option<S3> {
        if file.bucket.is_none() {
            self.absent("publish.s3.bucket", "name the bucket, or take `publish.s3` out");
        }
        let bucket = self.text(file.bucket.as_ref(), "publish.s3.bucket", (is_word, "not a bucket's name"));
        let region =
            self.text(file.region.as_ref(), "publish.s3.region", (is_word, "not a region")).unwrap_or_else(|| "us-east-1".to_owned());
        let distribution = self.text(file.distribution.as_ref(), "publish.s3.distribution", (is_word, "not a distribution's id"));
        Some(S3 { bucket: bucket?, region, distribution })
    }
}
