//! The bare repository behind the service: the git program, one long-lived reader, and loose objects written directly.

use anyhow::{Context as _, bail, ensure};
use flate2::{Compression, write::ZlibEncoder};
use sha1::{Digest as _, Sha1};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
};

/// A bare git repository.
pub(super) struct Git {
    dir: PathBuf,
    reader: Mutex<Reader>,
}

/// One `git cat-file --batch`, asked by name, answering with type and bytes.
struct Reader {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// A git object as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// Git's id, 40 hex digits.
    pub(super) id: String,
    /// `commit`, `tree`, `blob` or `tag`.
    pub(super) kind: String,
    /// The content, without git's header.
    pub(super) body: Vec<u8>,
}

impl Git {
    /// Makes the bare repository (default branch `main`) or opens the one that is there.
    ///
    /// # Errors
    /// When git cannot be run or the folder cannot be written.
    pub(super) fn open(dir: &Path, default_branch: &str) -> anyhow::Result<Self> {
        if !dir.join("HEAD").exists() {
            fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
            let branch = format!("--initial-branch={default_branch}");
            output(Command::new("git").args(["init", "--quiet", "--bare", &branch]).arg(dir))?;
            for (key, value) in CONFIGURATION {
                output(Command::new("git").arg("--git-dir").arg(dir).args(["config", key, value]))?;
            }
        }
        let reader = Mutex::new(Reader::start(dir)?);
        Ok(Self { dir: dir.to_owned(), reader })
    }

    /// The repository's folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs git in the repository and gives its standard output as text, without the last line end.
    ///
    /// # Errors
    /// When git fails; its standard error is in the message.
    pub(super) fn run(&self, args: &[&str]) -> anyhow::Result<String> {
        let bytes = output(self.command().args(args))?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
    }

    /// Runs git and gives its exit code with its standard output, whatever the code.
    ///
    /// # Errors
    /// When git cannot be started.
    pub(super) fn attempt(&self, args: &[&str]) -> anyhow::Result<(i32, String)> {
        let done = self.command().args(args).output().context("run git")?;
        Ok((done.status.code().unwrap_or(-1), String::from_utf8_lossy(&done.stdout).trim_end_matches('\n').to_owned()))
    }

    /// A git command on this repository that nothing outside it can influence.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(&self.dir);
        isolate(&mut command);
        command
    }

    /// The object that a full ref name, an id or an expression such as `<commit>:<path>` names.
    ///
    /// # Errors
    /// When git's answer cannot be read.
    pub(super) fn read(&self, name: &str) -> anyhow::Result<Option<Object>> {
        if name.contains('\n') || name.is_empty() {
            return Ok(None);
        }
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).ask(name)
    }

    /// The id that a ref has, tags not peeled.
    ///
    /// # Errors
    /// When git's answer cannot be read.
    pub(super) fn ref_id(&self, full_name: &str) -> anyhow::Result<Option<String>> {
        Ok(self.read(full_name)?.map(|object| object.id))
    }

    /// The commit that a name leads to: a branch, a tag, an id (also a short one) or a full ref name.
    ///
    /// # Errors
    /// When git's answer cannot be read.
    pub(super) fn commit_id(&self, name: &str) -> anyhow::Result<Option<String>> {
        if name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(self.read(&format!("{name}^{{commit}}"))?.map(|object| object.id));
        }
        let candidates = [format!("refs/heads/{name}"), format!("refs/tags/{name}"), format!("refs/{name}"), name.to_owned()];
        for candidate in candidates {
            if let Some(object) = self.read(&format!("{candidate}^{{commit}}"))? {
                return Ok(Some(object.id));
            }
        }
        Ok(None)
    }

    /// Stores an object and gives its id.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&self, kind: &str, body: &[u8]) -> anyhow::Result<String> {
        let header = format!("{kind} {}\0", body.len());
        let id = hex::encode(Sha1::new().chain_update(&header).chain_update(body).finalize());
        let (folder, name) = id.split_at(2);
        let folder = self.dir.join("objects").join(folder);
        let path = folder.join(name);
        if path.exists() {
            return Ok(id);
        }
        fs::create_dir_all(&folder)?;
        let mut encoder = ZlibEncoder::new(tempfile::NamedTempFile::new_in(&folder)?, Compression::fast());
        encoder.write_all(header.as_bytes())?;
        encoder.write_all(body)?;
        encoder.finish()?.persist(&path).with_context(|| format!("store object {id}"))?;
        Ok(id)
    }

    /// Every ref below a prefix with its id, sorted by name.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn refs(&self, prefix: &str) -> anyhow::Result<Vec<(String, String)>> {
        let listed = self.run(&["for-each-ref", "--format=%(objectname) %(refname)", "--sort=refname"])?;
        let pairs = listed.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.filter(|(_, name)| name.starts_with(prefix)).map(|(id, name)| (name.to_owned(), id.to_owned())).collect())
    }

    /// Moves a ref, or deletes it when `id` is `None`.
    ///
    /// # Errors
    /// When git refuses the name or the move (for instance a ref below an existing ref).
    pub(super) fn set_ref(&self, full_name: &str, id: Option<&str>) -> anyhow::Result<()> {
        match id {
            Some(id) => self.run(&["update-ref", full_name, id])?,
            None => self.run(&["update-ref", "-d", full_name])?,
        };
        Ok(())
    }

    /// Whether a commit is reachable from another.
    ///
    /// # Errors
    /// When git cannot be started.
    pub(super) fn is_ancestor(&self, ancestor: &str, descendant: &str) -> anyhow::Result<bool> {
        Ok(ancestor == descendant || self.attempt(&["merge-base", "--is-ancestor", ancestor, descendant])?.0 == 0)
    }

    /// The best common ancestor of two commits, if there is one.
    ///
    /// # Errors
    /// When git cannot be started.
    pub(super) fn merge_base(&self, one: &str, other: &str) -> anyhow::Result<Option<String>> {
        let (code, text) = self.attempt(&["merge-base", one, other])?;
        Ok((code == 0).then_some(text))
    }

    /// The commits reachable from `head` but not from `base`, oldest first.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn commits_between(&self, base: &str, head: &str) -> anyhow::Result<Vec<String>> {
        let listed = self.run(&["rev-list", "--reverse", "--topo-order", head, "--not", base])?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// The tree of `theirs` merged into `ours`; `None` on a conflict.
    ///
    /// # Errors
    /// When git fails for another reason than a conflict.
    pub(super) fn merge_tree(&self, ours: &str, theirs: &str) -> anyhow::Result<Option<String>> {
        let (code, text) = self.attempt(&["merge-tree", "--write-tree", ours, theirs])?;
        match code {
            0 => Ok(text.lines().next().map(str::to_owned)),
            1 => Ok(None),
            _ => bail!("git merge-tree of `{ours}` and `{theirs}` ended with {code}"),
        }
    }
}

/// What a server's repository needs: pushes by HTTP, any reachable commit to fetch, no pushes to pull request refs.
const CONFIGURATION: &[(&str, &str)] = &[
    ("http.receivepack", "true"),
    ("uploadpack.allowAnySHA1InWant", "true"),
    ("uploadpack.allowFilter", "true"),
    ("receive.hideRefs", "refs/pull"),
    ("receive.denyDeleteCurrent", "ignore"),
    ("receive.autogc", "false"),
    ("gc.auto", "0"),
];

impl Reader {
    fn start(dir: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(dir).args(["cat-file", "--batch"]);
        isolate(&mut command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("start git")?;
        let input = child.stdin.take().context("git without standard input")?;
        let output = BufReader::new(child.stdout.take().context("git without standard output")?);
        Ok(Self { child, input, output })
    }

    fn ask(&mut self, name: &str) -> anyhow::Result<Option<Object>> {
        writeln!(self.input, "{name}")?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line).context("read git's answer")?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[id, kind, size] = words.as_slice() else { return Ok(None) };
        let Ok(size) = size.parse::<usize>() else { return Ok(None) };
        let mut body = vec![0; size + 1];
        self.output.read_exact(&mut body).context("read an object from git")?;
        body.truncate(size);
        Ok(Some(Object { id: id.to_owned(), kind: kind.to_owned(), body }))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // The process ends by itself once its input closes; a failure here leaves nothing behind that matters.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps a person's own git configuration and the runner's variables away from a git command.
pub(super) fn isolate(command: &mut Command) {
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("GIT_") {
            command.env_remove(key);
        }
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
}

fn output(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let done = command.output().context("run git")?;
    ensure!(done.status.success(), "{command:?} ended with {}: {}", done.status, String::from_utf8_lossy(&done.stderr).trim());
    Ok(done.stdout)
}
