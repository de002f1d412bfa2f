//! Users, the repository and commits as the API shows them.

use super::{
    objects::{Commit, Signature, timestamp},
    options::{OwnerType, Visibility},
    state::{REPOSITORY_ID, World},
};
use serde_json::{Value, json};

/// A stable opaque id of a thing.
pub(super) fn node_id(kind: &str, id: &str) -> String {
    format!("{kind}_{}", hex::encode(id))
}

/// An object with the fields of another beside its own; the other's win.
pub(super) fn with(mut object: Value, more: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (object.as_object_mut(), more) {
        fields.extend(more);
    }
    object
}

impl World {
    /// A user, `simple-user` of the description.
    pub(super) fn user(&self, login: &str) -> Value {
        let id = self.users.get(login).copied().unwrap_or(10_137);
        let encoded = super::encode::path(login);
        let (api, page) = (format!("{}/users/{encoded}", self.api_url()), format!("{}/{encoded}", self.server_url));
        let kind = match login {
            _ if login.ends_with("[bot]") => "Bot",
            _ if login == self.options.owner() && self.options.owner_type == OwnerType::Organization => "Organization",
            _ => "User",
        };
        json!({
            "login": login, "id": id, "node_id": node_id("U", login), "type": kind, "site_admin": false, "gravatar_id": "",
            "avatar_url": format!("{}/avatars/u/{id}", self.server_url), "url": api, "html_url": page,
            "followers_url": format!("{api}/followers"), "following_url": format!("{api}/following{{/other_user}}"),
            "gists_url": format!("{api}/gists{{/gist_id}}"), "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{api}/subscriptions"), "organizations_url": format!("{api}/orgs"),
            "repos_url": format!("{api}/repos"), "events_url": format!("{api}/events{{/privacy}}"),
            "received_events_url": format!("{api}/received_events"),
        })
    }

    /// The repository or one of its forks, with every field of `full-repository`, `repository` and `minimal-repository`.
    pub(super) fn repository(&self, full_name: &str) -> Value {
        let (owner, name) = full_name.split_once('/').unwrap_or(("", full_name));
        let fork = full_name != self.options.repository;
        let position = self.forks.iter().position(|known| known == full_name).unwrap_or(0);
        let id = if fork { REPOSITORY_ID + 1 + position as u64 } else { REPOSITORY_ID };
        let (api, page) = (format!("{}/repos/{full_name}", self.api_url()), format!("{}/{full_name}", self.server_url));
        let private = self.options.visibility == Visibility::Private;
        let (open, forks) = (self.pulls.values().filter(|pull| pull.open).count(), self.forks.len());
        let created = timestamp(&self.created_at);
        let repository = json!({
            "id": id, "node_id": node_id("R", full_name), "name": name, "full_name": full_name, "owner": self.user(owner),
            "private": private, "visibility": self.options.visibility, "fork": fork, "html_url": page, "url": api,
            "forks_count": forks, "forks": forks, "network_count": forks, "open_issues_count": open, "open_issues": open,
            "pushed_at": created, "created_at": created, "updated_at": created,
            "clone_url": format!("{page}.git"), "svn_url": page, "git_url": format!("git://127.0.0.1/{full_name}.git"),
            "ssh_url": format!("git@127.0.0.1:{full_name}.git"),
        });
        with(with(repository, settings()), addresses(&api))
    }

    /// A commit, `commit` of the description, without `stats` and `files`.
    pub(super) fn commit_json(&self, commit: &Commit) -> Value {
        let id = &commit.id;
        json!({
            "sha": id, "node_id": node_id("C", id), "url": self.repository_api(&format!("commits/{id}")),
            "html_url": self.repository_page(&format!("commit/{id}")),
            "comments_url": self.repository_api(&format!("commits/{id}/comments")),
            "commit": {
                "url": self.repository_api(&format!("git/commits/{id}")), "message": commit.message.trim_end_matches('\n'),
                "author": person(&commit.author), "committer": person(&commit.committer), "comment_count": 0,
                "tree": self.tree_link(&commit.tree), "verification": verification(),
            },
            "author": self.user_of(&commit.author), "committer": self.user_of(&commit.committer),
            "parents": commit.parents.iter().map(|parent| self.parent_link(parent, "commits")).collect::<Vec<_>>(),
        })
    }

    /// A commit of the Git Data API, `git-commit` of the description.
    pub(super) fn git_commit_json(&self, commit: &Commit) -> Value {
        let id = &commit.id;
        json!({
            "sha": id, "node_id": node_id("C", id), "url": self.repository_api(&format!("git/commits/{id}")),
            "html_url": self.repository_page(&format!("commit/{id}")), "message": commit.message.trim_end_matches('\n'),
            "author": person(&commit.author), "committer": person(&commit.committer), "tree": self.tree_link(&commit.tree),
            "verification": verification(),
            "parents": commit.parents.iter().map(|parent| self.parent_link(parent, "git/commits")).collect::<Vec<_>>(),
        })
    }

    fn tree_link(&self, tree: &str) -> Value {
        json!({"sha": tree, "url": self.repository_api(&format!("git/trees/{tree}"))})
    }

    fn parent_link(&self, id: &str, resource: &str) -> Value {
        let page = self.repository_page(&format!("commit/{id}"));
        json!({"sha": id, "url": self.repository_api(&format!("{resource}/{id}")), "html_url": page})
    }

    /// The account behind a commit's mail address: known for addresses that GitHub gave out, else null.
    fn user_of(&self, signature: &Signature) -> Value {
        if signature.email == "noreply@github.com" {
            return self.user("web-flow");
        }
        let local = signature.email.strip_suffix("@users.noreply.github.com");
        local.and_then(|local| local.split_once('+')).map_or(Value::Null, |(_, login)| self.user(login))
    }
}

/// A signature as the API shows it.
pub(super) fn person(signature: &Signature) -> Value {
    json!({"name": signature.name, "email": signature.email, "date": timestamp(&signature.date)})
}

/// What is said of an object nobody signed.
pub(super) fn verification() -> Value {
    json!({"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null})
}

/// What is the same for every repository here.
fn settings() -> Value {
    json!({
        "description": "Helm charts", "homepage": null, "language": null, "license": null, "mirror_url": null, "default_branch": "main",
        "archived": false, "disabled": false, "has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false,
        "has_discussions": false, "has_downloads": true, "is_template": false, "stargazers_count": 0, "watchers_count": 0, "watchers": 0,
        "subscribers_count": 0, "size": 0, "topics": [], "allow_forking": true, "web_commit_signoff_required": false,
        "allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": true, "allow_auto_merge": false,
        "delete_branch_on_merge": false,
    })
}

/// The addresses every repository carries, as templates where GitHub has templates.
const ADDRESSES: &[(&str, &str)] = &[
    ("archive_url", "{archive_format}{/ref}"),
    ("assignees_url", "assignees{/user}"),
    ("blobs_url", "git/blobs{/sha}"),
    ("branches_url", "branches{/branch}"),
    ("collaborators_url", "collaborators{/collaborator}"),
    ("comments_url", "comments{/number}"),
    ("commits_url", "commits{/sha}"),
    ("compare_url", "compare/{base}...{head}"),
    ("contents_url", "contents/{+path}"),
    ("contributors_url", "contributors"),
    ("deployments_url", "deployments"),
    ("downloads_url", "downloads"),
    ("events_url", "events"),
    ("forks_url", "forks"),
    ("git_commits_url", "git/commits{/sha}"),
    ("git_refs_url", "git/refs{/sha}"),
    ("git_tags_url", "git/tags{/sha}"),
    ("hooks_url", "hooks"),
    ("issue_comment_url", "issues/comments{/number}"),
    ("issue_events_url", "issues/events{/number}"),
    ("issues_url", "issues{/number}"),
    ("keys_url", "keys{/key_id}"),
    ("labels_url", "labels{/name}"),
    ("languages_url", "languages"),
    ("merges_url", "merges"),
    ("milestones_url", "milestones{/number}"),
    ("notifications_url", "notifications{?since,all,participating}"),
    ("pulls_url", "pulls{/number}"),
    ("releases_url", "releases{/id}"),
    ("stargazers_url", "stargazers"),
    ("statuses_url", "statuses/{sha}"),
    ("subscribers_url", "subscribers"),
    ("subscription_url", "subscription"),
    ("tags_url", "tags"),
    ("teams_url", "teams"),
    ("trees_url", "git/trees{/sha}"),
];

fn addresses(api: &str) -> Value {
    ADDRESSES.iter().map(|(key, rest)| ((*key).to_owned(), Value::from(format!("{api}/{rest}")))).collect()
}
