//! What every program does first and last: settings, logging, shutdown, exit; what it can say of
//! itself; and the server by which it says it.
//!
//! ```text
//! parse ──▶ init_logging ──▶ shutdown_token ──▶ the program's run() ──▶ exit
//! ```

mod arguments;
mod descriptors;
mod dotenv;
mod dotenv_warnings;
mod duration;
mod environment;
mod exit;
mod figures;
mod harmless;
mod health;
mod http;
mod json_log;
mod logging;
mod memory;
mod metrics;
mod networks;
mod process;
mod settings;
mod shell;
mod shutdown;
mod size;
mod traces;

pub use descriptors::raise_descriptor_limit;
pub use dotenv_warnings::misspelt;
pub use duration::{parse_duration, parse_timeout};
pub use environment::variables;
pub use exit::{DONE_WITH_REJECTS, USAGE, exit, failed, run_on, unless_closed, with_causes};
pub use figures::grouped;
pub use harmless::{Harmless, SENTENCE_MAX, stderr, stdout};
pub use health::HealthArgs;
pub use http::{HttpLimits, HttpServer};
pub use ingest_core::{few, shown};
use logging::LOG_FORMAT;
pub use logging::{init_logging, say, writes_json};
pub use memory::{peak_resident_bytes, resident_bytes};
pub use metrics::{Component, Metrics};
pub use networks::Networks;
pub use settings::{parse, parse_with, refuse};
pub use shell::with_shell_commands;
pub use shutdown::{ask_to_end, interrupted, shutdown_token};
pub use size::bytes_within;
pub use traces::{SpanRole, TraceSpan, is_chosen_for_trace, traces_are_on};

/// Settings of every program that are no arguments of a command.
pub const VARIABLES: &[&str] =
    &[LOG_FORMAT, traces::ENDPOINT, traces::SERVICE_NAME, traces::SAMPLER_ARG];

/// A name for a worker that no other process of its kind has, and not this one when it starts again.
pub fn unique_name(kind: &str) -> String {
    format!("{kind}-{}-{:08x}", std::process::id(), fastrand::u32(..))
}
