//! How the org is set up.

use std::net::{Ipv4Addr, SocketAddr};

use secrecy::SecretString;

use crate::{
    faults::Faults,
    public_key::PublicKey,
    record::{BooleanNulls, ErrorScope},
    schema::Schema,
};

/// What a [`Simulator`](crate::Simulator) is started with.
///
/// The default listens on a free port of the loopback address and has no
/// faults.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Names by which it is called besides localhost.
    pub allowed_hosts: Vec<String>,
    /// The id of the org, of 18 characters.
    pub org_id: String,
    /// The consumer key that may log in.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// The user on whose behalf everything runs, and who may log in.
    pub user_name: String,
    /// The user's password with the security token behind it.
    pub password: SecretString,
    /// What the assertions of a JWT bearer login are signed with; without it they
    /// are all refused.
    pub jwt_public_key: Option<PublicKey>,
    /// A refresh token that is valid until it is revoked or rotated.
    pub refresh_token: Option<SecretString>,
    /// Whether a refresh token is good for one login, whose answer has the next.
    pub rotate_refresh_token: bool,
    /// Whether logins take calls from the day's budget. Users report that they do
    /// not (salesforce-api.md 5.1).
    pub logins_count: bool,
    /// A token that is valid without a login, until a fault ends it.
    pub access_token: Option<SecretString>,
    /// What the token answer names as `instance_url`; the default is the host
    /// that the client asked.
    pub instance_url: Option<String>,
    /// Objects and fields.
    pub schema: Schema,
    /// Requests a day; beyond it every call is refused.
    pub daily_limit: u64,
    /// Longest request body, before and after decompression.
    pub body_bytes_max: usize,
    /// How many requests the log keeps.
    pub request_log_max: usize,
    /// Start of all random faults.
    pub seed: u64,
    /// Whether a value of a wrong type fails its record or the whole request.
    pub type_errors: ErrorScope,
    /// Whether an unknown field fails its record or the whole request.
    pub unknown_fields: ErrorScope,
    /// What an explicit null does to a boolean field.
    pub boolean_nulls: BooleanNulls,
    /// What becomes of a call without records.
    pub empty_records: EmptyRecords,
    /// What `updateOnly` does in a call of Collections.
    pub update_only: UpdateOnly,
    /// Whether a record that all-or-none rolled back still shows an id.
    pub rolled_back_has_id: bool,
    /// Longest upload of an ingest job, before and after decompression.
    pub upload_bytes_max: usize,
    /// Batches of 10,000 rows a day; a job beyond it fails.
    pub bulk_batches_daily_max: u64,
    /// Ingest jobs that may be unfinished at once; `None` is no limit. The figure
    /// of 25 that is often repeated is not in the vendor's table
    /// (salesforce-api.md 3.3).
    pub bulk_jobs_max: Option<usize>,
    /// In what order result files have their rows.
    pub bulk_result_order: ResultOrder,
    /// Whether result files leave out the columns that are not fields.
    pub drop_unmapped_columns: bool,
    /// Whether the user may delete for good.
    pub hard_delete: bool,
    /// What goes wrong from the start.
    pub faults: Faults,
}

/// What becomes of a collections call without records, which the reference could
/// not verify (salesforce-api.md 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum EmptyRecords {
    /// 400.
    #[default]
    Refused,
    /// An empty list of results.
    Accepted,
}

/// What `updateOnly` does in an upsert of Collections. It is documented for single
/// records only (salesforce-api.md 2.1): nobody should count on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum UpdateOnly {
    /// Nothing: a record with an unknown key is created.
    #[default]
    Ignored,
    /// What it does for a single record, from version 61 on: nothing is created.
    Honored,
}

/// In what order the result files of an ingest job have their rows. Users report
/// that it is not the order of the upload (salesforce-api.md 3.2): so a client must
/// not count on it, and is not given it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ResultOrder {
    /// Another one, the same each time.
    #[default]
    Shuffled,
    /// That of the upload.
    Upload,
}

impl ResultOrder {
    pub(crate) fn is_shuffled(self) -> bool {
        self == Self::Shuffled
    }
}

impl Config {
    /// The id of the org when nothing else is set.
    pub const ORG_ID: &str = "00DS1000000SimuMAC";
    /// The consumer key that may log in when nothing else is set.
    pub const CLIENT_ID: &str = "batch-sync";
    /// The secret that goes with it: not secret at all, for it opens nothing
    /// but this stand-in.
    pub const CLIENT_SECRET: &str = "local-only-secret";
    /// The user when nothing else is set.
    pub const USER_NAME: &str = "integration@batch-sync.example";
    /// The user's password, no more secret than the secret.
    pub const PASSWORD: &str = "local-only-password";
    /// That of a full sandbox (salesforce-api.md 5.1).
    pub const DAILY_LIMIT: u64 = 5_000_000;
    /// 50 MB, the figure that Data Loader counts on (salesforce-api.md 2.6).
    pub const BODY_BYTES_MAX: usize = 50 * 1024 * 1024;
    /// 150 MB as base64 (salesforce-api.md 3.3).
    pub const UPLOAD_BYTES_MAX: usize = 112_500_000;
    /// Shared by both versions of the Bulk API (salesforce-api.md 3.3).
    pub const BULK_BATCHES_DAILY_MAX: u64 = 15_000;
    /// Enough to see what led to a failure.
    pub const REQUEST_LOG_MAX: usize = 1000;
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            allowed_hosts: Vec::new(),
            org_id: Self::ORG_ID.to_owned(),
            client_id: Self::CLIENT_ID.to_owned(),
            client_secret: SecretString::from(Self::CLIENT_SECRET),
            user_name: Self::USER_NAME.to_owned(),
            password: SecretString::from(Self::PASSWORD),
            jwt_public_key: None,
            refresh_token: None,
            rotate_refresh_token: false,
            logins_count: false,
            access_token: None,
            instance_url: None,
            schema: Schema::standard(),
            daily_limit: Self::DAILY_LIMIT,
            body_bytes_max: Self::BODY_BYTES_MAX,
            request_log_max: Self::REQUEST_LOG_MAX,
            seed: 1,
            type_errors: ErrorScope::default(),
            unknown_fields: ErrorScope::default(),
            boolean_nulls: BooleanNulls::default(),
            empty_records: EmptyRecords::default(),
            update_only: UpdateOnly::default(),
            rolled_back_has_id: false,
            upload_bytes_max: Self::UPLOAD_BYTES_MAX,
            bulk_batches_daily_max: Self::BULK_BATCHES_DAILY_MAX,
            bulk_jobs_max: None,
            bulk_result_order: ResultOrder::default(),
            drop_unmapped_columns: false,
            hard_delete: false,
            faults: Faults::default(),
        }
    }
}
