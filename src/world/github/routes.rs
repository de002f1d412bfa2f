//! Every operation that is served, each in GitHub's OpenAPI description under this very template.

use super::{
    actions, attestations, blobs, checks, comments, commits, compare, contents,
    identity::Role::{Admin, Read, Write},
    merge, pulls, refs, releases, reviews,
    router::Route,
    rulesets, statuses, tags, trees,
};

macro_rules! routes {
    ($($method:ident $template:literal $needs:ident $handler:path;)+) => {
        &[$(Route { method: stringify!($method), template: $template, needs: $needs, handler: $handler }),+]
    };
}

/// More particular templates stand before more general ones.
pub(super) static ROUTES: &[Route] = routes! {
    GET "/repos/{owner}/{repo}" Read commits::repository;
    GET "/repos/{owner}/{repo}/contents/{path}" Read contents::get;
    GET "/repos/{owner}/{repo}/branches" Read refs::branches;
    GET "/repos/{owner}/{repo}/branches/{branch}" Read refs::branch;

    GET "/repos/{owner}/{repo}/git/ref/{ref}" Read refs::get;
    GET "/repos/{owner}/{repo}/git/matching-refs/{ref}" Read refs::matching;
    POST "/repos/{owner}/{repo}/git/refs" Write refs::create;
    PATCH "/repos/{owner}/{repo}/git/refs/{ref}" Write refs::update;
    DELETE "/repos/{owner}/{repo}/git/refs/{ref}" Write refs::delete;
    POST "/repos/{owner}/{repo}/git/commits" Write commits::create;
    GET "/repos/{owner}/{repo}/git/commits/{commit_sha}" Read commits::get_git;
    POST "/repos/{owner}/{repo}/git/trees" Write trees::create;
    GET "/repos/{owner}/{repo}/git/trees/{tree_sha}" Read trees::get;
    POST "/repos/{owner}/{repo}/git/blobs" Write blobs::create;
    GET "/repos/{owner}/{repo}/git/blobs/{file_sha}" Read blobs::get;
    POST "/repos/{owner}/{repo}/git/tags" Write tags::create;
    GET "/repos/{owner}/{repo}/git/tags/{tag_sha}" Read tags::get;

    GET "/repos/{owner}/{repo}/commits" Read commits::list;
    GET "/repos/{owner}/{repo}/commits/{commit_sha}/pulls" Read commits::pulls;
    GET "/repos/{owner}/{repo}/commits/{ref}/check-runs" Read checks::list;
    GET "/repos/{owner}/{repo}/commits/{ref}/status" Read statuses::combined;
    GET "/repos/{owner}/{repo}/commits/{ref}" Read commits::get;
    GET "/repos/{owner}/{repo}/compare/{basehead}" Read compare::get;

    GET "/repos/{owner}/{repo}/pulls" Read pulls::list;
    POST "/repos/{owner}/{repo}/pulls" Read pulls::create;
    GET "/repos/{owner}/{repo}/pulls/{pull_number}" Read pulls::get;
    PATCH "/repos/{owner}/{repo}/pulls/{pull_number}" Read pulls::update;
    GET "/repos/{owner}/{repo}/pulls/{pull_number}/merge" Read merge::check;
    PUT "/repos/{owner}/{repo}/pulls/{pull_number}/merge" Write merge::merge;
    PUT "/repos/{owner}/{repo}/pulls/{pull_number}/merge-async" Write merge::request;
    GET "/repos/{owner}/{repo}/pulls/{pull_number}/merge-async/{uuid}" Read merge::poll;
    GET "/repos/{owner}/{repo}/pulls/{pull_number}/commits" Read pulls::commits;
    GET "/repos/{owner}/{repo}/pulls/{pull_number}/files" Read pulls::files;
    GET "/repos/{owner}/{repo}/pulls/{pull_number}/reviews" Read reviews::list;
    POST "/repos/{owner}/{repo}/pulls/{pull_number}/reviews" Read reviews::create;
    GET "/repos/{owner}/{repo}/issues/{issue_number}/comments" Read comments::list;
    POST "/repos/{owner}/{repo}/issues/{issue_number}/comments" Read comments::create;
    GET "/repos/{owner}/{repo}/issues/comments/{comment_id}" Read comments::get;
    PATCH "/repos/{owner}/{repo}/issues/comments/{comment_id}" Read comments::update;

    POST "/repos/{owner}/{repo}/check-runs" Write checks::create;
    GET "/repos/{owner}/{repo}/check-runs/{check_run_id}" Read checks::get;
    PATCH "/repos/{owner}/{repo}/check-runs/{check_run_id}" Write checks::update;
    POST "/repos/{owner}/{repo}/statuses/{sha}" Write statuses::create;
    POST "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches" Write actions::dispatch;
    GET "/repos/{owner}/{repo}/actions/permissions/workflow" Admin actions::permissions;
    PUT "/repos/{owner}/{repo}/actions/permissions/workflow" Admin actions::set_permissions;
    GET "/repos/{owner}/{repo}/actions/runs" Read actions::runs;
    GET "/repos/{owner}/{repo}/actions/runs/{run_id}" Read actions::run;

    POST "/repos/{owner}/{repo}/attestations" Write attestations::create;
    GET "/repos/{owner}/{repo}/attestations/{subject_digest}" Read attestations::list;
    GET "/orgs/{org}/attestations/{subject_digest}" Read attestations::list;
    GET "/users/{username}/attestations/{subject_digest}" Read attestations::list;
    POST "/orgs/{org}/attestations/bulk-list" Read attestations::bulk_list;
    POST "/users/{username}/attestations/bulk-list" Read attestations::bulk_list;

    GET "/repos/{owner}/{repo}/releases" Read releases::list;
    POST "/repos/{owner}/{repo}/releases" Write releases::create;
    GET "/repos/{owner}/{repo}/releases/latest" Read releases::latest;
    GET "/repos/{owner}/{repo}/releases/tags/{tag}" Read releases::by_tag;
    GET "/repos/{owner}/{repo}/releases/assets/{asset_id}" Read releases::get_asset;
    PATCH "/repos/{owner}/{repo}/releases/assets/{asset_id}" Write releases::update_asset;
    DELETE "/repos/{owner}/{repo}/releases/assets/{asset_id}" Write releases::remove_asset;
    GET "/repos/{owner}/{repo}/releases/{release_id}" Read releases::get;
    PATCH "/repos/{owner}/{repo}/releases/{release_id}" Write releases::update;
    DELETE "/repos/{owner}/{repo}/releases/{release_id}" Write releases::delete;
    GET "/repos/{owner}/{repo}/releases/{release_id}/assets" Read releases::list_assets;
    POST "/repos/{owner}/{repo}/releases/{release_id}/assets" Write releases::upload;

    GET "/repos/{owner}/{repo}/immutable-releases" Admin rulesets::immutable;
    PUT "/repos/{owner}/{repo}/immutable-releases" Admin rulesets::enable_immutable;
    DELETE "/repos/{owner}/{repo}/immutable-releases" Admin rulesets::disable_immutable;
    GET "/repos/{owner}/{repo}/rulesets" Read rulesets::list;
    POST "/repos/{owner}/{repo}/rulesets" Admin rulesets::create;
    GET "/repos/{owner}/{repo}/rulesets/{ruleset_id}" Read rulesets::get;
    PUT "/repos/{owner}/{repo}/rulesets/{ruleset_id}" Admin rulesets::update;
    DELETE "/repos/{owner}/{repo}/rulesets/{ruleset_id}" Admin rulesets::delete;
    GET "/repos/{owner}/{repo}/rules/branches/{branch}" Read rulesets::effective;
};
