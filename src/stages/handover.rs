//! Handing over to the next stage: by dispatch on the branch where it signs, with locators alone (C-14).

use crate::session::Session;
use chartrel_core::stage::Stage;
use std::collections::BTreeMap;

/// Dispatches the next stage in the caller's own workflow; the inputs say where to look, never what is true.
pub(crate) async fn dispatch(session: &Session, stage: Stage, locators: &[(&str, String)]) -> anyhow::Result<()> {
    let mut inputs: BTreeMap<String, String> = locators.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    inputs.insert("stage".into(), stage.verb().into());
    let branches = &session.policy.branches;
    let branch = if stage.signs_on_integration() { &branches.integration } else { &branches.main };
    session.github.dispatch(session.runner.workflow_file()?, branch, &inputs).await
}
