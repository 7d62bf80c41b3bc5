//! The variables that settings are read from.

use std::{ffi::OsString, path::Path};

use crate::dotenv::{DotEnv, Variables};

/// What variables say, of this process or else of `.env`, for settings that are no arguments of a
/// command. An empty one says nothing.
pub fn variables() -> impl Fn(&str) -> Option<OsString> {
    // One that cannot be read has ended the process in `parse`.
    let dotenv = DotEnv::read(Path::new(".env")).map(|it| it.variables).unwrap_or_default();
    let environment = Environment::of_this_process(dotenv);
    move |name| environment.0.iter().find_map(|variables| variables.get(name)).map(OsString::from)
}

/// The variables of the process, then those of `.env`; empty ones are left out.
pub(crate) struct Environment(pub(crate) [Variables; 2]);

impl Environment {
    pub(crate) fn of_this_process(dotenv: Variables) -> Self {
        let own = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
                .filter(|(_, value)| !value.is_empty())
        });
        Self([own.collect(), dotenv])
    }
}
