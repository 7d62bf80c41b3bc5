//! Settings stand in the documents and in `.env.example`.

use std::collections::BTreeSet;

use clap::{Command, CommandFactory};

#[test]
fn every_setting_is_in_env_example_and_in_the_documents() {
    let programs = [
        producer::Cli::command(),
        consumer::Cli::command(),
        generate_upload::Cli::command(),
        salesforce_simulator::SimulatorArgs::command(),
    ];
    let of_programs = programs.iter().flat_map(settings);
    let of_all_programs = service::VARIABLES.iter().map(ToString::to_string);
    let known: BTreeSet<String> = of_programs.chain(of_all_programs).collect();

    let example = include_str!("../../../../.env.example");
    let listed: BTreeSet<String> = example
        .lines()
        .map(|line| line.trim_start_matches("# "))
        .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
        .collect();

    assert_eq!(listed, known);
    // One `.env` is for all programs, and each of them knows its own settings only.
    for program in &programs {
        let beside = if program.get_name() == "producer" { load::variables() } else { Vec::new() };
        let taken = service::misspelt(program, &beside, listed.iter().map(String::as_str));
        assert_eq!(taken, [], "{} takes one setting for another", program.get_name());
        let slip = match program.get_name() {
            "generate-upload" => "AZURE_CONTANER",
            "salesforce-simulator" => "SIMULATOR_LISTNE",
            _ => "SALESFORCE_OBJCT",
        };
        assert!(service::misspelt(program, &beside, [slip]).len() == 1, "{}", program.get_name());
    }
    let told = include_str!("../../../../docs/settings.md");
    let untold: Vec<_> = known.iter().filter(|name| !told.contains(&format!("`{name}`"))).collect();
    assert!(untold.is_empty(), "docs/settings.md says nothing of {untold:?}");
}

fn settings(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(|argument| argument.get_env());
    let mut names: Vec<String> = own.map(|name| name.to_str().unwrap().to_owned()).collect();
    names.extend(command.get_subcommands().flat_map(settings));
    names
}
