//! Every command in the documents is one: the programs parse it, or `make`, the API or the repository has
//! what it names. Nothing is run; `make demo`, `make test` and the others run the rest.

mod markdown;
mod repository;
mod shell;

use std::collections::BTreeMap;

use clap::{CommandFactory, error::ErrorKind};

use self::{markdown::Part, repository::Repository, shell::Command};
use crate::one_program::OneProgram;

/// The programs by their names.
struct Programs(BTreeMap<&'static str, clap::Command>);

impl Programs {
    fn ours() -> Self {
        let programs = [
            ("batch-sync", OneProgram::command()),
            ("producer", producer::Cli::command()),
            ("consumer", consumer::Cli::command()),
            ("generate-upload", generate_upload::Cli::command()),
            ("salesforce-simulator", salesforce_simulator::SimulatorArgs::command()),
        ];
        Self(programs.map(|(name, it)| (name, service::with_shell_commands(it))).into())
    }
}

/// Programs of others: of these only the files that they are given are checked.
const OF_OTHERS: [&str; 16] = [
    "az",
    "caddy",
    "cat",
    "cd",
    "docker",
    "done",
    "export",
    "for",
    "head",
    "helm",
    "jq",
    "kubectl",
    "mkdir",
    "redis-cli",
    "sf",
    "wait",
];

#[test]
fn every_command_of_the_documents_is_one() {
    let repository = Repository::read();
    let mut programs = Programs::ours();
    let mut seen = BTreeMap::<String, usize>::new();
    let mut problems = Vec::new();
    for (document, text) in repository.documents() {
        for part in markdown::parts(text) {
            for command in shell::commands(&part.text) {
                if let Err(problem) = check(&command, &part, &repository, &mut programs) {
                    problems.push(format!("{document}:{}: {command}: {problem}", part.line));
                }
                *seen.entry(command.program().to_owned()).or_default() += 1;
            }
        }
    }

    assert!(problems.is_empty(), "{}", problems.join("\n"));
    for (program, at_least) in [("batch-sync", 200), ("make", 20), ("curl", 10), ("consumer", 3)] {
        assert!(seen[program] >= at_least, "{program}: {}", seen[program]);
    }
}

#[test]
fn what_is_not_run_says_why() {
    for (document, text) in Repository::read().documents() {
        for reason in markdown::not_run(text) {
            assert!(reason.len() > 10, "{document}: {reason:?} is no reason");
        }
    }
}

#[test]
fn a_command_that_nobody_has_is_named() {
    let repository = Repository::read();
    let mut programs = Programs::ours();
    for command in [
        "batch-sync sink --file f.csv",
        "batch-sync sync --flie f.csv",
        "batch-sync sync",
        "batch-sync consume chekc",
        "producer sync --file f.csv --colour",
        "consumer --adopt",
        "batch-sync generate --rows many --file f.csv",
        "make demmo",
        "make sync FIEL=f.csv",
        "cargo test -p jobqueue",
        "curl http://localhost:3001/api/synch",
        "curl -X DELETE http://localhost:3001/api/sync/$RUN",
        "curl -T f.csv http://localhost:3001/api/loads",
        "RUN=$(curl http://localhost:3001/api/nosuch)",
        "deploy/secret.sh",
        "cat deploy/loads.tml",
        "frobnicate",
        "LOAD_FILE=loads.toml batch-sync loads",
    ] {
        let block = format!("```sh\n{command}\n```\n");
        let part = markdown::parts(&block).remove(0);
        let commands = shell::commands(&part.text);

        assert_eq!(commands.len(), 1, "{command}");
        let checked = check(&commands[0], &part, &repository, &mut programs);
        assert!(checked.is_err(), "{command}");
    }
}

/// Says what is wrong with it.
fn check(
    command: &Command,
    part: &Part,
    repository: &Repository,
    programs: &mut Programs,
) -> Result<(), String> {
    let words = command.words();
    words.iter().try_for_each(|word| repository.has_what_is_named(word))?;
    if let Some(program) = programs.0.get_mut(command.program()) {
        parse(program, words, part)?;
        return command.variables().try_for_each(|name| repository.has_setting(name));
    }
    match command.program() {
        "make" => repository.has_targets(&words[1..]),
        "cargo" => repository.has_package(words),
        // `api` is a function that the runbook defines.
        "curl" | "api" => repository.has_call(words),
        program if OF_OTHERS.contains(&program) || program.contains('/') => Ok(()),
        _ => Err("neither a program of ours nor one that this test knows".to_owned()),
    }
}

/// A line of a block has to be complete. In a sentence a command may lack what does not matter there, and
/// have `N` in place of a number.
fn parse(program: &mut clap::Command, words: &[String], part: &Part) -> Result<(), String> {
    let Err(error) = program.try_get_matches_from_mut(words) else { return Ok(()) };
    let is_fine = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument
        | ErrorKind::InvalidValue
        | ErrorKind::ValueValidation
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => !part.is_block,
        _ => false,
    };
    if is_fine { Ok(()) } else { Err(error.to_string().lines().next().unwrap_or("?").to_owned()) }
}
