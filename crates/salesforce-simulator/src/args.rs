//! The program's settings.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Parser;
use secrecy::SecretString;

use crate::{
    config::{Config, EmptyRecords, ResultOrder, UpdateOnly},
    error::SimulatorError,
    faults::Faults,
    public_key::PublicKey,
    record::{BooleanNulls, ErrorScope},
    schema::Schema,
};

/// Settings of the program `salesforce-simulator`.
#[derive(Debug, Parser)]
#[command(
    name = "salesforce-simulator",
    version,
    about = "A local stand-in for Salesforce: login, describe, sObject Collections, Bulk API 2.0, and faults",
    after_help = "What it holds: GET /__sim/state, /__sim/rows/Lead, /__sim/digest/Lead, \
                  /__sim/requests.\nWhat goes wrong can be changed while it runs: \
                  POST /__sim/faults {\"latencyMs\": 20}."
)]
pub struct SimulatorArgs {
    /// Where to listen.
    #[arg(long, env = "SIMULATOR_LISTEN", default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// Names by which it is called besides localhost, separated by commas.
    #[arg(long, env = "SIMULATOR_ALLOWED_HOSTS", value_delimiter = ',', value_name = "NAMES")]
    pub allowed_hosts: Vec<String>,
    /// Write the address that was bound to this file.
    #[arg(long, value_name = "PATH")]
    pub port_file: Option<PathBuf>,
    /// The id of the org, of 18 characters.
    #[arg(long, value_name = "ID", default_value = Config::ORG_ID, value_parser = org_id)]
    pub org_id: String,
    /// The consumer key that may log in.
    #[arg(long, env = "SALESFORCE_CLIENT_ID", default_value = Config::CLIENT_ID)]
    pub client_id: String,
    /// Its secret.
    #[arg(
        long,
        env = "SALESFORCE_CLIENT_SECRET",
        hide_env_values = true,
        default_value = Config::CLIENT_SECRET
    )]
    pub client_secret: SecretString,
    /// The user on whose behalf everything runs.
    #[arg(long, env = "SALESFORCE_USERNAME", default_value = Config::USER_NAME)]
    pub user_name: String,
    /// The user's password with the security token behind it.
    #[arg(
        long,
        env = "SALESFORCE_PASSWORD",
        hide_env_values = true,
        default_value = Config::PASSWORD
    )]
    pub password: SecretString,
    /// Certificate or public key that JWT bearer logins are signed for, as a PEM file.
    #[arg(long, env = "SIMULATOR_JWT_PUBLIC_KEY_FILE", value_name = "PATH")]
    pub jwt_public_key_file: Option<PathBuf>,
    /// A refresh token that is valid.
    #[arg(long, env = "SALESFORCE_REFRESH_TOKEN", hide_env_values = true)]
    pub refresh_token: Option<SecretString>,
    /// Give a new refresh token with each use of the old one, which ends.
    #[arg(long)]
    pub rotate_refresh_token: bool,
    /// Count logins as calls of the day.
    #[arg(long)]
    pub logins_count: bool,
    /// A token that is valid without a login.
    #[arg(long, env = "SALESFORCE_ACCESS_TOKEN", hide_env_values = true)]
    pub access_token: Option<SecretString>,
    /// What a login names as the instance, if not the host that was asked.
    #[arg(long, value_name = "URL")]
    pub instance_url: Option<String>,
    /// More objects, as a JSON file.
    #[arg(long, env = "SIMULATOR_SCHEMA", value_name = "PATH")]
    pub schema: Option<PathBuf>,
    /// Calls a day; beyond it all are refused.
    #[arg(long, env = "SIMULATOR_DAILY_LIMIT", default_value_t = Config::DAILY_LIMIT)]
    pub daily_limit: u64,
    /// Longest request body in bytes, also after decompression.
    #[arg(long, value_name = "BYTES", default_value_t = Config::BODY_BYTES_MAX)]
    pub body_bytes_max: usize,
    /// How many requests GET /__sim/requests shows.
    #[arg(long, value_name = "REQUESTS", default_value_t = Config::REQUEST_LOG_MAX)]
    pub request_log_max: usize,
    /// Start of all random faults; the same seed gives the same faults.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What a value of a wrong type takes down.
    #[arg(long, value_enum, default_value_t = ErrorScope::Request)]
    pub type_errors: ErrorScope,
    /// What an unknown field takes down.
    #[arg(long, value_enum, default_value_t = ErrorScope::Request)]
    pub unknown_fields: ErrorScope,
    /// What an explicit null does to a boolean field.
    #[arg(long, value_enum, default_value_t = BooleanNulls::default())]
    pub boolean_nulls: BooleanNulls,
    /// What becomes of a collections call without records.
    #[arg(long, value_enum, default_value_t = EmptyRecords::default())]
    pub empty_records: EmptyRecords,
    /// What `updateOnly` does in a call of Collections.
    #[arg(long, value_enum, default_value_t = UpdateOnly::default())]
    pub update_only: UpdateOnly,
    /// Show an id on records that all-or-none rolled back.
    #[arg(long)]
    pub rolled_back_has_id: bool,
    /// Longest upload of an ingest job in bytes, also after decompression.
    #[arg(long, value_name = "BYTES", default_value_t = Config::UPLOAD_BYTES_MAX)]
    pub upload_bytes_max: usize,
    /// Batches of 10,000 rows a day; an ingest job beyond it fails.
    #[arg(long, value_name = "BATCHES", default_value_t = Config::BULK_BATCHES_DAILY_MAX)]
    pub bulk_batches_daily_max: u64,
    /// Ingest jobs that may be unfinished at once; without it, any number.
    #[arg(long, value_name = "JOBS")]
    pub bulk_jobs_max: Option<usize>,
    /// In what order the results of an ingest job come.
    #[arg(long, value_enum, default_value_t = ResultOrder::default())]
    pub bulk_result_order: ResultOrder,
    /// Leave columns that are not fields out of the results of an ingest job.
    #[arg(long)]
    pub drop_unmapped_columns: bool,
    /// Let ingest jobs delete for good (hardDelete).
    #[arg(long)]
    pub hard_delete: bool,
    /// What goes wrong.
    #[command(flatten)]
    pub faults: Faults,
}

impl SimulatorArgs {
    /// Reads the files that are named.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or is not what it should be.
    pub fn into_config(self) -> Result<Config, SimulatorError> {
        let mut schema = Schema::standard();
        if let Some(path) = self.schema {
            let json = read(&path)?;
            schema = match schema.with(&json) {
                Ok(schema) => schema,
                Err(source) => return Err(SimulatorError::Schema { path, source }),
            };
        }
        let jwt_public_key = match self.jwt_public_key_file {
            None => None,
            Some(path) => match PublicKey::from_pem(&read(&path)?) {
                Ok(key) => Some(key),
                Err(source) => return Err(SimulatorError::PublicKey { path, source }),
            },
        };
        Ok(Config {
            listen: self.listen,
            allowed_hosts: self.allowed_hosts,
            org_id: self.org_id,
            client_id: self.client_id,
            client_secret: self.client_secret,
            user_name: self.user_name,
            password: self.password,
            jwt_public_key,
            refresh_token: self.refresh_token,
            rotate_refresh_token: self.rotate_refresh_token,
            logins_count: self.logins_count,
            access_token: self.access_token,
            instance_url: self.instance_url,
            schema,
            daily_limit: self.daily_limit,
            body_bytes_max: self.body_bytes_max,
            request_log_max: self.request_log_max,
            seed: self.seed,
            type_errors: self.type_errors,
            unknown_fields: self.unknown_fields,
            boolean_nulls: self.boolean_nulls,
            empty_records: self.empty_records,
            update_only: self.update_only,
            rolled_back_has_id: self.rolled_back_has_id,
            upload_bytes_max: self.upload_bytes_max,
            bulk_batches_daily_max: self.bulk_batches_daily_max,
            bulk_jobs_max: self.bulk_jobs_max,
            bulk_result_order: self.bulk_result_order,
            drop_unmapped_columns: self.drop_unmapped_columns,
            hard_delete: self.hard_delete,
            faults: self.faults,
        })
    }
}

fn org_id(text: &str) -> Result<String, String> {
    let is_id = text.len() == 18 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match is_id && text.starts_with("00D") {
        true => Ok(text.to_owned()),
        false => Err("an org's id has 18 letters and digits, and begins with 00D".to_owned()),
    }
}

fn read(path: &Path) -> Result<String, SimulatorError> {
    fs::read_to_string(path).map_err(|source| SimulatorError::File { path: path.into(), source })
}
