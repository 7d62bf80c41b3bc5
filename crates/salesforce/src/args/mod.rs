//! The settings of a connection, as typed.

mod hosts;
mod invalid;
mod sign_in;

use std::time::Duration;

use clap::Args;

use crate::request::Connection;

pub use self::{invalid::InvalidConnection, sign_in::SignInArgs};

/// How to get in, and how to ask.
#[derive(Clone, Debug, Args)]
pub struct ConnectionArgs {
    /// How to sign in.
    #[command(flatten)]
    pub sign_in: SignInArgs,

    /// Version of the API, 46.0 or later.
    #[arg(long, env = "SALESFORCE_API_VERSION", default_value = "62.0", value_name = "VERSION", value_parser = api_version)]
    pub salesforce_api_version: String,

    /// What the org's event log calls this client.
    #[arg(long, env = "SALESFORCE_CLIENT_NAME", default_value = "batch-sync", value_name = "NAME", value_parser = client_name)]
    pub salesforce_client_name: String,

    /// Compress what is sent with gzip. Answers always may be.
    #[arg(long, env = "SALESFORCE_GZIP", action = clap::ArgAction::Set, default_value_t = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub salesforce_gzip: bool,

    /// How long to wait for a connection to Salesforce, such as 10s.
    #[arg(long, env = "SALESFORCE_CONNECT_TIMEOUT", default_value = "10s", value_name = "DURATION", value_parser = service::parse_timeout)]
    pub salesforce_connect_timeout: Duration,

    /// How long to wait for an answer. Salesforce itself gives up after ten minutes; a call that
    /// is cut off before may have been carried out.
    #[arg(long, env = "SALESFORCE_TIMEOUT", default_value = "9m 30s", value_name = "DURATION", value_parser = service::parse_timeout)]
    pub salesforce_timeout: Duration,
}

impl ConnectionArgs {
    /// Takes the arguments as they are meant.
    ///
    /// # Errors
    ///
    /// When settings are missing, or do not fit together.
    pub fn connection(&self) -> Result<Connection, InvalidConnection> {
        Ok(Connection {
            credentials: self.sign_in.credentials()?,
            api_version: self.salesforce_api_version.clone(),
            client_name: self.salesforce_client_name.clone(),
            gzip: self.salesforce_gzip,
            connect_timeout: self.salesforce_connect_timeout,
            timeout: self.salesforce_timeout,
        })
    }
}

/// A name without what has a meaning in the header that carries it.
fn client_name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./ ".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("not a name; these have letters, digits, blanks, and `-`, `_`, `.` or `/`".to_owned())
    }
}

/// The first version whose collections tell created from updated.
const API_VERSION_MIN: u32 = 46;

fn api_version(text: &str) -> Result<String, String> {
    match major(text.trim_start_matches('v')) {
        Some(version) if version >= API_VERSION_MIN => Ok(format!("{version}.0")),
        Some(_) => Err(format!("too old; {API_VERSION_MIN}.0 is the first that will do")),
        None => Err("not a version; write it like 62.0".to_owned()),
    }
}

fn major(version: &str) -> Option<u32> {
    version.strip_suffix(".0").unwrap_or(version).parse().ok()
}
