//! Salesforce over HTTP: login, describe, collections. Knows nothing of queues and retries.

mod auth;
mod client;
mod describe;
mod http;
mod refusal;
mod wire;

pub use auth::{Credentials, LoginError};
pub use client::{Client, Connection, Destination};
pub(crate) use describe::{Describe, Field};
pub use http::NoTrust;
pub use refusal::{ErrorAnswer, Refusal};
pub use wire::{RowError, RowResult};
