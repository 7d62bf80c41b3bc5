//! Reads a configuration of Data Loader, and writes the loads that it says as a file of loads. Pure:
//! files are read by the command.
//!
//! ```text
//! process-conf.xml ──beans──▶ Bean, one a process ──conversion──▶ Converted ──text──▶ loads.toml
//! ```
//!
//! It is here and not in the crate `load`: half of what such a configuration says is of programs
//! (sign-in, encoding, batches), and no consumer needs to read it.

mod beans;
mod conversion;
mod environment;
mod names;
mod no_counterpart;
#[cfg(test)]
mod tests;
mod text;

use ingest_core::shown;

use self::beans::Bean;

/// Bytes of a configuration, at most.
pub(crate) const CONFIGURATION_BYTES_MAX: usize = 1 << 20;

/// A configuration that cannot be converted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidConfiguration {
    /// Something in it cannot be read.
    #[error("line {line}: {problem}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// There is no such bean.
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

/// The file of loads that a configuration says.
///
/// `name` is how the configuration is called in comments; `common` are the settings of
/// `config.properties`, which those of each process overrule. Without a `bean` all of them are
/// converted.
///
/// # Errors
///
/// When the configuration cannot be read, when it has no such bean, and when no load comes of it.
pub(crate) fn loads_file(
    name: &str,
    xml: &str,
    common: &[(String, String)],
    bean: Option<&str>,
) -> Result<String, InvalidConfiguration> {
    let beans = beans::read(xml)?;
    let chosen = match bean {
        None => beans,
        Some(name) => vec![find(beans, name)?],
    };
    let converted = conversion::convert(&chosen, common);
    if converted.loads.is_empty() {
        return Err(InvalidConfiguration::NoLoad(match converted.without_load.as_slice() {
            [] => vec![
                "there is no process in it; name the process-conf.xml of Data Loader".to_owned(),
            ],
            reasons => reasons.iter().map(ToString::to_string).collect(),
        }));
    }
    Ok(text::of(name, !common.is_empty(), &converted))
}

fn find(beans: Vec<Bean>, name: &str) -> Result<Bean, InvalidConfiguration> {
    let known = beans.iter().map(|bean| bean.id.clone()).collect();
    let found = beans.into_iter().find(|bean| bean.is_called(name));
    found.ok_or_else(|| InvalidConfiguration::NoSuchBean { name: name.to_owned(), known })
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
fn quoted(text: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    format!("`{}`", shown(text, CHARACTERS_MAX))
}
