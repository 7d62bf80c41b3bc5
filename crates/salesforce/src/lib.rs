//! A client of Salesforce: sign-in, describe, collections, ingest jobs, queries. It makes calls and reads
//! answers; what an answer means for a row, and whether a call is worth another try, is its caller's.
//!
//! ```text
//! args ──Connection──▶ auth ──token──▶ client ──▶ describe · collections · ingest_jobs · query · count · api_usage
//! ```

mod api_usage;
mod args;
mod auth;
mod body;
mod client;
mod collections;
mod count;
mod describe;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod http;
mod identity;
mod ingest_jobs;
mod metrics;
mod query;
mod request;
mod wire;

pub use api_usage::{Allowance, OrgLimits, Usage};
pub use args::{ConnectionArgs, InvalidConnection, SignInArgs};
pub use auth::{Credentials, Flow, JwtKey, JwtKeyError, LoginError, SignInAdvice};
pub use client::Client;
pub use collections::{Destination, Payload, RowError, RowResult};
pub use count::{CountQuery, Counted, Recorded};
pub use error::{ErrorAnswer, Refusal};
pub use http::NoClient;
pub use ingest_jobs::{IngestJob, IngestOrder, IngestRows, IngestState, ResultBody, ResultFile};
pub use metrics::Metrics;
pub use query::{FoundRecord, FoundRecords, KeyQuery, Literal};
pub use request::Connection;
