//! Why a configuration cannot be converted.

use ingest_core::shown;

/// A configuration that cannot be converted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidConfiguration {
    /// The file is no `process-conf.xml`, or has something that cannot be read.
    #[error("line {line}: {problem}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The name is mistyped; a process is the `id` of a bean in the file.
    #[error("there is no process {}; there are {}", quoted(name), listed(known))]
    NoSuchBean {
        /// What was asked for.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// No bean makes a load.
    #[error("{}", .0.join("; "))]
    NoLoad(Vec<String>),
}

/// Names in a message, at most.
const NAMES_MAX: usize = 20;

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMES_MAX).map(|name| quoted(name)).collect();
    match names.len().checked_sub(NAMES_MAX).filter(|more| *more > 0) {
        None if names.is_empty() => "none".to_owned(),
        None => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Text of the configuration in a message or a comment: always one line.
pub(super) fn quoted(text: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    format!("`{}`", shown(text, CHARACTERS_MAX))
}
