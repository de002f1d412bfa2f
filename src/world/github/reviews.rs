//! Reviews of pull requests.
//!
//! Source: GitHub docs, "REST API endpoints for pull request reviews".

use super::{
    call::{Answer, Call, Failure, Outcome},
    identity::Role,
    objects::timestamp,
    render::node_id,
    state::{Pull, Review, World, now},
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Creation {
    commit_id: Option<String>,
    body: Option<String>,
    event: Option<String>,
}

/// `POST /pulls/{pull_number}/reviews`: nobody approves a pull request of their own.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let wanted: Creation = call.body()?;
    let mut pull = world.pull(call)?;
    let login = call.identity.login().to_owned();
    let state = match wanted.event.as_deref() {
        Some("APPROVE") => "APPROVED",
        Some("REQUEST_CHANGES") => "CHANGES_REQUESTED",
        Some("COMMENT") => "COMMENTED",
        _ => "PENDING",
    };
    if login == pull.author && state != "COMMENTED" {
        let verb = if state == "APPROVED" { "approve" } else { "request changes on" };
        return Err(Failure::unprocessable(&format!("Can not {verb} your own pull request")));
    }
    let review = Review {
        id: world.next_id(),
        login,
        state: state.to_owned(),
        body: wanted.body.unwrap_or_default(),
        commit: wanted.commit_id.unwrap_or_else(|| pull.head_sha.clone()),
        counts: call.identity.role() >= Some(Role::Write),
        submitted_at: now(),
    };
    let shown = review_json(world, &pull, &review);
    pull.reviews.push(review);
    world.pulls.insert(pull.number, pull);
    Ok(Answer::json(200, shown))
}

/// `GET /pulls/{pull_number}/reviews`, oldest first.
pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let pull = world.pull(call)?;
    let reviews = pull.reviews.iter().map(|review| review_json(world, &pull, review)).collect();
    Ok(call.page(&world.api_url(), reviews))
}

fn review_json(world: &World, pull: &Pull, review: &Review) -> Value {
    let page = world.repository_page(&format!("pull/{}#pullrequestreview-{}", pull.number, review.id));
    let api = world.repository_api(&format!("pulls/{}", pull.number));
    json!({
        "id": review.id, "node_id": node_id("PRR", &review.id.to_string()), "user": world.user(&review.login), "body": review.body,
        "state": review.state, "html_url": page, "pull_request_url": api, "commit_id": review.commit,
        "author_association": if review.counts { "MEMBER" } else { "NONE" }, "submitted_at": timestamp(&review.submitted_at),
        "_links": {"html": {"href": page}, "pull_request": {"href": api}},
    })
}
