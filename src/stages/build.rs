//! Build packages the chart at its tag and merges it into `release`; it never packages anything else.

use crate::{
    chain, content, handover, inputs,
    prepare::{self, Prepared},
    report::Report,
    runner::Runner,
    session::Session,
    signing, trees,
};
use anyhow::Context as _;
use chartrel_clients::{
    github::{Merge, Merged, NewCheck, NewEntry, Pull, PullChange, TagObject},
    helm::Helm,
};
use chartrel_core::{
    Code, Refusal, Refused,
    build::{Facts, Made, indexed, judge, make},
    lineage::{self, Lineage, Verified},
    map, message,
    name::{ObjectId, ReleaseTag},
    provenance::{self, ResolvedDependency},
    stage::{Key, Stage},
    statement::{Reference, StageEntry, Subject},
};
use std::collections::BTreeMap;

/// The required checks on a pull request to `release` (MISSION A.10).
const VERIFY: &str = "verify-attestations-at-tag";
const BUILD: &str = "build-chart";
/// How often the branch is made anew when another release lands first.
const TRIES: usize = 5;

/// The outputs of its own: name and what it is.
pub const OUTPUTS: &[(&str, &str)] = &[("package", "The name of the package"), ("digest", "Its sha256")];

/// The inputs of `build`.
#[derive(Debug, Clone, clap::Args)]
pub struct Inputs {
    /// Token for GitHub: an App's (recommended), or the job's own. It needs `contents`, `pull-requests`, `checks` and `actions`, all `write`
    #[arg(long)]
    pub token: Option<String>,
    /// The release tag, `<chart>-v<version>`
    #[arg(long)]
    pub tag: Option<String>,
    /// Helm to use; without it the one on PATH, else a pinned version is installed
    #[arg(long)]
    pub helm: Option<String>,
}

/// Builds one release.
///
/// # Errors
/// Refuses a tag without verified lineage and a pull request that is not the tag's content.
pub async fn run(given: Inputs, runner: Runner) -> anyhow::Result<Report> {
    let tag = inputs::tag("tag", given.tag.as_deref())?;
    let session = Session::open(runner, given.token).await?;
    session.demand_branch(&session.policy.branches.main)?;
    session.signer()?;
    let branches = &session.policy.branches;
    let pulls = session.github.pulls(Some(&branches.publish(&tag)), Some(&branches.release), "all").await?;
    let Some(pull) = pulls.iter().find(|pull| pull.state == "open") else { return merged_before(&session, &tag, &pulls).await };
    match release(&session, tag, pull, given.helm.as_deref()).await {
        Ok(report) => Ok(report),
        Err(error) => {
            let refusals = crate::refusals(error)?;
            let text: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            session.github.check(&NewCheck::failure(VERIFY, &pull.head_sha, "refused", &text.join("\n\n"))).await?;
            Err(Refused::unless_empty(refusals).err().context("a refusal names a rule")?.into())
        }
    }
}

async fn merged_before(session: &Session, tag: &ReleaseTag, pulls: &[Pull]) -> anyhow::Result<Report> {
    if !pulls.iter().any(|pull| pull.is_merged) {
        let what = format!("`{tag}` has no pull request to `{}`", session.policy.branches.release);
        return Err(Refusal::new(Code::PullRequestMissing, what, "run tag again; it opens the pull request").into());
    }
    if session.github.release_by_tag(&tag.to_string()).await?.is_none_or(|release| release.is_draft) {
        handover::dispatch(session, Stage::Publish, &[("tag", tag.to_string())]).await?;
        return Ok(Report::nothing(format!("`{tag}` is built; publish was started again")));
    }
    Ok(Report::nothing(format!("`{tag}` is built and published")))
}

async fn release(session: &Session, tag: ReleaseTag, pull: &Pull, helm: Option<&str>) -> anyhow::Result<Report> {
    let object = session.tag(&tag).await?;
    let blocks = map::read(&pull.body)?;
    let (folder, lineage) = crate::tagged::verify(session, &tag, &object, chain::located(&blocks, Stage::Tag)).await?;
    Refused::unless_empty(lineage::map_agrees(&lineage, &blocks))?;
    let tree = trees::chart(session, &object.object, &folder).await?.context("the chart is not at its tag")?;
    let work = Work { session, tag, object, folder, tree, lineage };
    judge(&work.facts(pull).await?)?;
    let helm = Helm::find(helm.map(std::path::Path::new), &session.runner.tool_cache).await?;
    let (chart, made) = work.package(&helm).await?;
    let mut references = work.lineage.references();
    references.extend(work.sign(&chart, &made).await?);
    let mut report = Report::default();
    report.write(work.land(pull, &made, &references).await?);
    report.decide(format!("{}: `{}`, {}", work.folder, made.package.name, made.package.digest));
    report.outputs.insert("package", made.package.name.clone());
    report.outputs.insert("digest", made.package.digest.to_string());
    handover::dispatch(session, Stage::Publish, &[("tag", work.tag.to_string())]).await?;
    Ok(report)
}

/// One release at its tag.
struct Work<'a> {
    session: &'a Session,
    tag: ReleaseTag,
    object: TagObject,
    folder: chartrel_core::name::ChartFolder,
    tree: ObjectId,
    lineage: Verified<Lineage>,
}

impl Work<'_> {
    async fn facts(&self, pull: &Pull) -> anyhow::Result<Facts> {
        let session = self.session;
        let base = session.github.compare(pull.base_sha.as_str(), pull.head_sha.as_str()).await?.merge_base;
        let own = [self.tag.package(), "index.yaml".to_owned()];
        let outside = trees::outside(session, &base, &pull.head_sha, &self.folder).await?;
        Ok(Facts {
            tag: self.tag.clone(),
            is_on_main: session.descends(&session.main_tip, &self.object.object).await?,
            tag_tree: self.tree.clone(),
            head_tree: trees::chart(session, &pull.head_sha, &self.folder).await?,
            outside: outside.into_iter().filter(|path| !own.contains(path)).collect(),
            head_branch: (pull.head_ref.clone(), session.policy.branches.publish(&self.tag)),
            is_same_repository: pull.head_repository.as_deref() == Some(session.identity.repository.to_string().as_str()),
        })
    }

    /// The package, from the blobs at the tag and the dependencies that the checks saw.
    async fn package(&self, helm: &Helm) -> anyhow::Result<(Prepared, Made)> {
        let session = self.session;
        let content = content::at(session, &self.object.object, &self.folder).await?;
        let chart = prepare::prepare(&self.folder, content, helm).await?;
        if self.lineage.dependencies() != chart.dependencies.as_slice() {
            let what = format!("the dependencies of `{}` are not those that the checks saw", self.folder.path());
            return Err(Refusal::new(
                Code::ChartOtherDependency,
                what,
                "find out who replaced a published package; then contribute the chart again",
            )
            .into());
        }
        let time = session.github.commit(&self.object.object).await?.committer_date;
        let made = make(&self.tag, &chart.chart, time, &session.repository_url())?;
        Ok((chart, made))
    }

    async fn sign(&self, chart: &Prepared, made: &Made) -> anyhow::Result<BTreeMap<Key, Reference>> {
        let session = self.session;
        let facts = session.run_facts().await?;
        let tag = Subject::new(self.tag.to_string(), self.object.raw.digest_as(&self.object.sha)?);
        let package = Subject::new(made.package.name.clone(), made.package.digest);
        let mut dependencies =
            vec![ResolvedDependency::commit(&facts, &self.object.object), ResolvedDependency::chart(&self.folder.path(), chart.digest)];
        dependencies.extend(chart.dependencies.iter().map(ResolvedDependency::package));
        let verify = signing::sign(session, &provenance::verification(&facts, vec![tag], &self.lineage)).await?.0;
        let build = signing::sign(session, &provenance::provenance(&facts, vec![package.clone()], &dependencies, &[])).await?.0;
        let mut link = session.link(Stage::Build, Some(self.lineage.newest()));
        link.git_commit = Some(self.object.object.clone());
        let mut own = BTreeMap::from([(Key::WORKFLOW_7_VERIFY.parse()?, verify), (Key::WORKFLOW_7_BUILD.parse::<Key>()?, build)]);
        let ids = self.lineage.ids().into_iter().chain(own.iter().map(|(key, reference)| (key.clone(), reference.id.clone())));
        let ids: BTreeMap<Key, String> = ids.collect();
        link.lineage = stages(&ids);
        link.attestations = ids;
        link.references.clone_from(&own);
        let subjects = vec![package, Subject::new("index-entry", made.entry.digest)];
        own.insert(Stage::Build.overall(), signing::link(session, subjects, link, &BTreeMap::new()).await?.0);
        Ok(own)
    }

    /// Puts package and index entry on the publish branch and merges it; if another release lands first, on the newer tip again.
    async fn land(&self, pull: &Pull, made: &Made, references: &BTreeMap<Key, Reference>) -> anyhow::Result<String> {
        let session = self.session;
        let package = session.github.create_blob(&made.package.bytes).await?;
        let body = map::write(&pull.body, references)?;
        session.github.update_pull(pull.number, &PullChange { body: Some(body), ..PullChange::default() }).await?;
        for _ in 0..TRIES {
            let head = self.commit(made, &package).await?;
            session.github.update_reference(&format!("heads/{}", pull.head_ref), &head, true).await?;
            for name in [VERIFY, BUILD] {
                session.github.check(&NewCheck::success(name, &head, &format!("{} is {}", made.package.name, made.package.digest))).await?;
            }
            let merge = Merge {
                sha: head,
                method: "merge".into(),
                title: format!("release: {} (#{})", self.tag, pull.number),
                message: String::new(),
            };
            match session.github.merge_pull(pull.number, &merge).await? {
                Merged::Merged(commit) => {
                    return Ok(format!("merged #{} into `{}` as {}", pull.number, pull.base_ref, &commit.as_str()[..12]));
                }
                Merged::HeadMoved | Merged::Refused(_) => {}
            }
        }
        anyhow::bail!(
            "#{} could not be merged in {TRIES} tries; other releases kept landing first, or a rule on `{}` forbids it",
            pull.number,
            pull.base_ref
        )
    }

    /// The commit for `release`: its tip, the chart at the tag, the package, and the one index entry.
    async fn commit(&self, made: &Made, package: &ObjectId) -> anyhow::Result<ObjectId> {
        let session = self.session;
        let tip = session.branch(&session.policy.branches.release).await?;
        let index = session.github.file("index.yaml", tip.as_str()).await?;
        let index = index.map(String::from_utf8).transpose().context("index.yaml on `release` is not UTF-8")?;
        let file = |path: String, sha: ObjectId| NewEntry { path, mode: "100644".into(), kind: "blob".into(), sha: Some(sha) };
        let mut entries = vec![trees::folder_entry(&self.folder, &self.tree), file(self.tag.package(), package.clone())];
        if let Some(text) = indexed(index.as_deref(), &made.entry)? {
            entries.push(file("index.yaml".into(), session.github.create_blob(text.as_bytes()).await?));
        }
        let root = session.github.create_tree(Some(&session.github.commit(&tip).await?.tree), &entries).await?;
        let text = message::publish(&self.tag, &session.runner.invocation(), &self.object.object);
        Ok(session.github.create_commit(&text, &root, &[tip]).await?.sha)
    }
}

/// The stages as M-186 lists them.
fn stages(ids: &BTreeMap<Key, String>) -> Vec<StageEntry> {
    [("validation", "workflow-1-overall"), ("semver", Key::WORKFLOW_5_SEMVER), ("build", Key::WORKFLOW_7_BUILD)]
        .into_iter()
        .filter_map(|(stage, key)| {
            Some(StageEntry { stage: stage.into(), attestation: ids.iter().find(|(k, _)| k.as_str() == key)?.1.clone() })
        })
        .collect()
}
