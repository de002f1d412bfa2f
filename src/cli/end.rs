//! How a run ends for the person and for the runner: text on stderr, annotations, and one of four numbers.

use chartrel_core::{Refusal, Refused, refusal::Ending};
use std::{io::Write as _, process::ExitCode};

/// Exit codes (DESIGN §3).
const REFUSED: u8 = 1;
const BAD_INPUT: u8 = 2;
const OUTSIDE: u8 = 3;

/// GitHub shows ten annotations of a kind in a step; the last one says how many more there are.
const ANNOTATIONS: usize = 9;

/// Ends a run that failed.
pub(crate) fn failed(error: &anyhow::Error, is_runner: bool) -> ExitCode {
    let refusals = error.chain().find_map(|cause| {
        cause
            .downcast_ref::<Refused>()
            .map(|refused| refused.violations().to_vec())
            .or_else(|| cause.downcast_ref::<Refusal>().map(|one| vec![one.clone()]))
    });
    let Some(refusals) = refusals else {
        say(&format!(
            "error: outside/failed\n  {error:#}\n  help: run it again; if it stays, the service named above is the one to look at"
        ));
        if is_runner {
            annotate(&[format!("{error:#}")]);
        }
        return ExitCode::from(OUTSIDE);
    };
    for refusal in &refusals {
        say(&format!("error: {refusal}"));
    }
    if is_runner {
        annotate(&refusals.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
    let is_refused = refusals.iter().any(|refusal| refusal.code.ending() == Ending::Refused);
    ExitCode::from(if is_refused { REFUSED } else { BAD_INPUT })
}

/// Ends a run whose arguments clap could not read, or that asked for help.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Printing fails only when nobody reads.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(BAD_INPUT) } else { ExitCode::SUCCESS }
}

/// Writes a line to stderr, where all logs go.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Annotations go to stdout, each on one line, escaped so that nothing in them is a command.
fn annotate(messages: &[String]) {
    let mut out = std::io::stdout().lock();
    for message in messages.iter().take(ANNOTATIONS) {
        let _ = writeln!(out, "::error title=chartrel::{}", escape(message));
    }
    if messages.len() > ANNOTATIONS {
        let _ = writeln!(out, "::error title=chartrel::and {} more, see the log", messages.len() - ANNOTATIONS);
    }
}

/// Escapes the data of a workflow command (actions/toolkit, `command.ts`).
fn escape(message: &str) -> String {
    message.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartrel_core::Code;

    #[test]
    fn nothing_in_an_annotation_is_a_command() {
        assert_eq!(escape("50%\n::set-output name=x::y\r"), "50%25%0A::set-output name=x::y%0D");
    }

    #[test]
    fn the_four_ends_have_their_numbers() {
        let ended = |code| format!("{:?}", failed(&anyhow::Error::from(Refusal::new(code, "w", "h")), false));
        assert_eq!(ended(Code::BundleInvalid), format!("{:?}", ExitCode::from(REFUSED)));
        assert_eq!(ended(Code::InputInvalid), format!("{:?}", ExitCode::from(BAD_INPUT)));
        assert_eq!(format!("{:?}", failed(&anyhow::anyhow!("down"), false)), format!("{:?}", ExitCode::from(OUTSIDE)));
    }
}
