//! What every program gives to a shell: the commands `completions` and `man`, made from the same
//! definitions as `--help`.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Arg, ArgMatches, Command, builder::ValueParser, value_parser};
use clap_complete::Shell;
use clap_mangen::Man;

const COMPLETIONS: &str = "completions";
const MAN: &str = "man";

/// The program with the commands `completions` and `man`, as `parse` reads it.
#[must_use]
pub fn with_shell_commands(program: Command) -> Command {
    let name = program.get_name().to_owned();
    let file = name.replace('-', "_");
    let shell = Arg::new("shell").required(true).value_name("SHELL").help("Which shell");
    let completions = Command::new(COMPLETIONS)
        .about("Print a script that completes commands and flags in your shell")
        .arg(shell.value_parser(value_parser!(Shell)))
        .after_help(format!(
            "Examples:\n  \
             source <({name} completions bash)                        in ~/.bashrc\n  \
             {name} completions zsh > \"${{fpath[1]}}/_{file}\"          once\n  \
             {name} completions fish > ~/.config/fish/completions/{name}.fish  once"
        ));
    let folder = Arg::new("folder").required(true).value_name("FOLDER").help("Where to write them");
    let man = Command::new(MAN)
        .about("Write the manual pages of all commands into a folder")
        .arg(folder.value_parser(ValueParser::path_buf()))
        .after_help(format!(
            "Examples:\n  {name} man ~/.local/share/man/man1      then: man {name}"
        ));
    program.subcommand(completions).subcommand(man)
}

/// Does what one of the two commands asks for; nothing where it is another one.
pub(crate) fn answer(program: &Command, matches: &ArgMatches) -> Option<io::Result<()>> {
    match matches.subcommand()? {
        (COMPLETIONS, matches) => {
            let shell: Shell = *matches.get_one("shell")?;
            Some(print_completions(program.clone(), shell))
        }
        (MAN, matches) => {
            let folder: &PathBuf = matches.get_one("folder")?;
            Some(write_man_pages(program.clone(), folder))
        }
        _ => None,
    }
}

fn print_completions(mut program: Command, shell: Shell) -> io::Result<()> {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, &name, &mut script);
    if shell == Shell::Bash {
        script = with_one_name(&script, &name);
    }
    crate::stdout().write_all(&script)
}

/// Where a name has a hyphen, the script for bash calls the program by two names, as if `batch-sync` were
/// the command `sync` of `batch`: nothing below its first word is completed then.
fn with_one_name(script: &[u8], name: &str) -> Vec<u8> {
    let script = String::from_utf8_lossy(script);
    script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__")).into_bytes()
}

/// One for the program, and one for each command of it: `batch-sync-sync.1`.
fn write_man_pages(mut program: Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    program = program.disable_help_subcommand(true);
    program.build();
    let name = program.get_name().to_owned();
    write_man_page(&program, &name, folder)
}

fn write_man_page(command: &Command, name: &str, folder: &Path) -> io::Result<()> {
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        let name = format!("{name}-{}", child.get_name());
        write_man_page(&child.clone().display_name(name.clone()), &name, folder)?;
    }
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    fs::write(folder.join(format!("{name}.1")), page)
}
