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
mod environment;
mod exit;
mod harmless;
mod health;
mod http;
mod json_log;
mod logging;
mod memory;
mod networks;
mod settings;
mod shutdown;

pub use completions::{CompletionsArgs, print_completions};
pub use descriptors::raise_descriptor_limit;
pub use duration::{parse_duration, parse_timeout};
pub use environment::variables;
pub use exit::{DONE_WITH_REJECTS, USAGE, exit, failed, with_causes};
pub use harmless::{Harmless, SENTENCE_MAX, stderr, stdout};
pub use health::HealthArgs;
pub use http::{HttpLimits, HttpServer};
pub use ingest_core::{few, shown};
use logging::LOG_FORMAT;
pub use logging::{init_logging, say, writes_json};
pub use memory::{peak_resident_bytes, resident_bytes};
pub use networks::Networks;
pub use settings::{parse, refuse};
pub use shutdown::{interrupted, shutdown_token};

/// Settings of every program that are no arguments of a command.
pub const VARIABLES: &[&str] = &[LOG_FORMAT];

/// A name for a worker that no other process of its kind has, and not this one when it starts again.
pub fn unique_name(kind: &str) -> String {
    format!("{kind}-{}-{:08x}", std::process::id(), fastrand::u32(..))
}
