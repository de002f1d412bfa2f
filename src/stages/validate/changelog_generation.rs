//! `changelog-generation`: what the changelog of each chart will say, shown in one comment before anybody merges.

use crate::{checks::Problems, history, prepare::Prepared, session::Session};
use chartrel_clients::{git::Checkout, github::Pull};
use chartrel_core::{body, name::ObjectId};

/// The next section of each chart's changelog, or why there is none.
pub(crate) async fn run(
    session: &Session,
    checkout: &Checkout,
    tip: &ObjectId,
    charts: &[Prepared],
) -> anyhow::Result<(Vec<body::Preview>, Problems)> {
    let (mut previews, mut problems) = (Vec::new(), Vec::new());
    for chart in charts {
        match history::next_release(session, checkout, tip, chart).await? {
            Ok(decision) => previews.push(body::Preview {
                folder: chart.folder.clone(),
                current: decision.current,
                next: Some(decision.version),
                changelog: decision.section,
            }),
            Err(refused) => {
                problems.extend(refused.into_violations().into_iter().map(|refusal| format!("{}: {}", chart.folder, refusal.what)));
            }
        }
    }
    Ok((previews, problems))
}

/// Writes the one comment, or brings it up to date.
pub(crate) async fn comment(session: &Session, pull: &Pull, previews: &[body::Preview]) -> anyhow::Result<()> {
    let text = body::changelog_comment(previews);
    let comments = session.github.comments(pull.number).await?;
    match comments.into_iter().find(|comment| body::is_changelog_comment(&comment.body)) {
        Some(comment) if comment.body == text => Ok(()),
        Some(comment) => session.github.update_comment(comment.id, &text).await.map(drop),
        None => session.github.create_comment(pull.number, &text).await.map(drop),
    }
}
