//! Comments on pull requests.

use super::{
    GitHub,
    call::{Answer, Call, Repeat},
};
use crate::retry::Attempt;
use chartrel_core::Refusal;
use http::Method;
use serde::Deserialize;
use serde_json::json;

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its id.
    pub id: u64,
    /// Its text.
    pub body: String,
    /// Login of who wrote it.
    pub author: String,
}

#[derive(Deserialize)]
struct Login {
    login: String,
}

#[derive(Deserialize)]
struct CommentAnswer {
    id: u64,
    body: Option<String>,
    user: Option<Login>,
}

impl From<CommentAnswer> for Comment {
    fn from(answer: CommentAnswer) -> Self {
        let author = answer.user.map(|user| user.login).unwrap_or_default();
        Self { id: answer.id, body: answer.body.unwrap_or_default(), author }
    }
}

impl GitHub {
    /// The comments of a pull request, oldest first; those on lines of its diff are not among them.
    ///
    /// # Errors
    /// When there is none of that number.
    pub async fn comments(&self, number: u64) -> anyhow::Result<Vec<Comment>> {
        let call = Call::get(self.route(&format!("issues/{number}/comments?per_page=100")));
        let found = self.pages(call, Answer::json::<Vec<CommentAnswer>>).await?;
        Ok(found.into_iter().map(Comment::from).collect())
    }

    /// Writes a comment, once: where an answer is lost, it is looked for before it is written again.
    ///
    /// # Errors
    /// When there is no pull request of that number, or the token may not comment.
    pub async fn create_comment(&self, number: u64, body: &str) -> anyhow::Result<Comment> {
        let route = self.route(&format!("issues/{number}/comments"));
        let call = Call { repeat: Repeat::Unprocessed, ..Call::post(route, json!({"body": body})) };
        let before = self.comments(number).await?.last().map_or(0, |comment| comment.id);
        let mut tries = self.patience.tries();
        loop {
            let error = match self.send(call.clone()).await {
                Ok(answer) => return Ok(answer.json::<CommentAnswer>()?.into()),
                Err(error) if error.is::<Refusal>() => return Err(error),
                Err(error) => error,
            };
            let written = self.comments(number).await?.into_iter().find(|comment| comment.id > before && comment.body == body);
            if let Some(comment) = written {
                return Ok(comment);
            }
            tries.settle::<()>(Attempt::again(error)).await?;
        }
    }

    /// Replaces the text of a comment.
    ///
    /// # Errors
    /// When there is no such comment.
    pub async fn update_comment(&self, id: u64, body: &str) -> anyhow::Result<Comment> {
        let route = self.route(&format!("issues/comments/{id}"));
        Ok(self.send(Call::send(Method::PATCH, route, json!({"body": body}))).await?.json::<CommentAnswer>()?.into())
    }
}
