//! Where settings of a load are said beside files: on the command line, and in the environment.

use std::ffi::OsString;

use clap::{
    Arg, ArgMatches, Args, Command, FromArgMatches, Id, builder::Resettable, error::ErrorKind,
};

use crate::LoadSettings;

/// What flags alone say of a load: the arguments of [`LoadSettings`] without the variables, which are
/// the load `default`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadFlags(pub LoadSettings);

impl Args for LoadFlags {
    fn group_id() -> Option<Id> {
        LoadSettings::group_id()
    }

    fn augment_args(command: Command) -> Command {
        without_variables(LoadSettings::augment_args(command))
    }

    fn augment_args_for_update(command: Command) -> Command {
        without_variables(LoadSettings::augment_args_for_update(command))
    }
}

impl FromArgMatches for LoadFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        LoadSettings::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        LoadSettings::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}

/// The help names the variable instead, which says the same of the load `default`.
fn without_variables(command: Command) -> Command {
    arguments().iter().fold(command, |command, argument| {
        command.mut_arg(argument.get_id(), |flag| match variable_of(&flag) {
            None => flag,
            Some(variable) => {
                let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
                let help = format!("{help} [load `default`: {variable}]");
                let flag = flag.env(Resettable::Reset).help(help);
                let long_help = flag.get_long_help().map(ToString::to_string);
                match long_help {
                    None => flag,
                    Some(long) => flag.long_help(format!("{long}\n\n[load `default`: {variable}]")),
                }
            }
        })
    })
}

fn arguments() -> Vec<Arg> {
    LoadSettings::augment_args(Command::new("load")).get_arguments().cloned().collect()
}

/// The variables that say the load `default`.
#[must_use]
pub fn variables() -> Vec<String> {
    arguments().iter().filter_map(variable_of).collect()
}

fn variable_of(argument: &Arg) -> Option<String> {
    argument.get_env().and_then(|name| name.to_str()).map(str::to_owned)
}

impl LoadSettings {
    /// What the environment of this process alone says. An empty variable says nothing.
    ///
    /// # Errors
    ///
    /// When a variable has a value that its setting cannot have; the message names it.
    #[expect(clippy::disallowed_methods, reason = "what clap reads, less what is empty")]
    pub fn of_environment() -> Result<Self, clap::Error> {
        Self::of_variables(&|name| std::env::var_os(name))
    }

    /// What these variables alone say: [`of_environment`](Self::of_environment) for who has others
    /// than those of the process, such as those of a `.env`.
    ///
    /// # Errors
    ///
    /// When a variable has a value that its setting cannot have; the message names it.
    pub fn of_variables(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::augment_args(Command::new("load")).mut_args(|argument| {
            let name = variable_of(&argument);
            let value = name.and_then(|name| variable(&name)).filter(|value| !value.is_empty());
            let argument = argument.env(Resettable::Reset);
            match value {
                None => argument,
                Some(value) => argument.default_value(value),
            }
        });
        let matches = command.try_get_matches_from_mut(["load"]);
        matches.and_then(|matches| Self::from_arg_matches(&matches)).map_err(|error| {
            let message = said_of_variables(&command, &error);
            command.error(ErrorKind::ValueValidation, message)
        })
    }
}

impl LoadSettings {
    /// The variables whose settings these say though no object is said, so that they make no load.
    #[must_use]
    pub fn said_without_object(&self) -> Vec<&'static str> {
        if self.object.is_some() {
            return Vec::new();
        }
        let said = [
            (self.external_id.is_some(), "SALESFORCE_EXTERNAL_ID"),
            (self.operation.is_some(), "SALESFORCE_OPERATION"),
            (self.api.is_some(), "SALESFORCE_API"),
            (self.call_rows.is_some(), "SALESFORCE_BATCH"),
            (self.assignment_rule.is_some(), "SALESFORCE_ASSIGNMENT_RULE"),
            (self.allow_duplicates.is_some(), "SALESFORCE_ALLOW_DUPLICATES"),
            (self.mapping.is_some(), "MAPPING_FILE"),
            (self.leave_out.is_some(), "MAPPING_LEAVE_OUT"),
            (self.time_zone.is_some(), "MAPPING_TIME_ZONE"),
            (self.dates.is_some(), "MAPPING_DATES"),
            (self.two_digit_years.is_some(), "MAPPING_TWO_DIGIT_YEARS"),
            (self.dates_with_time.is_some(), "MAPPING_DATES_WITH_TIME"),
            (self.decimal.is_some(), "MAPPING_DECIMAL"),
            (self.nulls.is_some(), "MAPPING_NULLS"),
            (self.truncate.is_some(), "MAPPING_TRUNCATE"),
            (self.ids.is_some(), "LOAD_IDS"),
        ];
        said.into_iter().filter(|(is_said, _)| *is_said).map(|(_, name)| name).collect()
    }
}

/// What clap says of the flags of a command, said of the variables: nobody wrote a flag.
fn said_of_variables(command: &Command, error: &clap::Error) -> String {
    let message = error.to_string();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let message = message.split("\n\nFor more information").next().unwrap_or(message);
    // In one line: it is said among others.
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    arguments().iter().fold(message, |message, argument| {
        let flag = command.get_arguments().find(|flag| flag.get_id() == argument.get_id());
        match (flag, variable_of(argument)) {
            (Some(flag), Some(variable)) => message.replace(&format!("'{flag}'"), &variable),
            _ => message,
        }
    })
}
