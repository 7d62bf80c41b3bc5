//! Settings: as typed (clap) and as meant.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use job_queue::QueueArgs;
use secrecy::SecretString;
use url::Url;

use crate::{
    mapping::is_api_name,
    salesforce::{Connection, Credentials},
    verdict::Operation,
};

/// The command line of the program.
#[derive(Debug, Parser)]
#[command(
    name = "consumer",
    version,
    about = "Takes batches from the queue and delivers their rows to Salesforce, until SIGTERM",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) consumer: ConsumerArgs,
    #[command(flatten)]
    pub(crate) queue: QueueArgs,
    #[command(flatten)]
    pub(crate) salesforce: SalesforceArgs,
}

/// What it can do beside delivering.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Log in, compare the mapping with the object's fields, print both, and deliver nothing.
    Check {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        salesforce: Box<SalesforceArgs>,
    },
}

/// How this consumer works.
#[derive(Clone, Debug, Args)]
pub struct ConsumerArgs {
    /// Batches delivered at the same time, each with one call to Salesforce under way.
    #[arg(long, env = "CONSUMER_CONCURRENCY", default_value = "4", value_name = "BATCHES")]
    pub concurrency: NonZeroU32,

    /// How often a row is sent again that Salesforce could not take at the moment, such as one
    /// that was locked. Then it is rejected with its last errors.
    #[arg(long, env = "CONSUMER_ROW_RETRIES", default_value_t = 5, value_name = "TIMES")]
    pub row_retries: u32,

    /// How often a batch is handed out to consumers that die of it, before all its rows are
    /// rejected with the code `POISON_BATCH`.
    #[arg(long, env = "CONSUMER_DELIVERIES_MAX", default_value = "5", value_name = "TIMES")]
    pub deliveries_max: NonZeroU32,

    /// How long calls that are under way may take to end after SIGTERM, such as 25s. Keep it
    /// below the time after which the process is killed.
    #[arg(long, env = "CONSUMER_SHUTDOWN_GRACE", default_value = "25s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub shutdown_grace: Duration,
}

/// Where the rows go, and how to get in.
#[derive(Clone, Debug, Args)]
pub struct SalesforceArgs {
    /// The org's My Domain, where client credentials are exchanged for a token:
    /// `https://DOMAIN.my.salesforce.com`.
    #[arg(long, env = "SALESFORCE_LOGIN_URL", value_name = "URL")]
    pub salesforce_login_url: Option<Url>,

    /// Consumer key of the external client app.
    #[arg(long, env = "SALESFORCE_CLIENT_ID", hide_env_values = true, value_name = "KEY")]
    pub salesforce_client_id: Option<SecretString>,

    /// Consumer secret of the external client app.
    #[arg(long, env = "SALESFORCE_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub salesforce_client_secret: Option<SecretString>,

    /// A ready-made access token instead of client credentials. It cannot be renewed: when it
    /// ends, the consumer ends.
    #[arg(long, env = "SALESFORCE_ACCESS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub salesforce_access_token: Option<SecretString>,

    /// Where the API is; goes with an access token.
    #[arg(long, env = "SALESFORCE_INSTANCE_URL", value_name = "URL")]
    pub salesforce_instance_url: Option<Url>,

    /// Version of the API, 46.0 or later.
    #[arg(long, env = "SALESFORCE_API_VERSION", default_value = "62.0", value_name = "VERSION", value_parser = api_version)]
    pub salesforce_api_version: String,

    /// Object that the rows become, such as Lead.
    #[arg(long, env = "SALESFORCE_OBJECT", value_name = "NAME", value_parser = api_name)]
    pub salesforce_object: Option<String>,

    /// Field by which rows find their record; must be an external id. An insert needs none.
    #[arg(long, env = "SALESFORCE_EXTERNAL_ID", value_name = "FIELD", value_parser = api_name)]
    pub salesforce_external_id: Option<String>,

    /// What to do with the rows.
    #[arg(long, env = "SALESFORCE_OPERATION", value_enum, default_value_t = Operation::Upsert)]
    pub salesforce_operation: Operation,

    /// Rows per call, at most 200. A call never holds rows of two batches, so more than
    /// `BATCH_ROWS` has no effect.
    #[arg(long, env = "SALESFORCE_BATCH", default_value_t = 200, value_name = "ROWS", value_parser = clap::value_parser!(u16).range(1..=200))]
    pub salesforce_batch: u16,

    /// How long to wait for a connection to Salesforce, such as 10s.
    #[arg(long, env = "SALESFORCE_CONNECT_TIMEOUT", default_value = "10s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub salesforce_connect_timeout: Duration,

    /// How long to wait for an answer. Salesforce itself gives up after ten minutes; a call that
    /// is cut off before may have been carried out.
    #[arg(long, env = "SALESFORCE_TIMEOUT", default_value = "9m 30s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub salesforce_timeout: Duration,

    /// Mapping of columns to fields, a .sdl file of Data Loader. Without one, columns fill the
    /// fields of their name.
    #[arg(long, env = "MAPPING_FILE", value_name = "FILE")]
    pub mapping_file: Option<PathBuf>,
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Task {
    /// Deliver batches until shutdown.
    Deliver(Box<Config>),
    /// Compare the settings with the org, and print both.
    Check {
        /// Where the rows would go.
        salesforce: Box<SalesforceConfig>,
        /// As JSON.
        json: bool,
    },
}

/// Settings that fit together.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) consumer: ConsumerArgs,
    pub(crate) queue: QueueArgs,
    pub(crate) salesforce: SalesforceConfig,
}

/// Where the rows go, and how to get in.
#[derive(Clone, Debug)]
pub struct SalesforceConfig {
    pub(crate) connection: Connection,
    pub(crate) object: String,
    /// The external id; an insert may have none.
    pub(crate) external_id: Option<String>,
    pub(crate) operation: Operation,
    pub(crate) call_rows_max: usize,
    pub(crate) mapping_file: Option<PathBuf>,
}

/// Settings that do not fit together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSettings {
    /// There is no object to load.
    #[error("SALESFORCE_OBJECT is not set; name the object that the rows become, such as Lead")]
    NoObject,
    /// An upsert without a key.
    #[error(
        "SALESFORCE_EXTERNAL_ID is not set; name the external id field by which rows find their \
         record, such as External_Id__c"
    )]
    NoExternalId,
    /// No way to get in.
    #[error(
        "no way to log in to salesforce; set SALESFORCE_LOGIN_URL, SALESFORCE_CLIENT_ID and \
         SALESFORCE_CLIENT_SECRET, or SALESFORCE_ACCESS_TOKEN and SALESFORCE_INSTANCE_URL"
    )]
    NoCredentials,
    /// Half of a way to get in.
    #[error("{missing} is not set; it goes with {given}")]
    HalfOfCredentials {
        /// What is there.
        given: &'static str,
        /// What has to be there too.
        missing: &'static str,
    },
    /// An address that serves pages and no API.
    #[error("{setting}: {host} is for browsers; set it to https://DOMAIN.my.salesforce.com")]
    HostForBrowsers {
        /// Which setting.
        setting: &'static str,
        /// The host.
        host: String,
    },
    /// An address that is none.
    #[error("{setting} is not a web address; write https://DOMAIN.my.salesforce.com")]
    NotHttp {
        /// Which setting.
        setting: &'static str,
    },
}

impl Cli {
    /// Takes the command line as it is meant.
    ///
    /// # Errors
    ///
    /// When settings are missing, or do not fit together.
    pub fn meant(self) -> Result<Task, InvalidSettings> {
        match self.command {
            Some(Command::Check { json, salesforce }) => {
                Ok(Task::Check { salesforce: Box::new(salesforce.meant()?), json })
            }
            None => Ok(Task::Deliver(Box::new(Config {
                consumer: self.consumer,
                queue: self.queue,
                salesforce: self.salesforce.meant()?,
            }))),
        }
    }
}

impl ConsumerArgs {
    pub(crate) fn concurrency(&self) -> usize {
        usize::try_from(self.concurrency.get()).unwrap_or(usize::MAX)
    }
}

impl SalesforceArgs {
    /// Takes the arguments as they are meant.
    pub(crate) fn meant(self) -> Result<SalesforceConfig, InvalidSettings> {
        let operation = self.salesforce_operation;
        let credentials = self.credentials()?;
        let object = self.salesforce_object.ok_or(InvalidSettings::NoObject)?;
        if operation == Operation::Upsert && self.salesforce_external_id.is_none() {
            return Err(InvalidSettings::NoExternalId);
        }
        Ok(SalesforceConfig {
            connection: Connection {
                credentials,
                api_version: self.salesforce_api_version,
                connect_timeout: self.salesforce_connect_timeout,
                timeout: self.salesforce_timeout,
            },
            object,
            external_id: self.salesforce_external_id,
            operation,
            call_rows_max: usize::from(self.salesforce_batch),
            mapping_file: self.mapping_file,
        })
    }

    /// A ready-made token wins: somebody has just put it there.
    fn credentials(&self) -> Result<Credentials, InvalidSettings> {
        let half = |given, missing| Err(InvalidSettings::HalfOfCredentials { given, missing });
        match (&self.salesforce_access_token, &self.salesforce_instance_url) {
            (Some(token), Some(url)) => {
                return Ok(Credentials::Token {
                    instance_url: api_host("SALESFORCE_INSTANCE_URL", url)?,
                    access_token: token.clone(),
                });
            }
            (Some(_), None) => return half("SALESFORCE_ACCESS_TOKEN", "SALESFORCE_INSTANCE_URL"),
            (None, _) => (),
        }
        let (url, id, secret) = (
            &self.salesforce_login_url,
            &self.salesforce_client_id,
            &self.salesforce_client_secret,
        );
        match (url, id, secret) {
            (Some(url), Some(id), Some(secret)) => Ok(Credentials::ClientCredentials {
                login_url: api_host("SALESFORCE_LOGIN_URL", url)?,
                client_id: id.clone(),
                client_secret: secret.clone(),
            }),
            (_, Some(_), None) => half("SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET"),
            (_, None, Some(_)) => half("SALESFORCE_CLIENT_SECRET", "SALESFORCE_CLIENT_ID"),
            (None, Some(_), Some(_)) => half("SALESFORCE_CLIENT_ID", "SALESFORCE_LOGIN_URL"),
            (_, None, None) => Err(InvalidSettings::NoCredentials),
        }
    }
}

fn api_host(setting: &'static str, url: &Url) -> Result<Url, InvalidSettings> {
    let ("http" | "https", Some(host)) = (url.scheme(), url.host_str()) else {
        return Err(InvalidSettings::NotHttp { setting });
    };
    if host.ends_with(".lightning.force.com") || host.ends_with(".salesforce-setup.com") {
        return Err(InvalidSettings::HostForBrowsers { setting, host: host.to_owned() });
    }
    Ok(url.clone())
}

fn api_name(text: &str) -> Result<String, String> {
    if is_api_name(text) {
        Ok(text.to_owned())
    } else {
        Err("not an API name; these have letters, digits and underscores".to_owned())
    }
}

/// The first version whose collections tell created from updated.
const API_VERSION_MIN: u32 = 46;

fn api_version(text: &str) -> Result<String, String> {
    let plain = text.trim_start_matches('v');
    let major = plain.strip_suffix(".0").unwrap_or(plain);
    match major.parse::<u32>() {
        Ok(version) if version >= API_VERSION_MIN => Ok(format!("{version}.0")),
        Ok(_) => Err(format!("too old; {API_VERSION_MIN}.0 is the first that will do")),
        Err(_) => Err("not a version; write it like 62.0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> SalesforceArgs {
        Cli::parse_from(["consumer"].iter().chain(arguments)).salesforce
    }

    fn problem(arguments: &[&str]) -> String {
        parsed(arguments).meant().unwrap_err().to_string()
    }

    const LOGIN: [&str; 6] = [
        "--salesforce-login-url=https://acme.my.salesforce.com",
        "--salesforce-client-id=key",
        "--salesforce-client-secret=hunter2",
        "--salesforce-object=Lead",
        "--salesforce-external-id=Key__c",
        "--salesforce-api-version=v64",
    ];

    #[test]
    fn client_credentials_are_taken() {
        let config = parsed(&LOGIN).meant().unwrap();

        assert_eq!(config.connection.api_version, "64.0");
        assert_eq!(
            format!("{:?}", config.connection.credentials),
            "ClientCredentials(https://acme.my.salesforce.com)"
        );
    }

    #[test]
    fn a_ready_made_token_wins() {
        let arguments = [
            &LOGIN[..],
            &["--salesforce-access-token=00D!x", "--salesforce-instance-url=https://a.example"],
        ]
        .concat();

        let config = parsed(&arguments).meant().unwrap();

        assert_eq!(format!("{:?}", config.connection.credentials), "Token(https://a.example)");
    }

    #[test]
    fn what_is_missing_is_named() {
        for (arguments, expected) in [
            (&LOGIN[..0], "no way to log in"),
            (&LOGIN[..2], "SALESFORCE_CLIENT_SECRET is not set"),
            (&LOGIN[1..3], "SALESFORCE_LOGIN_URL is not set"),
            (&LOGIN[..3], "SALESFORCE_OBJECT is not set"),
            (&LOGIN[..4], "SALESFORCE_EXTERNAL_ID is not set"),
            (&["--salesforce-access-token=x"], "SALESFORCE_INSTANCE_URL is not set"),
        ] {
            let problem = problem(arguments);
            assert!(problem.starts_with(expected), "{arguments:?} gave {problem:?}");
        }
    }

    #[test]
    fn a_host_for_browsers_is_refused() {
        let arguments = [
            "--salesforce-access-token=x",
            "--salesforce-instance-url=https://acme.lightning.force.com",
        ];

        assert!(problem(&arguments).contains("acme.lightning.force.com is for browsers"));
    }

    #[test]
    fn values_that_cannot_be_meant_are_usage_errors() {
        for argument in [
            "--concurrency=0",
            "--salesforce-batch=201",
            "--salesforce-api-version=30.0",
            "--salesforce-api-version=latest",
            "--salesforce-object=Lead/../x",
        ] {
            assert!(Cli::try_parse_from(["consumer", argument]).is_err(), "{argument}");
        }
    }

    #[test]
    fn check_takes_the_settings_of_salesforce_and_its_own_flag() {
        let arguments =
            ["consumer", "check", "--json", "--salesforce-object=Lead", "--mapping-file=x.sdl"];

        let Some(Command::Check { json, salesforce }) = Cli::parse_from(arguments).command else {
            panic!("check was asked for");
        };

        assert!(json);
        assert_eq!(salesforce.salesforce_object.as_deref(), Some("Lead"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let arguments = [&LOGIN[..], &["--salesforce-access-token=s3cret"]].concat();

        let shown = format!("{:?}", Cli::parse_from(["consumer"].iter().chain(&arguments)));

        assert!(!shown.contains("hunter2") && !shown.contains("s3cret"), "{shown}");
    }
}
