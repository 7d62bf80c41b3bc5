//! Where the rows go, and how.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use ingest_core::is_record_id;

use super::{ApiChoice, InvalidSettings, MappingArgs, SignInArgs, not_by_bulk};
use load::{LeftOut, Operation, ValueRules, is_api_name};
use salesforce::{AssignmentRule, Connection};

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

    /// Field by which rows find their record: an external id for an upsert; an external id or Id
    /// (the default) for an update or a delete. An insert has none.
    #[arg(long, env = "SALESFORCE_EXTERNAL_ID", value_name = "FIELD", value_parser = api_name)]
    pub salesforce_external_id: Option<String>,

    /// What to do with the rows.
    #[arg(long, env = "SALESFORCE_OPERATION", value_enum, default_value_t = Operation::Upsert)]
    pub salesforce_operation: Operation,

    /// By which API rows are loaded. The outcome is the same.
    #[arg(long, env = "SALESFORCE_API", value_enum, default_value_t = ApiChoice::Collections)]
    pub salesforce_api: ApiChoice,

    /// Rows per call, at most 200. A call never holds rows of two batches, so more than
    /// `BATCH_ROWS` has no effect.
    #[arg(long, env = "SALESFORCE_BATCH", default_value_t = 200, value_name = "ROWS", value_parser = clap::value_parser!(u16).range(1..=200))]
    pub salesforce_batch: u16,

    /// Assignment rule for accounts, cases and leads: true for the active one, false for none, or
    /// the id of one. Not set: the org decides.
    #[arg(long, env = "SALESFORCE_ASSIGNMENT_RULE", value_name = "RULE", value_parser = assignment_rule)]
    pub salesforce_assignment_rule: Option<AssignmentRule>,

    /// Store rows also when a duplicate rule, which would let a person save them in spite of its
    /// warning, finds them to be duplicates.
    #[arg(long, env = "SALESFORCE_ALLOW_DUPLICATES", action = clap::ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub salesforce_allow_duplicates: bool,

    /// What the org's event log calls this client.
    #[arg(long, env = "SALESFORCE_CLIENT_NAME", default_value = "batch-sync", value_name = "NAME", value_parser = client_name)]
    pub salesforce_client_name: String,

    /// Compress what is sent with gzip. Answers always may be.
    #[arg(long, env = "SALESFORCE_GZIP", action = clap::ArgAction::Set, default_value_t = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub salesforce_gzip: bool,

    /// How long to wait for a connection to Salesforce, such as 10s.
    #[arg(long, env = "SALESFORCE_CONNECT_TIMEOUT", default_value = "10s", value_name = "DURATION", value_parser = service::parse_duration)]
    pub salesforce_connect_timeout: Duration,

    /// How long to wait for an answer. Salesforce itself gives up after ten minutes; a call that
    /// is cut off before may have been carried out.
    #[arg(long, env = "SALESFORCE_TIMEOUT", default_value = "9m 30s", value_name = "DURATION", value_parser = service::parse_duration)]
    pub salesforce_timeout: Duration,

    #[command(flatten)]
    pub(crate) mapping: MappingArgs,
}

/// Where the rows go, and how to get in.
#[derive(Clone, Debug)]
pub struct SalesforceConfig {
    pub(crate) connection: Connection,
    pub(crate) object: String,
    /// The field by which rows find their record; an insert has none.
    pub(crate) key: Option<String>,
    pub(crate) operation: Operation,
    pub(crate) api: ApiChoice,
    pub(crate) call_rows_max: usize,
    pub(crate) assignment_rule: Option<AssignmentRule>,
    pub(crate) allow_duplicates: bool,
    pub(crate) mapping_file: Option<PathBuf>,
    pub(crate) left_out: LeftOut,
    pub(crate) values: ValueRules,
    /// Whether nobody said how dates with slashes are read.
    pub(crate) dates_are_assumed: bool,
}

impl SalesforceArgs {
    /// Takes the arguments as they are meant.
    pub(crate) fn meant(self) -> Result<SalesforceConfig, InvalidSettings> {
        let operation = self.salesforce_operation;
        let connection = self.connection()?;
        let key = self.key()?;
        let api = self.api()?;
        let object = self.salesforce_object.ok_or(InvalidSettings::NoObject)?;
        Ok(SalesforceConfig {
            connection,
            object,
            key,
            operation,
            api,
            call_rows_max: usize::from(self.salesforce_batch),
            assignment_rule: self.salesforce_assignment_rule,
            allow_duplicates: self.salesforce_allow_duplicates,
            left_out: self.mapping.left_out(),
            values: self.mapping.values(),
            dates_are_assumed: self.mapping.mapping_dates.is_none(),
            mapping_file: self.mapping.mapping_file,
        })
    }

    /// How to get in and ask, whatever the rows become.
    pub(super) fn connection(&self) -> Result<Connection, InvalidSettings> {
        Ok(Connection {
            credentials: self.sign_in.credentials()?,
            api_version: self.salesforce_api_version.clone(),
            client_name: self.salesforce_client_name.clone(),
            gzip: self.salesforce_gzip,
            connect_timeout: self.salesforce_connect_timeout,
            timeout: self.salesforce_timeout,
        })
    }

    /// The API that can do what the other settings say.
    fn api(&self) -> Result<ApiChoice, InvalidSettings> {
        let rule = self.salesforce_assignment_rule.as_ref();
        let duplicates = self.salesforce_allow_duplicates;
        let what = not_by_bulk(rule, duplicates);
        match (self.salesforce_api, what) {
            (ApiChoice::Bulk, Some(what)) => Err(InvalidSettings::NotByBulk { what }),
            (ApiChoice::Auto, Some(_)) => Ok(ApiChoice::Collections),
            (api, _) => Ok(api),
        }
    }

    /// The field by which rows find their record.
    fn key(&self) -> Result<Option<String>, InvalidSettings> {
        let given = self.salesforce_external_id.as_ref();
        let is_id = given.is_none_or(|field| field.eq_ignore_ascii_case("Id"));
        match self.salesforce_operation {
            // The object is what a person thinks of first.
            _ if self.salesforce_object.is_none() => Err(InvalidSettings::NoObject),
            Operation::Insert => Ok(None),
            Operation::Upsert => given.cloned().map(Some).ok_or(InvalidSettings::NoExternalId),
            Operation::Update | Operation::Delete if is_id => Ok(Some("Id".to_owned())),
            Operation::Update | Operation::Delete => Ok(given.cloned()),
        }
    }
}

pub(super) fn api_name(text: &str) -> Result<String, String> {
    if is_api_name(text) {
        Ok(text.to_owned())
    } else {
        Err("not an API name; these have letters, digits and underscores".to_owned())
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

fn assignment_rule(text: &str) -> Result<AssignmentRule, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(AssignmentRule::Active),
        "false" => Ok(AssignmentRule::None),
        id if is_record_id(id) => Ok(AssignmentRule::Id(text.to_owned())),
        _ => Err("write true, false, or the id of a rule (15 or 18 characters)".to_owned()),
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
