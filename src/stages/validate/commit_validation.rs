//! `commit-validation`: titles of pull requests and messages of commits are conventional.

use crate::checks::Problems;
use chartrel_clients::github::Pull;
use chartrel_core::commit;

/// A commit by its id and message.
pub(crate) type Message = (String, String);

/// Validates titles and messages; merges and what bots commit are exempt by rule (C-46).
pub(crate) fn run(pulls: &[Pull], commits: &[Message]) -> Problems {
    let titles = pulls.iter().map(|pull| (format!("title of #{}", pull.number), pull.title.as_str()));
    let messages = commits.iter().map(|(id, message)| (id.chars().take(12).collect(), message.as_str()));
    titles
        .chain(messages)
        .filter(|(_, text)| !commit::is_exempt(text, ""))
        .filter_map(|(name, text)| Some((name, commit::validate(text).err()?)))
        .flat_map(|(name, refused)| refused.into_violations().into_iter().map(move |refusal| format!("{name}: {}", refusal.what)))
        .collect()
}
