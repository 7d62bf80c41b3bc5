//! Help teaches by examples, and completions complete.

use clap::{CommandFactory, Parser};
use producer::Cli;

use crate::support::{producer, stderr, stdout};

/// Every command, as a person types it.
fn commands() -> Vec<String> {
    let cli = Cli::command();
    cli.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

#[test]
fn help_reads_as_it_was_read_over() {
    insta::assert_snapshot!("help", stdout(&producer(&[("COLUMNS", "100")], &["--help"])));
    for command in commands() {
        let help = producer(&[("COLUMNS", "100")], &[&command, "--help"]);
        insta::assert_snapshot!(format!("help-{command}"), stdout(&help));
    }
}

#[test]
fn every_command_has_examples_that_it_understands() {
    for command in commands() {
        let help = stdout(&producer(&[], &[&command, "--help"]));
        let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{help}"));
        let examples: Vec<&str> =
            examples.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert!(!examples.is_empty(), "{help}");
        for example in examples {
            let words = words_of(example);
            assert_eq!(words[..2], ["producer", &command], "{example}");
            let parsed = Cli::try_parse_from(words);
            assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
        }
    }
}

/// The words of the command in an example: up to a pipe, a redirection or an explanation.
fn words_of(example: &str) -> Vec<&str> {
    let start = example.find("producer").unwrap();
    let command = &example[start..];
    let end = command.find("  ").unwrap_or(command.len());
    let words = command[..end].split([' ', ')']);
    words.take_while(|word| !["|", ">", ""].contains(word)).collect()
}

#[test]
fn completions_know_every_command_in_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = producer(&[], &["completions", shell]);

        assert_eq!(script.status.code(), Some(0), "{}", stderr(&script));
        for command in commands() {
            assert!(stdout(&script).contains(&command), "{shell} does not know {command}");
        }
    }
}

#[test]
fn bash_completes_a_flag_after_loading_the_script() {
    let script = stdout(&producer(&[], &["completions", "bash"]));
    let ask = "COMP_WORDS=(producer sync --fi); COMP_CWORD=2; _producer producer --fi sync; \
               echo \"${COMPREPLY[@]}\"";

    let output = std::process::Command::new("bash")
        .args(["--norc", "-c", &format!("{script}\n{ask}")])
        .output()
        .unwrap();

    assert_eq!(stdout(&output).trim(), "--file", "{}", stderr(&output));
}

#[test]
fn wrong_usage_is_code_two_and_says_what_is_meant() {
    let cases: &[(&[&str], &str)] = &[
        (&["shw", "x"], "show"),
        (&["sync"], "--file"),
        (&["upload"], "<FILE>"),
        (&["upload", "-"], "--as"),
        (&["show", "a/b"], "letters, digits"),
        (&["sync", "--file", "f", "--run-id", "a/b"], "letters, digits"),
        (&["sync", "--file", "f", "--run-id", "start"], "choose another name"),
        (&["completions", "csh"], "bash"),
    ];

    for (arguments, word) in cases {
        let output = producer(&[], arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(word), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "an error is no data");
    }
}

#[test]
fn a_wrong_setting_is_one_sentence_and_a_wrong_flag_shows_how_the_command_is_called() {
    let settings: &[(&[(&str, &str)], &str)] = &[
        (&[("LOG_FORMAT", "xml")], "error: LOG_FORMAT is text or json\n"),
        (
            &[("QUEUE_DEPTH_HIGH", "many")],
            "error: invalid value 'many' for QUEUE_DEPTH_HIGH: invalid digit found in string\n",
        ),
        (
            &[("AZURE_STORAGE_CONNECTION_STRING", " ")],
            "error: AZURE_STORAGE_CONNECTION_STRING is blank; give a value, or leave it out\n",
        ),
    ];
    for (setting, expected) in settings {
        let output = producer(setting, &["sync", "--file", "f"]);
        assert_eq!((stderr(&output).as_str(), output.status.code()), (*expected, Some(2)));
    }

    let flag = stderr(&producer(&[], &["sync", "--file", "f", "--fiel"]));
    assert!(flag.contains("Usage: producer sync"), "{flag}");
}
