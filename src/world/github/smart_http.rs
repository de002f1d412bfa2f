//! Git by HTTP: `git http-backend`, with rules before a push and events after it.

use super::{
    call::{Answer, Body, Failure, Outcome},
    identity::{Identity, Role},
    options::Visibility,
    refs::Move,
    state::World,
};
use anyhow::Context as _;
use bytes::Bytes;
use http::request::Parts;
use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

/// A request for git.
pub(super) struct Exchange<'a> {
    /// Path behind the repository, such as `/info/refs`.
    pub(super) path: &'a str,
    /// Method, query and headers.
    pub(super) parts: &'a Parts,
    /// The body as sent, perhaps compressed.
    pub(super) body: &'a Bytes,
}

/// What git's own services are called.
const SERVICES: &[&str] = &["/info/refs", "/git-upload-pack", "/git-receive-pack", "/HEAD"];

/// More tags than these in one push are nobody's event.
///
/// Source: GitHub docs, "Events that trigger workflows", push.
const MOST_TAGS: usize = 3;

/// Refuses a push as GitHub does: the reasons on the pusher's terminal.
const REFUSE: &str = "#!/bin/sh\nprintf '%s\\n' \"$WORLD_REFUSAL\" >&2\nexit 1\n";

/// Answers a request for git.
pub(super) fn serve(world: &mut World, identity: &Identity, exchange: &Exchange) -> Outcome {
    if !SERVICES.contains(&exchange.path) {
        return Err(Failure::not_found());
    }
    let is_push = exchange.path == "/git-receive-pack" || exchange.parts.uri.query().is_some_and(|query| query.contains("receive-pack"));
    let needed = if is_push { Some(Role::Write) } else { (world.options.visibility == Visibility::Private).then_some(Role::Read) };
    if needed.is_some_and(|needed| identity.role().is_none_or(|role| role < needed)) {
        let answer = Failure::new(if *identity == Identity::Anonymous { 401 } else { 403 }, "Permission denied");
        return match answer {
            Failure::Answer(mut answer) if answer.status == 401 => {
                answer.headers.push(("www-authenticate", "Basic realm=\"GitHub\"".into()));
                Ok(*answer)
            }
            other => Err(other),
        };
    }
    if exchange.path == "/git-receive-pack" { push(world, identity, exchange) } else { backend(world, exchange, &[]) }
}

/// Judges the commands of a push, lets git do it, and tells everybody what moved.
fn push(world: &mut World, identity: &Identity, exchange: &Exchange) -> Outcome {
    let mut refusals = Vec::new();
    let mut fast_forward_only = false;
    for wanted in commands(exchange.body) {
        refusals.extend(world.violations(identity, &wanted));
        fast_forward_only |= world.forbids_rewinding(identity, &wanted.name);
    }
    let mut environment = Vec::new();
    if !refusals.is_empty() {
        let hooks = hooks_folder(world)?;
        let listed: Vec<String> = refusals.iter().map(|refusal| format!("- {refusal}")).collect();
        let listed = listed.join("\n\n");
        environment.push(("WORLD_REFUSAL".to_owned(), format!("error: GH013: Repository rule violations found.\n\n{listed}")));
        environment.extend(configuration("core.hooksPath", &hooks.to_string_lossy()));
    } else if fast_forward_only {
        environment.extend(configuration("receive.denyNonFastForwards", "true"));
    }
    let before: BTreeMap<String, String> = world.git.refs("refs/")?.into_iter().collect();
    let answer = backend(world, exchange, &environment)?;
    let after: BTreeMap<String, String> = world.git.refs("refs/")?.into_iter().collect();
    let names = before.keys().chain(after.keys()).collect::<std::collections::BTreeSet<_>>();
    let changed = names.into_iter().map(|name| Move { name: name.clone(), old: before.get(name).cloned(), new: after.get(name).cloned() });
    let moves: Vec<Move> = changed.filter(|change| change.old != change.new).collect();
    // More than three tags in one push start nothing (C-14).
    let is_tag = |change: &Move| change.name.starts_with("refs/tags/");
    let tags = moves.iter().filter(|change| is_tag(change)).count();
    for change in moves.iter().filter(|change| tags <= MOST_TAGS || !is_tag(change)) {
        world.after_move(identity, change)?;
    }
    Ok(answer)
}

/// Git configuration for one command, as environment variables.
fn configuration(key: &str, value: &str) -> Vec<(String, String)> {
    [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", key), ("GIT_CONFIG_VALUE_0", value)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
}

/// The folder with the hook that refuses.
fn hooks_folder(world: &World) -> anyhow::Result<PathBuf> {
    let folder = world.options.dir.join("refuse");
    fs::create_dir_all(&folder)?;
    let hook = folder.join("pre-receive");
    fs::write(&hook, REFUSE)?;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// The commands of a push: pkt-lines `<old> <new> <ref>` up to the flush (git's pack protocol, "Reference Update Request").
fn commands(body: &[u8]) -> Vec<Move> {
    let mut moves = Vec::new();
    let mut rest = body;
    while let Some((length, _)) = rest.split_at_checked(4) {
        let length = std::str::from_utf8(length).ok().and_then(|text| usize::from_str_radix(text, 16).ok()).unwrap_or(0);
        let Some(line) = rest.get(4..length) else { break };
        let line = String::from_utf8_lossy(line.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
        let words: Vec<&str> = line.split_whitespace().collect();
        if let &[old, new, name] = words.as_slice() {
            let id = |text: &str| text.bytes().any(|byte| byte != b'0').then(|| text.to_owned());
            moves.push(Move { name: name.to_owned(), old: id(old), new: id(new) });
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    moves
}

/// Runs `git http-backend` as a CGI program (RFC 3875).
fn backend(world: &World, exchange: &Exchange, environment: &[(String, String)]) -> Outcome {
    let header = |name: &str| exchange.parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut command = Command::new("git");
    super::git::isolate(&mut command);
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", world.git.dir())
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", exchange.path)
        .env("REQUEST_METHOD", exchange.parts.method.as_str())
        .env("QUERY_STRING", exchange.parts.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", exchange.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_USER", "world")
        .envs(environment.iter().map(|(key, value)| (key, value)));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("start git http-backend")?;
    let mut input = child.stdin.take().context("git without standard input")?;
    let body = exchange.body.clone();
    // Both ends at once: git may answer before it has read everything.
    let writer = thread::spawn(move || input.write_all(&body));
    let output = child.wait_with_output()?;
    // A writer that broke off has met a git that ended early; its answer says why.
    let _ = writer.join();
    Ok(cgi(&output.stdout))
}

/// The answer in a CGI program's output: headers, an empty line, the body.
fn cgi(output: &[u8]) -> Answer {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(output.len());
    let (head, body) = output.split_at(end);
    let mut answer =
        Answer { status: 200, body: Body::Bytes("application/octet-stream", body.get(4..).unwrap_or_default().to_vec()), headers: vec![] };
    for line in String::from_utf8_lossy(head).lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "status" => answer.status = value.get(..3).and_then(|code| code.parse().ok()).unwrap_or(500),
            "content-type" => {
                if let (Body::Bytes(kind, _), Some(known)) = (&mut answer.body, TYPES.iter().find(|known| **known == value)) {
                    *kind = known;
                }
            }
            "cache-control" => answer.headers.push(("cache-control", value.to_owned())),
            _ => {}
        }
    }
    answer
}

/// Media types of git's answers.
const TYPES: &[&str] = &[
    "application/x-git-upload-pack-advertisement",
    "application/x-git-receive-pack-advertisement",
    "application/x-git-upload-pack-result",
    "application/x-git-receive-pack-result",
    "text/plain",
];
