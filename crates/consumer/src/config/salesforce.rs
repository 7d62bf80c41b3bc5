//! Where the rows go, and how.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{InvalidSettings, SignInArgs};
use crate::{mapping::is_api_name, salesforce::Connection, verdict::Operation};

/// Where the rows go, and how to get in.
#[derive(Clone, Debug, Args)]
pub struct SalesforceArgs {
    #[command(flatten)]
    pub(crate) sign_in: SignInArgs,

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

impl SalesforceArgs {
    /// Takes the arguments as they are meant.
    pub(crate) fn meant(self) -> Result<SalesforceConfig, InvalidSettings> {
        let operation = self.salesforce_operation;
        let credentials = self.sign_in.credentials()?;
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
