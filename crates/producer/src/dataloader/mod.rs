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
mod problem;
mod said;
#[cfg(test)]
mod tests;
mod text;

use self::beans::Bean;
pub(crate) use self::problem::InvalidConfiguration;

/// Bytes of a configuration, at most.
pub(crate) const CONFIGURATION_BYTES_MAX: usize = 1 << 20;

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
