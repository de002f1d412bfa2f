//! Who calls: people with a role, the App, and the token of a run.

use serde::Serialize;

/// The App's id, as rulesets (`Integration`) and check runs name it.
pub const APP_ID: u64 = 1_234_567;

/// GitHub Actions' own App id; it can be pinned as the reporter of a check but never be a bypass actor.
///
/// Source: the `integration_id` that required status checks of GitHub Actions have.
pub const ACTIONS_APP_ID: u64 = 15_368;

/// What a person may do in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Role {
    /// Reads; may open pull requests from a fork and comment.
    Read,
    /// Pushes, merges, approves.
    Write,
    /// Everything, rulesets and settings included.
    Admin,
}

/// Whose token is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person: login and role.
    Person(String, Role),
    /// The installation of the App.
    App,
    /// `GITHUB_TOKEN` of a run.
    Actions {
        /// The run's id, as [`super::Run::id`].
        run_id: u64,
    },
}

/// The caller of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// No token.
    Anonymous,
    /// A person.
    Person(String, Role),
    /// The App's installation.
    App,
    /// A run's token; read-only when the run is for a pull request from a fork.
    Actions { run_id: u64, read_only: bool },
}

impl Identity {
    /// The login that answers and commits show.
    pub(super) fn login(&self) -> &str {
        match self {
            Self::Anonymous => "ghost",
            Self::Person(login, _) => login,
            Self::App => "chartrel[bot]",
            Self::Actions { .. } => "github-actions[bot]",
        }
    }

    /// The role the caller acts with.
    pub(super) const fn role(&self) -> Option<Role> {
        match self {
            Self::Anonymous => None,
            Self::Person(_, role) => Some(*role),
            Self::Actions { read_only: true, .. } => Some(Role::Read),
            Self::App | Self::Actions { .. } => Some(Role::Write),
        }
    }

    /// The App that reports checks with this token; people have none.
    pub(super) const fn app_id(&self) -> Option<u64> {
        match self {
            Self::App => Some(APP_ID),
            Self::Actions { .. } => Some(ACTIONS_APP_ID),
            Self::Anonymous | Self::Person(..) => None,
        }
    }

    /// Whether what this caller does starts workflows (a run's own token does not, dispatches apart).
    pub(super) const fn starts_workflows(&self) -> bool {
        !matches!(self, Self::Actions { .. } | Self::Anonymous)
    }
}
