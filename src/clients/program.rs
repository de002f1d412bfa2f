//! Programs: started without a shell, with a deadline, their output read whole up to a limit.

use anyhow::{Context as _, anyhow};
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
};

/// What a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

impl Ran {
    /// Whether it ended with 0.
    pub fn is_ok(&self) -> bool {
        self.code == Some(0)
    }

    /// The last lines of standard error, as a reason: at most 600 characters.
    pub fn reason(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let text = text.trim();
        let skipped = text.chars().count().saturating_sub(600);
        text.chars().skip(skipped).collect()
    }
}

/// How long a program may run and how much it may say.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The deadline; then it is killed.
    pub time: Duration,
    /// Bytes on standard output, and as many on standard error.
    pub output: usize,
}

/// Runs a program to its end, feeding it `input`.
///
/// # Errors
/// When it cannot be started, exceeds its bounds, or its pipes break.
pub async fn run(mut command: Command, input: Vec<u8>, bounds: Bounds) -> anyhow::Result<Ran> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("`{name}` could not be started"))?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else { return Err(anyhow!("`{name}` has no pipes")) };
    let feed = async move {
        // A program that does not read to the end closes the pipe: its exit code tells.
        let _ = stdin.write_all(&input).await;
        drop(stdin);
        anyhow::Ok(())
    };
    let work = async {
        let ((), stdout, stderr) = tokio::try_join!(feed, drain(stdout, bounds.output), drain(stderr, bounds.output))?;
        let status = child.wait().await.context("its end was not seen")?;
        anyhow::Ok(Ran { code: status.code(), stdout, stderr })
    };
    crate::retry::within(bounds.time, &format!("`{name}`"), work).await.with_context(|| format!("`{name}` did not run to its end"))
}

async fn drain(pipe: impl AsyncRead + Unpin, limit: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(limit as u64 + 1).read_to_end(&mut bytes).await.context("its output could not be read")?;
    if bytes.len() > limit {
        return Err(anyhow!("it wrote more than {limit} bytes"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { time: Duration::from_secs(5), output: 1024 * 1024 };

    #[tokio::test]
    async fn input_and_output_larger_than_a_pipe_do_not_block() {
        let input = vec![b'x'; 512 * 1024];
        let ran = run(Command::new("cat"), input.clone(), BOUNDS).await.unwrap();
        assert_eq!((ran.code, ran.stdout), (Some(0), input));
    }

    #[tokio::test]
    async fn a_program_that_says_too_much_or_takes_too_long_is_ended() {
        let mut loud = Command::new("head");
        loud.args(["-c", "2000000", "/dev/zero"]);
        assert!(format!("{:#}", run(loud, vec![], BOUNDS).await.unwrap_err()).contains("more than 1048576 bytes"));
        let mut slow = Command::new("sleep");
        slow.arg("60");
        let brief = Bounds { time: Duration::from_millis(50), ..BOUNDS };
        assert!(format!("{:#}", run(slow, vec![], brief).await.unwrap_err()).contains("took longer"));
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_named() {
        let error = run(Command::new("no-such-program"), vec![], BOUNDS).await.unwrap_err();
        assert!(format!("{error:#}").contains("`no-such-program` could not be started"));
    }
}
