//! What is wrong with a `.env` that can be read.

use clap::Command;

use crate::{
    arguments::{all_arguments, name_of, secrets},
    dotenv::DotEnv,
};

/// Names of settings that are not the same differ by more.
const SLIPS_MAX: usize = 2;

/// What libraries read in the environment, for many programs alike.
const OF_THE_PROCESS: [&str; 6] =
    ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// What to say of a `.env` that others can read, or that has what is not read from it, or is misspelt.
pub(crate) fn warnings_of(command: &Command, variables: &[String], dotenv: &DotEnv) -> Vec<String> {
    let held = |name: &String| dotenv.variables.contains_key(name);
    let open = secrets(command).into_iter().find(held).filter(|_| dotenv.is_open);
    let open = open
        .map(|secret| format!(".env holds {secret} and can be read by others; run chmod 600 .env"));
    let of_the_process = OF_THE_PROCESS.iter().filter(|name| dotenv.variables.contains_key(**name));
    let of_the_process = of_the_process.map(|name| {
        format!(
            "{name} in .env does nothing: it counts as a variable of the process only; export it"
        )
    });
    let names = dotenv.variables.keys().map(String::as_str);
    let misspelt = misspelt(command, variables, names).into_iter().map(|(name, meant)| {
        format!("{name} in .env is no setting, and does nothing; did you mean {meant}?")
    });
    open.into_iter().chain(of_the_process).chain(misspelt).collect()
}

/// Of these names of variables, those that are no settings of any program but almost one of this command
/// or of the `variables` beside it, each with that setting.
///
/// A `.env` may be for several programs, so a name that is like no setting here is nothing to speak of.
pub fn misspelt<'a>(
    command: &Command,
    variables: &[String],
    names: impl IntoIterator<Item = &'a str>,
) -> Vec<(&'a str, String)> {
    let mut known: Vec<String> = all_arguments(command).filter_map(name_of).collect();
    known.extend(secrets(command).iter().map(|secret| format!("{secret}_FILE")));
    known.extend_from_slice(variables);
    known.extend(crate::VARIABLES.iter().chain(&OF_THE_PROCESS).map(ToString::to_string));
    let misspelt = names.into_iter().filter_map(|name| {
        let known = known.iter().map(String::as_str);
        let meant = ingest_core::nearest_within(name, known, SLIPS_MAX)?;
        (meant != name).then(|| (name, meant.to_owned()))
    });
    misspelt.collect()
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Sample {
        #[arg(long, env = "SAMPLE_ROWS")]
        _rows: Option<u32>,
        #[arg(long, env = "SAMPLE_KEY", hide_env_values = true)]
        _key: Option<String>,
        #[command(subcommand)]
        _inner: Option<Inner>,
    }

    #[derive(Debug, clap::Subcommand)]
    enum Inner {
        Sub {
            #[arg(long, env = "INNER_KEY", hide_env_values = true)]
            _inner_key: Option<String>,
        },
    }

    #[test]
    fn a_file_of_settings_that_others_can_read_is_warned_of_when_it_holds_a_secret() {
        let warning = |names: &[&str], is_open| {
            let variables = names.iter().map(|name| ((*name).to_owned(), "1".to_owned()));
            let dotenv = DotEnv { variables: variables.collect(), is_open };
            warnings_of(&Sample::command(), &["BESIDE_ROWS".to_owned()], &dotenv)
        };

        assert_eq!(
            warning(&["SAMPLE_ROWS", "SAMPLE_KEY"], true),
            [".env holds SAMPLE_KEY and can be read by others; run chmod 600 .env"]
        );
        assert_eq!(warning(&["INNER_KEY"], true).len(), 1);
        assert_eq!(warning(&["SAMPLE_ROWS", "KEY_OF_ANOTHER_PROGRAM"], true), [""; 0]);
        assert_eq!(warning(&["SAMPLE_KEY"], false), [""; 0]);
        for (slip, meant) in [("SAMPLE_RWOS", "SAMPLE_ROWS"), ("BESIDES_ROWS", "BESIDE_ROWS")] {
            let said = warning(&[slip, "OTHER"], false).concat();
            assert!(said.contains(&format!("{slip} in .env is no setting")), "{said}");
            assert!(said.ends_with(&format!("did you mean {meant}?")), "{said}");
        }
        assert_eq!(
            warning(&["SAMPLE_ROWS", "HTTPS_PROXY"], false),
            [
                "HTTPS_PROXY in .env does nothing: it counts as a variable of the process only; export it"
            ]
        );
    }

    #[test]
    fn all_that_is_wrong_with_a_file_of_settings_is_said() {
        let names = ["INNER_KEY", "SAMPLE_RWOS", "SAMPEL_KEY", "NO_PROXY"];
        let variables = names.map(|name| (name.to_owned(), "1".to_owned())).into();
        let dotenv = DotEnv { variables, is_open: true };

        let said = warnings_of(&Sample::command(), &[], &dotenv);

        for name in names {
            assert_eq!(said.iter().filter(|it| it.contains(name)).count(), 1, "{name}: {said:?}");
        }
    }
}
