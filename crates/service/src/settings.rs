//! Settings: flag > environment > `.env` > default.
//!
//! clap knows each setting once, with its flag, variable, help and default.
//! This module adds what clap does not do: `.env`, empty variables that count
//! as not set, and `NAME_FILE` for secrets.

use std::{collections::BTreeMap, ffi::OsString, fs, io, path::Path};

use clap::{Arg, Command, Parser, builder::Resettable, error::ErrorKind};

/// Reads the arguments of this process.
///
/// An argument with `env` and `hide_env_values = true` is a secret: `NAME_FILE`
/// may name a file that holds it. Wrong usage prints what clap says and ends
/// the process with code 2.
pub fn parse<T: Parser>() -> T {
    let environment = Environment::of_this_process().unwrap_or_else(|message| {
        T::command().error(ErrorKind::ValueValidation, message).exit();
    });
    parse_from(std::env::args_os(), &environment).unwrap_or_else(|error| error.exit())
}

fn parse_from<T: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<T, clap::Error> {
    let mut command = T::command();
    let command = environment.fill_in(&mut command)?;
    let mut matches = command.clone().try_get_matches_from(arguments)?;
    T::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command.clone()))
}

type Variables = BTreeMap<String, String>;

/// The variables of the process, then those of `.env`; empty ones are left out.
struct Environment([Variables; 2]);

impl Environment {
    fn of_this_process() -> Result<Self, String> {
        let own = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
                .filter(|(_, value)| !value.is_empty())
        });
        Ok(Self([own.collect(), dotenv_variables(Path::new(".env"))?]))
    }

    /// Hands each argument its value from here, as clap's default, so that a
    /// flag still wins.
    fn fill_in(&self, command: &mut Command) -> Result<Command, clap::Error> {
        let mut problem = None;
        let filled = self.fill_in_arguments(std::mem::take(command), &mut problem);
        match problem {
            None => Ok(filled),
            Some(message) => Err(filled.clone().error(ErrorKind::ValueValidation, message)),
        }
    }

    fn fill_in_arguments(&self, command: Command, problem: &mut Option<String>) -> Command {
        let names: Vec<String> =
            command.get_subcommands().map(|child| child.get_name().to_owned()).collect();
        let command = command.mut_args(|argument| match self.value_of(&argument) {
            Ok(value) => with_value(argument, value),
            Err(message) => {
                problem.get_or_insert(message);
                argument
            }
        });
        names.into_iter().fold(command, |command, name| {
            command.mut_subcommand(name, |child| self.fill_in_arguments(child, problem))
        })
    }

    fn value_of(&self, argument: &Arg) -> Result<Option<String>, String> {
        let Some(name) = argument.get_env().and_then(|name| name.to_str()) else {
            return Ok(None);
        };
        let file_name = format!("{name}_FILE");
        for variables in &self.0 {
            if let Some(value) = variables.get(name) {
                return Ok(Some(value.clone()));
            }
            if let Some(path) =
                variables.get(&file_name).filter(|_| argument.is_hide_env_values_set())
            {
                return secret_in(path)
                    .map(Some)
                    .map_err(|error| format!("{file_name}: could not read {path}: {error}"));
            }
        }
        Ok(None)
    }
}

fn secret_in(path: &str) -> io::Result<String> {
    Ok(fs::read_to_string(path)?.trim_end_matches(['\r', '\n']).to_owned())
}

/// clap reads the environment on its own where `env` is set, empty values
/// included: taking `env` away leaves our value as the only one.
fn with_value(argument: Arg, value: Option<String>) -> Arg {
    if argument.get_env().is_none() {
        return argument;
    }
    match value {
        None if variable_is_empty(&argument) => argument.env(Resettable::Reset),
        None => argument,
        Some(value) => argument
            .env(Resettable::Reset)
            .required(false)
            .hide_default_value(true)
            .default_value(value),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn variable_is_empty(argument: &Arg) -> bool {
    argument
        .get_env()
        .is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()))
}

fn dotenv_variables(path: &Path) -> Result<Variables, String> {
    let entries = match dotenvy::from_path_iter(path) {
        Ok(entries) => entries,
        Err(error) if error.not_found() => return Ok(BTreeMap::new()),
        Err(error) => return Err(format!("{}: could not be read: {error}", path.display())),
    };
    let mut variables = BTreeMap::new();
    for entry in entries {
        // dotenvy's message quotes the line, which may hold a secret.
        let (name, value) =
            entry.map_err(|_| format!("{}: a line is not NAME=value", path.display()))?;
        if !value.is_empty() {
            variables.insert(name, value);
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use secrecy::{ExposeSecret, SecretString};

    use super::*;

    #[derive(Debug, Parser)]
    struct Sample {
        #[arg(long, env = "SAMPLE_ROWS", default_value_t = 100)]
        rows: u32,
        #[arg(long, env = "SAMPLE_KEY", hide_env_values = true)]
        key: Option<SecretString>,
        #[arg(long, env = "SAMPLE_FILE_NAME")]
        file_name: Option<String>,
    }

    fn parsed(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Sample, clap::Error> {
        parsed_over(arguments, variables, &[])
    }

    fn parsed_over(
        arguments: &[&str],
        variables: &[(&str, &str)],
        dotenv: &[(&str, &str)],
    ) -> Result<Sample, clap::Error> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment =
            Environment([variables, dotenv].map(|some| some.iter().map(owned).collect()));
        let arguments = std::iter::once("sample").chain(arguments.iter().copied());
        parse_from(arguments.map(OsString::from), &environment)
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_default() {
        assert_eq!(parsed(&[], &[]).unwrap().rows, 100);
        assert_eq!(parsed(&[], &[("SAMPLE_ROWS", "7")]).unwrap().rows, 7);
        assert_eq!(parsed(&["--rows", "8"], &[("SAMPLE_ROWS", "7")]).unwrap().rows, 8);
    }

    #[test]
    fn a_secret_can_come_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "s3cret\n").unwrap();

        let sample = parsed(&[], &[("SAMPLE_KEY_FILE", path.to_str().unwrap())]).unwrap();

        assert_eq!(sample.key.unwrap().expose_secret(), "s3cret");
    }

    #[test]
    fn a_secret_file_of_the_environment_wins_over_a_secret_in_the_env_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "from file").unwrap();

        let variables = [("SAMPLE_KEY_FILE", path.to_str().unwrap())];
        let sample = parsed_over(&[], &variables, &[("SAMPLE_KEY", "from .env")]).unwrap();

        assert_eq!(sample.key.unwrap().expose_secret(), "from file");
    }

    #[test]
    fn only_secrets_are_read_from_files() {
        let sample = parsed(&[], &[("SAMPLE_FILE_NAME_FILE", "/nowhere")]).unwrap();

        assert_eq!(sample.file_name, None);
    }

    #[test]
    fn a_missing_secret_file_is_named() {
        let error = parsed(&[], &[("SAMPLE_KEY_FILE", "/nowhere")]).unwrap_err().to_string();

        assert!(error.contains("SAMPLE_KEY_FILE: could not read /nowhere"), "{error}");
    }

    #[test]
    fn the_env_file_skips_empty_values_and_never_quotes_a_bad_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        fs::write(&path, "# comment\nA=1\nB=\nC=\"two words\"\n").unwrap();
        let variables = dotenv_variables(&path).unwrap();
        assert_eq!(
            variables.into_iter().collect::<Vec<_>>(),
            [("A".to_owned(), "1".to_owned()), ("C".to_owned(), "two words".to_owned())]
        );

        fs::write(&path, "SECRET hunter2\n").unwrap();
        let message = dotenv_variables(&path).unwrap_err();
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn help_shows_no_value_from_the_environment() {
        let help = parsed(&["--help"], &[("SAMPLE_KEY", "hunter2")]).unwrap_err().to_string();

        assert!(!help.contains("hunter2"), "{help}");
    }
}
