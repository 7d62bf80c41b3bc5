use std::ffi::OsStr;

use clap::{
    Arg, Command,
    builder::TypedValueParser,
    error::{Error, ErrorKind},
};
use secrecy::SecretString;
use url::Url;

use crate::connection::Connection;

/// Where the blobs are, and how to get in: a connection string, or the URL of
/// the account and an identity of Entra ID. Exactly one of the two.
#[derive(Debug, Clone, clap::Args)]
pub struct BlobArgs {
    /// Connection string of the storage account: with an account key or a SAS,
    /// or `UseDevelopmentStorage=true` for a local Azurite
    #[arg(
        long,
        env = "AZURE_STORAGE_CONNECTION_STRING",
        hide_env_values = true,
        value_name = "STRING"
    )]
    pub azure_storage_connection_string: Option<SecretString>,

    /// Blob endpoint of the storage account, such as
    /// `https://myaccount.blob.core.windows.net`, instead of a connection string:
    /// signs in through Entra ID (workload identity, managed identity, az, azd)
    #[arg(
        long,
        env = "AZURE_STORAGE_ACCOUNT_URL",
        value_name = "URL",
        value_parser = AccountUrlParser
    )]
    pub azure_storage_account_url: Option<Url>,

    /// Send signatures and rows over plain http also to another machine, such as an Azurite in
    /// a network of containers
    #[arg(
        long,
        env = "AZURE_ALLOW_HTTP",
        action = clap::ArgAction::Set,
        default_value_t = false,
        num_args = 0..=1,
        default_missing_value = "true",
        value_name = "BOOL"
    )]
    pub azure_allow_http: bool,

    /// Container that holds the blobs
    #[arg(
        long,
        env = "AZURE_CONTAINER",
        default_value = "high-volume-ingest",
        value_name = "NAME"
    )]
    pub azure_container: String,
}

/// Says what is wrong with a URL without repeating it: people paste URLs with a
/// SAS in them, and clap quotes what it rejects.
#[derive(Debug, Clone)]
struct AccountUrlParser;

impl TypedValueParser for AccountUrlParser {
    type Value = Url;

    fn parse_ref(
        &self,
        command: &Command,
        _argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Url, Error> {
        let problem = match value.to_str().map(Url::parse) {
            Some(Ok(url)) => match Connection::from_account_url(&url) {
                Ok(_) => return Ok(url),
                Err(error) => error.to_string(),
            },
            _ => "AZURE_STORAGE_ACCOUNT_URL is not a URL; \
                  give it as https://myaccount.blob.core.windows.net"
                .to_owned(),
        };
        Err(Error::raw(ErrorKind::ValueValidation, format!("{problem}\n")).with_cmd(command))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        blob: BlobArgs,
    }

    #[test]
    fn an_account_url_that_cannot_be_one_is_not_repeated() {
        for (pasted, problem) in [
            ("myaccount.blob.core.windows.net/?sv=2022-11-02&sig=SECRET", "is not a URL"),
            ("https://myaccount.blob.core.windows.net/?sig=SECRET", "has a query"),
        ] {
            let error = Program::try_parse_from(["x", "--azure-storage-account-url", pasted]);

            let said = error.unwrap_err().render().to_string();
            assert!(said.contains("AZURE_STORAGE_ACCOUNT_URL") && said.contains(problem), "{said}");
            assert!(!said.contains("SECRET"), "{said}");
        }
    }

    #[test]
    fn the_connection_string_is_not_in_the_debug_output() {
        let program = Program::try_parse_from([
            "x",
            "--azure-storage-connection-string",
            "AccountName=a;AccountKey=SECRET",
        ])
        .unwrap();

        assert!(!format!("{program:?}").contains("SECRET"));
        assert_eq!(program.blob.azure_container, "high-volume-ingest");
    }
}
