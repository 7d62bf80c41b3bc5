//! How a program ends: its last words, and its exit code.

use std::{error::Error, io, iter, process::ExitCode};

use ingest_core::shown;
use tokio::runtime::Runtime;

use crate::{harmless::SENTENCE_MAX, logging::say_error, traces::flush_traces};

/// The work was done, but some rows were rejected.
pub const DONE_WITH_REJECTS: u8 = 3;

/// It did not work, for a reason that may pass by itself.
const FAILED: u8 = 1;

/// A person must act before the same command can work: settings or arguments are wrong, or a sign-in is
/// refused. clap uses the same code.
pub const USAGE: u8 = 2;

/// Does the work of a program on this runtime, and gives its [exit code](exit).
///
/// What blocks a thread of the runtime by then is not waited for: a name that is looked up where no
/// name server answers takes half a minute.
pub fn run_on(
    runtime: io::Result<Runtime>,
    work: impl Future<Output = anyhow::Result<ExitCode>>,
) -> ExitCode {
    exit(runtime.map_err(Into::into).and_then(|runtime| {
        let ended = runtime.block_on(work);
        runtime.shutdown_background();
        ended
    }))
}

/// Turns the result of a program's `run` into its exit code.
///
/// A failure prints one line, `error: …` with all its causes, on stderr and
/// gives the code 1.
pub fn exit(result: anyhow::Result<ExitCode>) -> ExitCode {
    flush_traces();
    result.unwrap_or_else(|error| match is_closed_pipe(&error) {
        true => ExitCode::SUCCESS,
        false => failed(&error, FAILED),
    })
}

/// Prints one line, `error: …` with all its causes, on stderr, and gives the code.
pub fn failed(error: &anyhow::Error, code: u8) -> ExitCode {
    say_error(&shown(&with_causes(error.as_ref()), SENTENCE_MAX));
    code.into()
}

/// What came of printing, unless who reads it has seen enough: then the exit code says the rest.
///
/// # Errors
///
/// When it could not be printed for another reason.
pub fn unless_closed(printed: anyhow::Result<()>) -> anyhow::Result<()> {
    printed.or_else(|error| if is_closed_pipe(&error) { Ok(()) } else { Err(error) })
}

/// Who reads our output has seen enough, as in `producer runs | head`.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let of_json =
        error.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
    let kind = error.downcast_ref().map(io::Error::kind).or(of_json);
    kind == Some(io::ErrorKind::BrokenPipe)
}

/// An error and its causes in one line. Some libraries put a cause into the
/// sentence and give it as the cause as well: it is said once.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let chain = iter::successors(Some(error), |error| (*error).source());
    chain.fold(String::new(), |line, cause| match cause.to_string() {
        cause if line.is_empty() => cause,
        cause if line.ends_with(&cause) => line,
        cause => format!("{line}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_thread_that_blocks_keeps_no_program_from_its_end() {
        let (answer, answers) = mpsc::channel::<()>();

        let code = run_on(Runtime::new(), async {
            tokio::task::spawn_blocking(move || answers.recv());
            Ok(ExitCode::from(7))
        });

        assert_eq!(code, ExitCode::from(7));
        drop(answer);
    }

    #[test]
    fn each_cause_is_said_once() {
        let error = anyhow!("refused").context("no answer: refused").context("redis is away");

        assert_eq!(with_causes(error.as_ref()), "redis is away: no answer: refused");
    }
}
