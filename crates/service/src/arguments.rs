//! What clap knows of the settings of a command.

use clap::{Arg, Command};

/// Those of a command and of the commands below it.
pub(crate) fn all_arguments(command: &Command) -> Box<dyn Iterator<Item = &Arg> + '_> {
    let below = command.get_subcommands().flat_map(all_arguments);
    Box::new(command.get_arguments().chain(below))
}

/// The variables of a command's secrets.
pub(crate) fn secrets(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter(|argument| argument.is_hide_env_values_set());
    let mut names: Vec<String> = own.filter_map(name_of).collect();
    names.extend(command.get_subcommands().flat_map(secrets));
    names
}

/// The variable of an argument.
pub(crate) fn name_of(argument: &Arg) -> Option<String> {
    Some(argument.get_env()?.to_str()?.to_owned())
}
