//! What every program does first and last: settings, logging, shutdown, exit; what it can say of
//! itself; and the server by which it says it.
//!
//! ```text
//! parse ──▶ init_logging ──▶ shutdown_token ──▶ the program's run() ──▶ exit
//! ```

mod completions;
mod descriptors;
mod dotenv;
mod duration;
mod harmless;
mod http;
mod logging;
mod memory;
mod metrics;
mod networks;
mod process;
mod settings;
mod shutdown;

use std::{
    error::Error,
    io::{self, Write},
    iter,
    process::ExitCode,
};

pub use completions::{CompletionsArgs, print_completions};
pub use descriptors::raise_descriptor_limit;
pub use duration::{parse_duration, parse_timeout};
pub use harmless::{Harmless, SENTENCE_MAX, stderr, stdout};
pub use http::{HttpLimits, HttpServer};
pub use ingest_core::{few, shown};
pub use logging::init_logging;
pub use memory::{peak_resident_bytes, resident_bytes};
pub use metrics::{Component, Metrics};
pub use networks::Networks;
pub use settings::{parse, variables};
pub use shutdown::{interrupted, shutdown_token};

/// The work was done, but some rows were rejected.
pub const DONE_WITH_REJECTS: u8 = 3;

/// Settings or arguments are wrong; clap uses the same code.
pub const USAGE: u8 = 2;

/// Turns the result of a program's `run` into its exit code.
///
/// A failure prints one line, `error: …` with all its causes, on stderr and
/// gives the code 1.
pub fn exit(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        if is_closed_pipe(&error) {
            return ExitCode::SUCCESS;
        }
        // A closed stderr is no reason to panic on the way out.
        let line = shown(&with_causes(error.as_ref()), SENTENCE_MAX);
        let _closed = writeln!(stderr(), "error: {line}");
        ExitCode::FAILURE
    })
}

/// Who reads our output has seen enough, as in `producer runs | head`.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
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

/// A name for a worker that no other process of its kind has, and not this one when it starts again.
pub fn unique_name(kind: &str) -> String {
    format!("{kind}-{}-{:08x}", std::process::id(), fastrand::u32(..))
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn each_cause_is_said_once() {
        let error = anyhow!("refused").context("no answer: refused").context("redis is away");

        assert_eq!(with_causes(error.as_ref()), "redis is away: no answer: refused");
    }
}
