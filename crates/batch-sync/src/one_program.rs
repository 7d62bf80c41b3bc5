//! The command line as one program: help that names the commands it has itself.

use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches, Parser, builder::StyledStr};

use crate::cli::Cli;

/// The command line of [`Cli`], whose help says `batch-sync resume` where that of the producer says
/// `producer resume`.
#[derive(Debug)]
pub(crate) struct OneProgram(pub(crate) Cli);

impl Parser for OneProgram {}

impl CommandFactory for OneProgram {
    fn command() -> Command {
        let command = Cli::command();
        let names = Names::of(&command);
        names.in_command(command)
    }

    fn command_for_update() -> Command {
        Self::command()
    }
}

impl FromArgMatches for OneProgram {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Cli::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

/// How commands are called alone, and as parts of this program.
struct Names(Vec<(String, String)>);

impl Names {
    fn of(command: &Command) -> Self {
        let mut names = vec![
            ("generate-upload --".to_owned(), "batch-sync generate --".to_owned()),
            ("salesforce-simulator --".to_owned(), "batch-sync simulate --".to_owned()),
            ("consumer --".to_owned(), "batch-sync consume --".to_owned()),
        ];
        for child in command.get_subcommands() {
            let name = child.get_name();
            names.push((format!("producer {name}"), format!("batch-sync {name}")));
            if name == "consume" {
                let of_consumer = child.get_subcommands().map(|grandchild| {
                    let name = grandchild.get_name();
                    (format!("consumer {name}"), format!("batch-sync consume {name}"))
                });
                names.extend(of_consumer);
            }
        }
        Self(names)
    }

    fn in_command(&self, mut command: Command) -> Command {
        if let Some(text) = command.get_about().map(|text| self.in_text(text)) {
            command = command.about(text);
        }
        if let Some(text) = command.get_long_about().map(|text| self.in_text(text)) {
            command = command.long_about(text);
        }
        if let Some(text) = command.get_after_help().map(|text| self.in_text(text)) {
            command = command.after_help(text);
        }
        command
            .mut_args(|argument| self.in_argument(argument))
            .mut_subcommands(|child| self.in_command(child))
    }

    fn in_argument(&self, mut argument: Arg) -> Arg {
        if let Some(text) = argument.get_help().map(|text| self.in_text(text)) {
            argument = argument.help(text);
        }
        if let Some(text) = argument.get_long_help().map(|text| self.in_text(text)) {
            argument = argument.long_help(text);
        }
        argument
    }

    fn in_text(&self, text: &StyledStr) -> String {
        self.0.iter().fold(text.to_string(), |text, (alone, within)| text.replace(alone, within))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The help of a command and of all below it.
    fn helps(mut command: Command) -> Vec<String> {
        command.build();
        let mut all = vec![command.render_long_help().to_string()];
        all.extend(command.get_subcommands().cloned().flat_map(helps));
        all
    }

    #[test]
    fn the_arguments_of_all_programs_fit_into_one() {
        OneProgram::command().debug_assert();
    }

    #[test]
    fn no_help_names_a_command_of_another_program() {
        let command = OneProgram::command();
        let names: Vec<String> =
            command.get_subcommands().map(|child| child.get_name().to_owned()).collect();

        for help in helps(command) {
            for name in names.iter().filter(|name| *name != "help") {
                assert!(!help.contains(&format!("producer {name}")), "{name}: {help}");
            }
            for name in ["consumer check", "consumer count", "consumer health", "generate-upload"] {
                assert!(!help.contains(name), "{name}: {help}");
            }
        }
    }

    #[test]
    fn the_examples_are_commands_of_this_program() {
        let mut examples = 0;
        for help in helps(OneProgram::command()) {
            let Some((_, shown)) = help.split_once("Examples:\n") else { continue };
            for line in shown.lines().map(str::trim).filter(|line| line.starts_with("batch-sync "))
            {
                let command = line.split("  ").next().unwrap();
                let words: Vec<&str> =
                    command.split(' ').take_while(|word| !["|", ">"].contains(word)).collect();
                let parsed = OneProgram::try_parse_from(&words);
                assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
                examples += 1;
            }
        }
        assert!(examples > 50, "{examples}");
    }
}
