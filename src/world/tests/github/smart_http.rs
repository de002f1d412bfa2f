//! Git by HTTP: what contributors do.

use crate::place::{Place, admin, alice, git, try_git};
use chartrel_world::github::{Actor, Role};
use serde_json::json;

fn remote(place: &Place, who: &Actor) -> String {
    let url = format!("{}/acme/charts.git", place.github.server_url());
    url.replace("http://", &format!("http://x:{}@", place.github.token(who)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_moves_the_branch_and_starts_a_run() {
    let place = Place::new().await;
    let (root, clone) = (place.dir.path(), place.dir.path().join("clone"));
    git(root, &["clone", "-q", "-b", "integration", &remote(&place, &alice()), "clone"]);
    place.write("clone", "charts/nginx/values.yaml", "a: 1\n");
    git(&clone, &["add", "-A"]);
    git(&clone, &["commit", "-qm", "feat: values"]);
    git(&clone, &["push", "-q", "origin", "integration"]);
    assert_eq!(git(&clone, &["rev-parse", "HEAD"]), place.tip("integration").await);
    let runs = place.github.take_runs();
    assert_eq!(runs.iter().map(|run| (run.event.as_str(), run.actor.as_str())).collect::<Vec<_>>(), [("push", "alice")]);
    assert_eq!(runs[0].payload["commits"].as_array().map(Vec::len), Some(1));
    let depth_one = root.join("shallow");
    git(root, &["init", "-q", "shallow"]);
    git(&depth_one, &["fetch", "-q", "--depth=1", &remote(&place, &alice()), &runs[0].sha]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_without_the_right_is_refused() {
    let place = Place::new().await;
    let seed = place.dir.path().join("seed");
    let plain = format!("{}/acme/charts.git", place.github.server_url());
    for url in [remote(&place, &Actor::Person("rita".into(), Role::Read)), plain] {
        assert!(!try_git(&seed, &["push", &url, "main:refs/heads/topic"]).0);
    }
    assert!(try_git(&seed, &["push", &remote(&place, &alice()), "main:refs/heads/topic"]).0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_against_the_rules_reads_like_githubs() {
    let place = Place::new().await;
    let body = json!({
        "name": "main", "target": "branch", "enforcement": "active", "bypass_actors": [],
        "conditions": {"ref_name": {"include": ["refs/heads/main"], "exclude": []}}, "rules": [{"type": "update"}, {"type": "deletion"}],
    });
    assert_eq!(place.ask(&admin(), "POST /rulesets", body).await.0, 201);
    let body = json!({
        "name": "integration", "target": "branch", "enforcement": "active", "bypass_actors": [],
        "conditions": {"ref_name": {"include": ["refs/heads/integration"], "exclude": []}}, "rules": [{"type": "non_fast_forward"}],
    });
    assert_eq!(place.ask(&admin(), "POST /rulesets", body).await.0, 201);
    let seed = place.dir.path().join("seed");
    git(&seed, &["commit", "-q", "--amend", "-m", "feat: another first"]);
    let (ok, said) = try_git(&seed, &["push", &remote(&place, &alice()), "+main:main"]);
    assert!(
        !ok && said.contains("GH013: Repository rule violations found") && said.contains("Cannot update this protected ref."),
        "{said}"
    );
    let (ok, said) = try_git(&seed, &["push", &remote(&place, &alice()), "+main:integration"]);
    assert!(!ok && said.contains("non-fast-forward"), "{said}");
    assert!(place.github.take_runs().is_empty());
}
