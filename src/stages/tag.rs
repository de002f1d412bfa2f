//! Tag makes the immutable tag of each release on `main`, its publish branch, and the back-merge; it never moves a tag.

use crate::{chain, content, handover, report::Report, runner::Runner, session::Session, signing, trees};
use anyhow::Context as _;
use chartrel_clients::github::{Created, Merge, Merged, NewPull, NewTag, Pull};
use chartrel_core::{
    Code, Refusal, Refused,
    annotation::Annotation,
    body,
    lineage::{self, Anchors, Lineage, Verified},
    map, message,
    name::{ChartFolder, ObjectId, ReleaseTag},
    stage::{Key, Stage},
    statement::{Reference, Subject},
    tag::{Decision, Facts, decide},
};
use std::collections::BTreeMap;

/// The outputs of its own: name and what it is.
pub const OUTPUTS: &[(&str, &str)] = &[];

/// The inputs of `tag`.
#[derive(Debug, Clone, clap::Args)]
pub struct Inputs {
    /// Token for GitHub: an App's (recommended), or the job's own. It needs `contents`, `pull-requests` and `actions`, all `write`
    #[arg(long)]
    pub token: Option<String>,
}

/// Tags every chart on `main` that has no tag for its version.
///
/// # Errors
/// Refuses a chart without lineage and a version whose tag is elsewhere; the other charts go on.
pub async fn run(inputs: Inputs, runner: Runner) -> anyhow::Result<Report> {
    let session = Session::open(runner, inputs.token).await?;
    session.demand_branch(&session.policy.branches.main)?;
    session.signer()?;
    let mut report = Report::default();
    let (mut tags, mut refusals) = (Vec::new(), Vec::new());
    for folder in trees::charts(&session, &session.main_tip).await?.into_keys() {
        match one(&session, &folder, &mut report).await {
            Ok(tag) => tags.extend(tag),
            Err(error) => refusals.extend(crate::refusals(error)?),
        }
    }
    if !tags.is_empty() {
        back_merge(&session, &tags, &mut report).await?;
    }
    Refused::unless_empty(refusals)?;
    if report.decisions.is_empty() {
        return Ok(Report::nothing("every chart on `main` has the tag of its version"));
    }
    Ok(report)
}

async fn one(session: &Session, folder: &ChartFolder, report: &mut Report) -> anyhow::Result<Option<ReleaseTag>> {
    let tag = wanted(session, folder).await?;
    let existing = match session.github.reference(&format!("tags/{tag}")).await? {
        Some(object) => Some(session.github.tag_object(&object).await?.object),
        None => None,
    };
    let published =
        session.github.pulls(Some(&session.policy.branches.publish(&tag)), Some(&session.policy.branches.release), "all").await?;
    let is_built = published.iter().any(|pull| pull.is_merged);
    // What is tagged and built needs no further look: this runs for every chart on every push.
    let merge = if is_built { None } else { merge_of(session, folder).await? };
    let facts = Facts {
        folder: folder.clone(),
        tag: tag.clone(),
        merge: merge.as_ref().and_then(|pull| pull.merge_commit.clone()),
        existing,
        is_pushed: is_pushed(session, folder).await?,
        is_built,
    };
    match (decide(&facts), merge) {
        (Decision::Refuse(refusal), _) => Err(refusal.into()),
        (Decision::Make(at) | Decision::Tagged(at), Some(source)) => {
            let open = published.into_iter().find(|pull| pull.state == "open");
            Release { session, folder: folder.clone(), tag: tag.clone(), at, open, source }.make(report).await?;
            Ok(Some(tag))
        }
        (Decision::Nothing(_) | Decision::Make(_) | Decision::Tagged(_), _) => Ok(None),
    }
}

/// The tag that the chart's name and version on `main` ask for.
async fn wanted(session: &Session, folder: &ChartFolder) -> anyhow::Result<ReleaseTag> {
    let path = format!("{}/Chart.yaml", folder.path());
    let bytes = session.github.file(&path, session.main_tip.as_str()).await?.with_context(|| format!("`{path}` is not on `main`"))?;
    let (chart, version) = chartrel_core::chart::identity(&bytes)?;
    Ok(ReleaseTag { chart, version })
}

/// The merged pull request that brought the chart's newest commit to `main` from its chart branch.
async fn merge_of(session: &Session, folder: &ChartFolder) -> anyhow::Result<Option<Pull>> {
    let Some(touched) = session.github.last_commit_touching(session.main_tip.as_str(), &folder.path()).await? else { return Ok(None) };
    let branches = &session.policy.branches;
    let pulls = session.github.pulls_of_commit(&touched).await?;
    Ok(pulls.into_iter().find(|pull| pull.is_merged && pull.base_ref == branches.main && pull.head_ref == branches.chart(folder)))
}

/// Whether this push changed the chart; without a `before` every chart counts as pushed.
async fn is_pushed(session: &Session, folder: &ChartFolder) -> anyhow::Result<bool> {
    let before = session.runner.event.get("before").and_then(serde_json::Value::as_str).and_then(|id| id.parse::<ObjectId>().ok());
    let Some(before) = before else { return Ok(false) };
    Ok(trees::chart(session, &before, folder).await? != trees::chart(session, &session.main_tip, folder).await?)
}

/// A release in the making.
struct Release<'a> {
    session: &'a Session,
    folder: ChartFolder,
    tag: ReleaseTag,
    at: ObjectId,
    open: Option<Pull>,
    /// The pull request that brought it to `main`.
    source: Pull,
}

impl Release<'_> {
    async fn make(self, report: &mut Report) -> anyhow::Result<()> {
        let session = self.session;
        let lineage = self.verify().await?;
        let object = self.object(&lineage).await?;
        let references = self.sign(&lineage, &object).await?;
        match session.github.create_reference(&format!("tags/{}", self.tag), &object.sha).await? {
            Created::Created => report.write(format!("tag `{}` at {}", self.tag, &self.at.as_str()[..12])),
            Created::AlreadyThere(_) => {}
        }
        report.decide(format!("{}: `{}`", self.folder, self.tag));
        self.propose(&object, &references, report).await?;
        self.sweep(report).await?;
        handover::dispatch(session, Stage::Build, &[("tag", self.tag.to_string())]).await
    }

    /// The lineage up to bump, anchored in the tree that `main` has at the commit to be tagged, and in the description as it is now.
    async fn verify(&self) -> anyhow::Result<Verified<Lineage>> {
        let session = self.session;
        if !session.descends(&session.main_tip, &self.at).await? {
            let what = format!("the commit `{}` is not on `main`", self.at);
            return Err(Refusal::new(Code::TagNotOnMain, what, "only what was merged to `main` can be tagged").into());
        }
        let blocks = map::read(&self.source.body)?;
        let digest = content::at(session, &self.at, &self.folder).await?.digest;
        let commit = content::commit_digest(session, &self.source.head_sha).await?;
        let anchors = Anchors {
            chart: Some(digest),
            commit: Some((self.source.head_sha.clone(), commit)),
            description: Some(map::description_digest(&self.source.body)),
            ..Anchors::default()
        };
        let demand = session.demand(&self.folder, Stage::Bump, anchors);
        let lineage = chain::verify(session, ("commit", commit), &demand, chain::located(&blocks, Stage::Bump)).await?;
        Refused::unless_empty(lineage::map_agrees(&lineage, &blocks))?;
        Ok(lineage)
    }

    /// The tag object, made of what is fixed alone: made again it is the same object.
    async fn object(&self, lineage: &Verified<Lineage>) -> anyhow::Result<chartrel_clients::github::TagObject> {
        let session = self.session;
        if let Some(id) = session.github.reference(&format!("tags/{}", self.tag)).await? {
            return session.github.tag_object(&id).await;
        }
        let path = format!("{}/CHANGELOG.md", self.folder.path());
        let changelog =
            session.github.file(&path, self.at.as_str()).await?.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let annotation = Annotation {
            tag: self.tag.clone(),
            attestations: lineage.ids(),
            references: lineage.references(),
            changelog: chartrel_core::changelog::extract(&changelog, &self.tag.version).unwrap_or_default(),
            source_pr: crate::format::source_pulls(lineage).first().copied().or(Some(self.source.number)),
            commit: self.at.clone(),
            break_glass: None,
        };
        let commit = session.github.commit(&self.at).await?;
        let new = NewTag {
            tag: self.tag.to_string(),
            message: annotation.to_string(),
            object: self.at.clone(),
            tagger_name: session.policy.bot.clone(),
            tagger_email: format!("{}@users.noreply.github.com", session.policy.bot),
            date: commit.committer_date,
        };
        session.github.create_tag_object(&new).await
    }

    async fn sign(
        &self,
        lineage: &Verified<Lineage>,
        object: &chartrel_clients::github::TagObject,
    ) -> anyhow::Result<BTreeMap<Key, Reference>> {
        let session = self.session;
        let subjects = vec![
            Subject::new(self.tag.to_string(), object.raw.digest_as(&object.sha)?),
            Subject::new("commit", content::commit_digest(session, &self.at).await?),
            Subject::new(self.folder.path(), lineage.released_digest()),
        ];
        let mut link = session.link(Stage::Tag, Some(lineage.newest()));
        link.git_commit = Some(self.at.clone());
        let mut references = lineage.references();
        references.insert(Stage::Tag.overall(), signing::link(session, subjects, link, &BTreeMap::new()).await?.0);
        Ok(references)
    }

    /// The publish branch, `release` with the chart as it is at the tag, and its pull request.
    async fn propose(
        &self,
        object: &chartrel_clients::github::TagObject,
        references: &BTreeMap<Key, Reference>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let session = self.session;
        let branches = &session.policy.branches;
        let branch = branches.publish(&self.tag);
        if session.github.reference(&format!("heads/{branch}")).await?.is_none() {
            let release = session.branch(&branches.release).await?;
            let tree = trees::chart(session, &self.at, &self.folder).await?.context("the chart is not at its tag")?;
            let root = trees::graft(session, &session.github.commit(&release).await?.tree, &self.folder, &tree).await?;
            let text = message::publish(&self.tag, &session.runner.invocation(), &self.at);
            let commit = session.github.create_commit(&text, &root, &[release]).await?;
            session.github.create_reference(&format!("heads/{branch}"), &commit.sha).await?;
            report.write(format!("branch `{branch}`"));
        }
        if self.open.is_some() {
            return Ok(());
        }
        let annotation: Annotation = object.message.parse()?;
        let release = body::Release {
            tag: &self.tag,
            source_pr: Some(self.source.number),
            commit: &self.at,
            changelog: &annotation.changelog,
            attestations_url: &session.attestations_url(),
            break_glass: None,
        };
        let proposed = body::tag(&release, references);
        let new = NewPull { title: proposed.title, head: branch, base: branches.release.clone(), body: proposed.body };
        let number = session.github.create_pull(&new).await?.number;
        report.write(format!("pull request #{number}: `{}`", new.title));
        Ok(())
    }

    /// Deletes the chart branch and the sync branch, unless something newer is on them (C-5).
    async fn sweep(&self, report: &mut Report) -> anyhow::Result<()> {
        let session = self.session;
        let branches = &session.policy.branches;
        let (chart, sync) = (branches.chart(&self.folder), branches.sync(&self.folder));
        if session.github.reference(&format!("heads/{chart}")).await?.as_ref() != Some(&self.source.head_sha) {
            return Ok(());
        }
        let waiting = !session.github.pulls(Some(&sync), Some(&chart), "open").await?.is_empty();
        for branch in [chart, sync].into_iter().filter(|_| !waiting) {
            if session.github.reference(&format!("heads/{branch}")).await?.is_some() {
                session.github.delete_reference(&format!("heads/{branch}")).await?;
                report.write(format!("deleted branch `{branch}`"));
            }
        }
        Ok(())
    }
}

/// Brings `main` back to `integration` by a merge commit, so that the next contribution starts from what was released (M-290).
async fn back_merge(session: &Session, tags: &[ReleaseTag], report: &mut Report) -> anyhow::Result<()> {
    let branches = &session.policy.branches;
    let integration = session.branch(&branches.integration).await?;
    if session.descends(&integration, &session.main_tip).await? {
        return Ok(());
    }
    let open = session.github.pulls(Some(&branches.main), Some(&branches.integration), "open").await?.into_iter().next();
    let pull = if let Some(pull) = open {
        pull
    } else {
        let proposed = body::back_merge(&branches.main, &branches.integration, tags);
        let (head, base) = (branches.main.clone(), branches.integration.clone());
        session.github.create_pull(&NewPull { title: proposed.title, head, base, body: proposed.body }).await?
    };
    let merge = Merge { sha: pull.head_sha.clone(), method: "merge".into(), title: pull.title.clone(), message: String::new() };
    match session.github.merge_pull(pull.number, &merge).await? {
        Merged::Merged(_) => report.write(format!("merged `{}` back into `{}` (#{})", branches.main, branches.integration, pull.number)),
        // The release goes on; without an App a person has to merge this one.
        Merged::HeadMoved | Merged::Refused(_) => report
            .warnings
            .push(format!("#{} merges `{}` back into `{}`: please merge it by hand", pull.number, branches.main, branches.integration)),
    }
    Ok(())
}
