//! Comments on pull requests, which are issues to this part of the API.
//!
//! Source: GitHub docs, "REST API endpoints for issue comments".

use super::{
    call::{Answer, Call, Failure, Outcome},
    identity::Role,
    objects::timestamp,
    pulls::LONGEST_BODY,
    render::node_id,
    state::{Comment, World, now},
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Text {
    body: String,
}

/// `GET /issues/{issue_number}/comments`, oldest first.
pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let number = numbered(world, call)?;
    let comments = world.comments.values().filter(|comment| comment.number == number);
    let comments = comments.map(|comment| comment_json(world, comment)).collect();
    Ok(call.page(&world.api_url(), comments))
}

/// `POST /issues/{issue_number}/comments`.
pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let number = numbered(world, call)?;
    let body = text(call)?;
    let login = call.identity.login().to_owned();
    let (created_at, updated_at) = (now(), now());
    let comment = Comment { id: world.next_id(), number, login, body, created_at, updated_at };
    let shown = comment_json(world, &comment);
    world.comments.insert(comment.id, comment);
    Ok(Answer::created(shown))
}

/// `GET /issues/comments/{comment_id}`.
pub(super) fn get(world: &mut World, call: &Call) -> Outcome {
    let comment = world.comments.get(&call.number("comment_id")?).ok_or_else(Failure::not_found)?;
    Ok(Answer::json(200, comment_json(world, comment)))
}

/// `PATCH /issues/comments/{comment_id}`: by its author or whoever may write.
pub(super) fn update(world: &mut World, call: &Call) -> Outcome {
    let body = text(call)?;
    let comment = world.comments.get_mut(&call.number("comment_id")?).ok_or_else(Failure::not_found)?;
    if call.identity.role() < Some(Role::Write) && call.identity.login() != comment.login {
        return Err(Failure::new(403, "Must have admin rights to Repository."));
    }
    comment.body = body;
    comment.updated_at = now();
    let comment = comment.clone();
    Ok(Answer::json(200, comment_json(world, &comment)))
}

fn numbered(world: &World, call: &Call) -> Result<u64, Failure> {
    let number = call.number("issue_number")?;
    world.pulls.contains_key(&number).then_some(number).ok_or_else(Failure::not_found)
}

fn text(call: &Call) -> Result<String, Failure> {
    let Text { body } = call.body()?;
    if body.trim().is_empty() {
        return Err(Failure::invalid("IssueComment", "body", "missing_field", "body can't be blank"));
    }
    if body.chars().count() > LONGEST_BODY {
        return Err(Failure::invalid("IssueComment", "body", "custom", "body is too long (maximum is 65536 characters)"));
    }
    Ok(body)
}

fn comment_json(world: &World, comment: &Comment) -> Value {
    let id = comment.id;
    json!({
        "id": id, "node_id": node_id("IC", &id.to_string()), "url": world.repository_api(&format!("issues/comments/{id}")),
        "html_url": world.repository_page(&format!("pull/{}#issuecomment-{id}", comment.number)), "body": comment.body,
        "user": world.user(&comment.login), "created_at": timestamp(&comment.created_at), "updated_at": timestamp(&comment.updated_at),
        "issue_url": world.repository_api(&format!("issues/{}", comment.number)), "author_association": "MEMBER",
        "performed_via_github_app": null,
    })
}
