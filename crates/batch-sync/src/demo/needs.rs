//! What the demonstration finds on this machine.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// The programs that are not ours.
#[derive(Debug)]
pub(crate) struct Needs {
    pub(crate) redis_server: PathBuf,
    pub(crate) azurite: PathBuf,
}

/// The demonstration starts a Redis and an Azurite of its own, and does not install them.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the demonstration needs what is not here: {}; in a container begin with compose instead \
     (deploy/README.md)",
    .0.join("; ")
)]
pub(crate) struct Missing(Vec<String>);

struct Program {
    name: &'static str,
    variable: &'static str,
    how_to_get: &'static str,
}

const REDIS: Program = Program {
    name: "redis-server",
    variable: "REDIS_SERVER",
    how_to_get: "apt-get install redis-server, dnf install redis or brew install redis",
};

const AZURITE: Program = Program {
    name: "azurite-blob",
    variable: "AZURITE",
    how_to_get: "npm install --global azurite, with Node.js 18 or newer",
};

impl Needs {
    /// Looks at the variables, and then along the PATH.
    ///
    /// # Errors
    ///
    /// Names all that is missing at once.
    pub(crate) fn find() -> Result<Self, Missing> {
        let variables = service::variables();
        let path = variables("PATH").unwrap_or_default();
        Self::within(&path, |name| variables(name).map(PathBuf::from))
    }

    fn within(path: &OsStr, variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Self, Missing> {
        let find = |program: &Program| program.find(path, variable(program.variable));
        match (find(&REDIS), find(&AZURITE)) {
            (Ok(redis_server), Ok(azurite)) => Ok(Self { redis_server, azurite }),
            (redis, azurite) => {
                Err(Missing([redis, azurite].into_iter().filter_map(Result::err).collect()))
            }
        }
    }
}

impl Program {
    fn find(&self, path: &OsStr, named: Option<PathBuf>) -> Result<PathBuf, String> {
        let Self { name, variable, how_to_get } = self;
        if let Some(named) = named {
            let problem = || format!("{variable} names {}, which is no file", named.display());
            return is_program(&named).then(|| named.clone()).ok_or_else(problem);
        }
        let along = || env::split_paths(path).map(|folder| folder.join(name));
        along().find(|file| is_program(file)).ok_or_else(|| {
            format!("no {name} on the PATH ({how_to_get}; or name it in {variable})")
        })
    }
}

fn is_program(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn all_that_is_missing_is_named_at_once_with_how_to_get_it() {
        let missing = Needs::within(OsStr::new("/nowhere"), |_| None).unwrap_err().to_string();

        for words in ["redis-server", "apt-get install", "azurite-blob", "npm install", "AZURITE"] {
            assert!(missing.contains(words), "{missing}");
        }
    }

    #[test]
    fn a_program_is_found_along_the_path_and_a_variable_wins() {
        let folder = tempfile::tempdir().unwrap();
        let here = |name: &str| folder.path().join(name);
        for name in ["redis-server", "azurite-blob", "other"] {
            fs::write(here(name), "").unwrap();
        }
        let path = env::join_paths([Path::new("/nowhere"), folder.path()]).unwrap();

        let found =
            Needs::within(&path, |name| (name == "AZURITE").then(|| here("other"))).unwrap();

        assert_eq!((found.redis_server, found.azurite), (here("redis-server"), here("other")));
        let named = |name: &str| (name == "REDIS_SERVER").then(|| PathBuf::from("/nowhere/redis"));
        let missing = Needs::within(&path, named).unwrap_err().to_string();
        assert!(missing.contains("REDIS_SERVER names /nowhere/redis"), "{missing}");
    }
}
