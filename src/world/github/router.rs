//! Which operation a request is: a table of methods and path templates, as GitHub's OpenAPI description writes them.

use super::{
    call::{Call, Failure, Outcome},
    encode,
    identity::{Identity, Role},
    options::Visibility,
    routes::ROUTES,
    state::World,
};

/// One operation.
pub(super) struct Route {
    /// HTTP method.
    pub(super) method: &'static str,
    /// Path template of the description.
    pub(super) template: &'static str,
    /// What the caller must be allowed.
    pub(super) needs: Role,
    /// What answers.
    pub(super) handler: fn(&mut World, &Call) -> Outcome,
}

/// Parameters that may hold slashes.
const GREEDY: &[&str] = &["{ref}", "{path}", "{basehead}", "{branch}", "{tag}"];

/// A matched path: parameter names and their decoded values.
pub(super) type Parameters = Vec<(&'static str, String)>;

/// Finds the operation of a path below the API's root.
pub(super) fn find(method: &str, path: &str) -> Option<(&'static Route, Parameters)> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    ROUTES.iter().filter(|route| route.method == method).find_map(|route| {
        let template: Vec<&'static str> = route.template.trim_matches('/').split('/').collect();
        matches(&template, &segments).map(|parameters| (route, parameters))
    })
}

fn matches(template: &[&'static str], segments: &[&str]) -> Option<Parameters> {
    let Some((first, template_rest)) = template.split_first() else { return segments.is_empty().then(Vec::new) };
    let Some(name) = first.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
        let (segment, rest) = segments.split_first()?;
        return (segment == first).then(|| matches(template_rest, rest)).flatten();
    };
    let longest = if GREEDY.contains(first) { segments.len() } else { 1.min(segments.len()) };
    (1..=longest).rev().find_map(|length| {
        let (taken, rest) = segments.split_at_checked(length)?;
        let mut parameters = matches(template_rest, rest)?;
        parameters.insert(0, (name, encode::decode(&taken.join("/"))));
        Some(parameters)
    })
}

/// Answers a call whose operation is known, after checking repository and permission.
pub(super) fn answer(world: &mut World, route: &Route, call: &Call) -> Outcome {
    admit(world, route, call)?;
    (route.handler)(world, call)
}

/// 404 for another repository or one that may not be seen, 403 for a missing permission.
///
/// Source: GitHub docs, "Troubleshooting the REST API": private resources answer 404 to whoever may not read them.
fn admit(world: &World, route: &Route, call: &Call) -> Result<(), Failure> {
    let is_ours = if route.template.starts_with("/repos/") {
        let full_name = format!("{}/{}", call.parameter("owner"), call.parameter("repo"));
        full_name.eq_ignore_ascii_case(&world.options.repository)
            || (route.template == "/repos/{owner}/{repo}" && world.forks.contains(&full_name))
    } else {
        true
    };
    let visible = world.options.visibility == Visibility::Public || call.identity.role().is_some();
    if !is_ours || !visible {
        return Err(Failure::not_found());
    }
    if matches!(call.identity, Identity::Actions { read_only: true, .. }) && route.method != "GET" {
        return Err(Failure::forbidden());
    }
    let allowed = call.identity.role().is_some_and(|role| role >= route.needs) || (route.needs == Role::Read && route.method == "GET");
    match (&call.identity, allowed) {
        (_, true) => Ok(()),
        (Identity::Anonymous, false) => Err(Failure::new(401, "Requires authentication")),
        (Identity::Person(..), false) => Err(Failure::new(403, "Must have push access to repository")),
        _ => Err(Failure::forbidden()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_operation_and_names_may_hold_slashes() {
        for (path, template, name, value) in [
            ("/repos/a/b/git/ref/heads/charts/nginx", "/repos/{owner}/{repo}/git/ref/{ref}", "ref", "heads/charts/nginx"),
            ("/repos/a/b/git/ref/heads%2Fcharts%2Fnginx", "/repos/{owner}/{repo}/git/ref/{ref}", "ref", "heads/charts/nginx"),
            ("/repos/a/b/commits/charts/nginx/status", "/repos/{owner}/{repo}/commits/{ref}/status", "ref", "charts/nginx"),
            ("/repos/a/b/commits/charts/nginx", "/repos/{owner}/{repo}/commits/{ref}", "ref", "charts/nginx"),
            ("/repos/a/b/releases/latest", "/repos/{owner}/{repo}/releases/latest", "owner", "a"),
            ("/repos/a/b/releases/7", "/repos/{owner}/{repo}/releases/{release_id}", "release_id", "7"),
        ] {
            let (route, parameters) = find("GET", path).unwrap();
            assert_eq!(route.template, template, "{path}");
            assert_eq!(parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str()), Some(value), "{path}");
        }
        assert!(find("GET", "/repos/a/b/lineage").is_none());
        assert!(find("PUT", "/repos/a/b/git/refs").is_none());
    }
}
