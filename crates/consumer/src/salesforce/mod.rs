//! Salesforce over HTTP: login, describe, collections, ingest jobs. Knows nothing of queues and retries.

mod bulk;
mod client;
mod count;
mod credentials;
mod describe;
mod destination;
mod host;
mod http;
mod jwt;
mod login;
mod org;
mod query;
mod refusal;
mod session;
mod token_endpoint;
mod usage;
mod wire;

pub(crate) use bulk::{IngestJob, IngestOrder, IngestState, ResultBody, ResultFile, is_id};
pub use client::{Client, Connection};
pub use count::{CountQuery, Counted, Recorded};
pub use credentials::{Credentials, Flow};
pub(crate) use describe::{Describe, Field};
pub use destination::{AssignmentRule, Destination, Payload};
pub(crate) use host::{has_user, is_loopback};
pub use http::NoTrust;
pub use jwt::{JwtKey, JwtKeyError};
pub use login::LoginError;
pub use query::{FoundRecord, FoundRecords, KeyQuery, Literal};
pub use refusal::{ErrorAnswer, Refusal};
#[cfg(any(test, fuzzing))]
pub(crate) use token_endpoint::read_any_answer;
pub(crate) use usage::Usage;
pub(crate) use wire::DailyRequests;
pub use wire::{RowError, RowResult};
