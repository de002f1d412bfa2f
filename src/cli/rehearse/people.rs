//! The people of a rehearsal: Alice contributes, Bob reviews at the two gates and nowhere else (M-009).

use super::{seed, seed::Story, universe::Universe};
use anyhow::Context as _;
use chartrel_clients::github::{GitHub, Merge, Merged, NewPull, Pull, Token};
use chartrel_world::github::{Actor, Role};

/// A person with a token of their own.
pub(crate) struct People {
    alice: GitHub,
    bob: GitHub,
}

impl People {
    /// Gives both their tokens.
    pub(crate) fn of(universe: &Universe) -> anyhow::Result<Self> {
        let person = |name: &str, role| {
            let token = Token::new(&universe.github.token(&Actor::Person(name.into(), role)))?;
            GitHub::new(&universe.github.api_url(), &token, &universe.repository)
        };
        Ok(Self { alice: person("alice", Role::Write)?, bob: person("bob", Role::Admin)? })
    }

    /// Alice makes her commits and opens the pull request to `integration`.
    pub(crate) async fn contribute(&self, universe: &Universe, story: &Story) -> anyhow::Result<Pull> {
        let dir = story.clone.path();
        story.contribution.make(dir)?;
        seed::push(universe, dir, "HEAD:refs/heads/feat/contribution")?;
        let body = "What it does and why, in the contributor's own words.\n".to_owned();
        let new = NewPull { title: story.contribution.title.clone(), head: "feat/contribution".into(), base: "integration".into(), body };
        self.alice.create_pull(&new).await.context("Alice could not open her pull request")
    }

    /// Bob merges every open pull request that waits for a person, one gate at a time; what he did, in words.
    pub(crate) async fn review(&self) -> anyhow::Result<Vec<String>> {
        for base in ["integration", "main"] {
            let mut deeds = Vec::new();
            for pull in self.bob.pulls(None, Some(base), "open").await? {
                if pull.head_ref == "main" {
                    continue;
                }
                let merge = Merge { sha: pull.head_sha.clone(), method: "merge".into(), title: String::new(), message: String::new() };
                match self.bob.merge_pull(pull.number, &merge).await? {
                    Merged::Merged(_) => deeds.push(format!("Bob reviews and merges #{} `{}` into `{base}`", pull.number, pull.title)),
                    Merged::HeadMoved => {}
                    Merged::Refused(why) => anyhow::bail!("Bob could not merge #{}: {why}", pull.number),
                }
            }
            if !deeds.is_empty() {
                return Ok(deeds);
            }
        }
        Ok(Vec::new())
    }
}
