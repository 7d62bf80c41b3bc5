use std::{
    io::{IsTerminal, Write},
    sync::OnceLock,
};

use tracing::{Level, dispatcher};
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::{
    environment::variables,
    harmless::{Harmless, stderr},
    json_log::{JsonLog, json_line, text},
};

/// The setting that chooses how logs are written.
pub const LOG_FORMAT: &str = "LOG_FORMAT";

/// Our own crates tell what happens; libraries speak up only when something is wrong.
const DEFAULT_FILTER: &str = "warn,audit=info,blob_store=info,consumer=info,generate_upload=info,\
                              job_queue=info,producer=info,said=info,salesforce_simulator=info";

/// How logs, and whatever else is said on stderr, are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Sends logs to what `writer` gives: stderr, or something that ends there.
///
/// `RUST_LOG` chooses what is shown (default: `info` of ours, `warn` of libraries), and `LOG_FORMAT`
/// how: `text`, or `json`. Colour is used for text on a terminal only, and never when `NO_COLOR` is set.
/// An event is one line, whatever foreign text is in it.
pub fn init_logging<W: Write>(writer: impl Fn() -> W + Send + Sync + 'static) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| DEFAULT_FILTER.into());
    match log_format() {
        LogFormat::Json => {
            let log = JsonLog::new(move || Harmless::new(writer()));
            tracing_subscriber::registry().with(filter).with(log).init();
        }
        LogFormat::Text => {
            let log = fmt::layer()
                .with_writer(move || Harmless::log(writer()))
                .with_ansi(wants_colour())
                .with_target(false);
            // A sentence for people names its run and batch. Without spans nothing keeps them either.
            let is_event = filter_fn(|metadata| metadata.is_event());
            tracing_subscriber::registry().with(filter).with(is_event).with(log).init();
        }
    }
}

/// Says a line to people, on stderr: the progress of what they started. It is a line of the log when
/// that is JSON, so that whoever reads stderr finds nothing else there.
pub fn say(text: &str) {
    if !writes_json() {
        // A closed stderr is no reason to end the work.
        let _closed = writeln!(stderr(), "{text}");
    } else if dispatcher::has_been_set() {
        text.lines().for_each(|line| tracing::info!(target: "said", "{line}"));
    } else {
        text.lines().for_each(|line| write_json(Level::INFO, line));
    }
}

/// The last words of a program that fails. No filter leaves them out.
pub(crate) fn say_error(sentence: &str) {
    if writes_json() {
        return write_json(Level::ERROR, sentence);
    }
    // A closed stderr is no reason to panic on the way out.
    let _closed = writeln!(stderr(), "error: {sentence}");
}

/// Whether stderr is for programs: no colours, bars, or questions.
pub fn writes_json() -> bool {
    log_format() == LogFormat::Json
}

/// What to say of a `LOG_FORMAT` that is none.
pub(crate) fn invalid_log_format() -> Option<String> {
    let value = variables()(LOG_FORMAT)?;
    let problem = || format!("{LOG_FORMAT} is text or json");
    parsed(&value.to_string_lossy()).is_none().then(problem)
}

fn log_format() -> LogFormat {
    static FORMAT: OnceLock<LogFormat> = OnceLock::new();
    *FORMAT.get_or_init(|| {
        let value = variables()(LOG_FORMAT);
        // One that is none has ended the process in `parse`.
        value.and_then(|value| parsed(&value.to_string_lossy())).unwrap_or(LogFormat::Text)
    })
}

fn parsed(value: &str) -> Option<LogFormat> {
    match value {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

fn write_json(level: Level, sentence: &str) {
    let line = json_line(level, env!("CARGO_PKG_NAME"), &[("message", text(sentence))]);
    let _closed = stderr().write_all(line.as_bytes());
}

#[expect(clippy::disallowed_methods, reason = "NO_COLOR is a convention, not a setting of ours")]
fn wants_colour() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
