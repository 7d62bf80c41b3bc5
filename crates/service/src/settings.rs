//! Settings: flag > environment > `.env` > default.
//!
//! clap knows each setting once, with its flag, variable, help and default.
//! This module adds what clap does not do: `.env`, empty variables that count
//! as not set, and `NAME_FILE` for secrets.
//!
//! A secret whose flag, file or value was given and holds nothing is an error:
//! who wrote it meant one, and without it a door may be open.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
    path::Path,
};

use clap::{
    Arg, ArgMatches, Command, Parser,
    builder::Resettable,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

use crate::{
    arguments::{all_arguments, name_of},
    dotenv::DotEnv,
    dotenv_warnings::warnings_of,
    environment::Environment,
    logging,
    shell::{self, with_shell_commands},
};

/// Reads the arguments of this process.
///
/// Every program also has the commands `completions` and `man`: they are done here, and end the process.
///
/// An argument with `env` and `hide_env_values = true` is a secret: `NAME_FILE`
/// may name a file that holds it. Wrong usage prints what clap says and ends
/// the process with code 2. A `.env` that holds a secret of this program and
/// can be read by others is warned of on stderr.
pub fn parse<T: Parser>() -> T {
    parse_with(&[])
}

/// The same for a program that reads these variables beside those of its arguments.
pub fn parse_with<T: Parser>(variables: &[String]) -> T {
    let dotenv = DotEnv::read(Path::new(".env")).unwrap_or_else(|message| {
        refuse(&T::command().error(ErrorKind::ValueValidation, message));
    });
    let warnings = warnings_of(&T::command(), variables, &dotenv);
    let environment = Environment::of_this_process(dotenv.variables);
    let parsed =
        parse_from(std::env::args_os(), &environment).unwrap_or_else(|error| refuse(&error));
    if let Some(message) = logging::invalid_log_format() {
        refuse(&T::command().error(ErrorKind::ValueValidation, message));
    }
    if let Some(message) = tls::unusable_proxy().or_else(tls::unreadable_authorities) {
        refuse(&T::command().error(ErrorKind::ValueValidation, message));
    }
    for warning in warnings {
        logging::say(&format!("warning: {}", crate::shown(&warning, crate::SENTENCE_MAX)));
    }
    match parsed {
        Parsed::Program(program) => program,
        Parsed::Answered(answered) => end(answered),
    }
}

/// What the command line asks for.
enum Parsed<T> {
    /// The program is to do it.
    Program(T),
    /// It was one of the commands that every program has, and is done.
    Answered(io::Result<()>),
}

/// Ends the process as a program ends that did this.
fn end(answered: io::Result<()>) -> ! {
    let is_closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    match answered {
        Err(error) if !is_closed(&error) => {
            logging::say_error(&error.to_string());
            std::process::exit(1);
        }
        _ => std::process::exit(0),
    }
}

/// Ends the process as clap does: wrong usage with its code 2, and what somebody asked for, such as
/// `--help`, with 0. A value that cannot be is one sentence, without how the command is called: that was
/// right.
pub fn refuse(error: &clap::Error) -> ! {
    let is_value = error.kind() == ErrorKind::ValueValidation;
    if !error.use_stderr() || !(is_value || logging::writes_json()) {
        error.exit();
    }
    logging::say_error(&sentence_of(error));
    std::process::exit(error.exit_code())
}

/// What it says, without the hints for a person at a terminal.
fn sentence_of(error: &clap::Error) -> String {
    let text = error.to_string();
    let sentence = text.split("\n\nUsage:").next().unwrap_or_default();
    let sentence = sentence.split("\n\nFor more information").next().unwrap_or_default().trim();
    sentence.strip_prefix("error: ").unwrap_or(sentence).to_owned()
}

/// Says it of the variable, where nobody wrote the flag that clap names.
fn said_of_variables(
    error: &clap::Error,
    command: &Command,
    arguments: &[OsString],
    environment: &Environment,
) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let argument = all_arguments(command).find(|argument| argument.to_string() == *flag)?;
    let long = format!("--{}", argument.get_long()?);
    let is_written = arguments.iter().any(|written| {
        let written = written.to_string_lossy();
        written.split('=').next() == Some(long.as_str())
    });
    let name = name_of(argument)?;
    let is_set = environment.value_of(argument).is_ok_and(|value| value.is_some());
    let sentence = sentence_of(error).replace(&format!("'{flag}'"), &name);
    (is_set && !is_written).then_some(sentence)
}

fn parse_from<T: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<Parsed<T>, clap::Error> {
    let mut command = with_shell_commands(T::command());
    let command = environment.fill_in(&mut command)?;
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let matched = command.clone().try_get_matches_from(&arguments);
    let mut matches = matched.map_err(|error| {
        let mut plain = T::command();
        plain.build();
        match said_of_variables(&error, &plain, &arguments, environment) {
            Some(sentence) => command.clone().error(ErrorKind::ValueValidation, sentence),
            None => error,
        }
    })?;
    if let Some(answered) = shell::answer(&with_shell_commands(T::command()), &matches) {
        return Ok(Parsed::Answered(answered));
    }
    if let Some(message) = blank_secret(&T::command(), &matches) {
        return Err(command.clone().error(ErrorKind::ValueValidation, message));
    }
    let program = T::from_arg_matches_mut(&mut matches);
    program.map(Parsed::Program).map_err(|error| error.format(&mut command.clone()))
}

/// What to say of a secret that was given and holds nothing.
fn blank_secret(command: &Command, matches: &ArgMatches) -> Option<String> {
    let own = command.get_arguments().filter(|argument| argument.is_hide_env_values_set());
    let blank = own.filter_map(|argument| {
        let id = argument.get_id().as_str();
        let value = matches.try_get_raw(id).ok()??.next()?.to_str()?;
        let given = match (argument.get_long(), matches.value_source(id)) {
            (Some(flag), Some(ValueSource::CommandLine)) => format!("--{flag}"),
            _ => name_of(argument)?,
        };
        value.trim().is_empty().then(|| format!("{given} is blank; give a value, or leave it out"))
    });
    let of_child = || {
        let (name, matches) = matches.subcommand()?;
        blank_secret(command.find_subcommand(name)?, matches)
    };
    blank.into_iter().next().or_else(of_child)
}

impl Environment {
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
                    .map_err(|problem| format!("{file_name}: {problem}"));
            }
        }
        Ok(None)
    }
}

/// Bytes of a file with a secret: a key for a JWT has some thousands.
const SECRET_BYTES_MAX: u64 = 64 << 10;

fn secret_in(path: &str) -> Result<String, String> {
    let mut text = String::new();
    let read =
        File::open(path).and_then(|file| file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text));
    read.map_err(|error| format!("could not read {path}: {error}"))?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(format!("{path} is longer than any secret; name the file that holds it alone"));
    }
    match text.trim_end_matches(['\r', '\n']) {
        blank if blank.trim().is_empty() => {
            Err(format!("{path} is empty; write the secret into it"))
        }
        secret => Ok(secret.to_owned()),
    }
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

#[cfg(test)]
mod tests {
    use secrecy::{ExposeSecret, SecretString};

    use std::fs;

    use super::*;

    #[derive(Debug, Parser)]
    struct Sample {
        #[arg(long, env = "SAMPLE_ROWS", default_value_t = 100)]
        rows: u32,
        #[arg(long, env = "SAMPLE_KEY", hide_env_values = true)]
        key: Option<SecretString>,
        #[arg(long, env = "SAMPLE_FILE_NAME")]
        file_name: Option<String>,
        #[command(subcommand)]
        inner: Option<Inner>,
    }

    #[derive(Debug, clap::Subcommand)]
    enum Inner {
        Sub {
            #[arg(long, env = "INNER_KEY", hide_env_values = true)]
            _inner_key: Option<SecretString>,
        },
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
        match parse_from(arguments.map(OsString::from), &environment)? {
            Parsed::Program(sample) => Ok(sample),
            Parsed::Answered(_) => unreachable!("no test asks for it"),
        }
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_default() {
        assert_eq!(parsed(&[], &[]).unwrap().rows, 100);
        assert_eq!(parsed(&[], &[("SAMPLE_ROWS", "7")]).unwrap().rows, 7);
        assert_eq!(parsed(&["--rows", "8"], &[("SAMPLE_ROWS", "7")]).unwrap().rows, 8);
    }

    #[test]
    fn a_value_that_cannot_be_is_said_of_where_it_was_written() {
        for (arguments, variables, expected) in [
            (
                &[][..],
                "many",
                "invalid value 'many' for SAMPLE_ROWS: invalid digit found in string",
            ),
            (
                &["sub"],
                "many",
                "invalid value 'many' for SAMPLE_ROWS: invalid digit found in string",
            ),
            (
                &["--rows", "few"],
                "7",
                "invalid value 'few' for '--rows <ROWS>': invalid digit found in string",
            ),
        ] {
            let error = parsed(arguments, &[("SAMPLE_ROWS", variables)]).unwrap_err();
            assert_eq!(sentence_of(&error), expected);
            assert_eq!(error.exit_code(), 2);
        }
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
    fn a_secret_that_is_given_and_holds_nothing_is_wrong_usage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, " \r\n").unwrap();
        let path = path.to_str().unwrap();

        for (arguments, variables, expected) in [
            (
                &["--key", ""][..],
                &[][..],
                "--key is blank; give a value, or leave it out".to_owned(),
            ),
            (&["--key=  "], &[], "--key is blank".to_owned()),
            (&["sub", "--inner-key="], &[], "--inner-key is blank".to_owned()),
            (&[], &[("SAMPLE_KEY", " ")], "SAMPLE_KEY is blank".to_owned()),
            (&["sub"], &[("INNER_KEY", " ")], "INNER_KEY is blank".to_owned()),
            (&[], &[("SAMPLE_KEY_FILE", path)], format!("SAMPLE_KEY_FILE: {path} is empty")),
            (
                &[],
                &[("SAMPLE_KEY_FILE", "/dev/zero")],
                "SAMPLE_KEY_FILE: /dev/zero is longer than any secret".to_owned(),
            ),
        ] {
            let error = parsed(arguments, variables).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(&expected), "{arguments:?}: {error}");
        }
        let sample = parsed(&["--file-name", ""], &[]).unwrap();
        assert_eq!(sample.file_name.as_deref(), Some(""), "it is no secret");
    }

    #[test]
    fn help_shows_no_value_from_the_environment() {
        let help = parsed(&["--help"], &[("SAMPLE_KEY", "hunter2")]).unwrap_err().to_string();

        assert!(!help.contains("hunter2"), "{help}");
    }
}
