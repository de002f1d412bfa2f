//! Everything a rehearsal asked GitHub, and everything the world's GitHub answered, is as GitHub's own description has it.

use super::world;
use chartrel_peers::{openapi::Description, peer};

#[test]
fn every_request_and_answer_is_as_github_describes() {
    let traffic = std::fs::read_to_string(world().path("github/traffic.jsonl")).unwrap();
    assert!(traffic.lines().count() > 50, "a rehearsal asks more than {} times", traffic.lines().count());
    let faults = Description::load(&peer("openapi")).faults(&traffic);
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}
