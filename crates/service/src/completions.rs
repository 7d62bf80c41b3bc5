//! Scripts that complete a program's commands and flags in a shell.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Arguments of the command `completions`, which every program has.
#[derive(Clone, Copy, Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell.
    pub shell: Shell,
}

/// Prints the script for the program `T` on stdout.
///
/// # Errors
///
/// When stdout takes no more.
pub fn print_completions<T: CommandFactory>(args: CompletionsArgs) -> io::Result<ExitCode> {
    let mut command = T::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    crate::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
