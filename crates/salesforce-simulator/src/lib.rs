//! A local stand-in for Salesforce: login, describe, sObject Collections, Bulk
//! API 2.0, single records, small queries, and every fault a loader must live with.
//!
//! ```text
//! connection ──▶ fate ──▶ token, budget ──▶ route ──▶ draft ──▶ store
//!  (http)       (faults)   (sessions,        (api)    (record,   (one lock)
//!                           traffic)                   schema)
//! ```
//!
//! It is a second, independent reading of Salesforce's documents and shares no
//! type with the client in the crate `consumer`: where the two disagree, a test
//! fails. In a test it runs in-process on a free port:
//!
//! ```
//! # async fn example() -> Result<(), salesforce_simulator::SimulatorError> {
//! use salesforce_simulator::{Config, Fault, PlannedFault, Simulator};
//!
//! let simulator = Simulator::start(Config::default()).await?;
//! simulator.plan(PlannedFault::once(Fault::AnswerLost).after(2).on("/composite/"));
//! // … point a client at simulator.url() …
//! assert_eq!(simulator.state().objects["Lead"].rows, 0);
//! simulator.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod api;
mod args;
mod barring;
mod bulk;
mod config;
mod cursors;
mod error;
mod faults;
mod http;
mod id;
mod org;
mod problem;
mod public_key;
mod record;
mod render;
mod run;
mod schema;
mod sessions;
mod simulator;
mod store;
mod traffic;

pub use args::SimulatorArgs;
pub use config::{Config, EmptyRecords, ResultOrder, UpdateOnly};
pub use error::SimulatorError;
pub use faults::{
    Fault, Faults, InvalidFaults, LoginError, PlannedFault, PlannedRefusal, RowErrorRule,
};
pub use org::{ObjectState, State};
pub use public_key::{PublicKey, PublicKeyError};
pub use record::{BooleanNulls, ErrorScope};
pub use run::run;
pub use schema::{FieldChange, Schema, SchemaError};
pub use simulator::Simulator;
pub use store::Digest;
pub use traffic::LoggedRequest;
