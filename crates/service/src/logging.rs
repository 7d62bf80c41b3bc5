use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use crate::harmless::Harmless;

/// Our own crates tell what happens; libraries speak up only when something is wrong.
const DEFAULT_FILTER: &str = "warn,audit=info,blob_store=info,consumer=info,entra=info,\
                              generate_upload=info,job_queue=info,producer=info,salesforce_simulator=info";

/// Sends logs to what `writer` gives: stderr, or something that ends there.
///
/// `RUST_LOG` chooses what is shown (default: `info` of ours, `warn` of libraries); colour is used on a
/// terminal only, and never when `NO_COLOR` is set. An event is one line, whatever foreign text is in it.
pub fn init_logging<W: Write>(writer: impl Fn() -> W + Send + Sync + 'static) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| DEFAULT_FILTER.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || Harmless::log(writer()))
        .with_ansi(wants_colour())
        .with_target(false)
        .init();
}

#[expect(clippy::disallowed_methods, reason = "NO_COLOR is a convention, not a setting of ours")]
fn wants_colour() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
