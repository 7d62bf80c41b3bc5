//! Takes batches from the queue and delivers their rows to Salesforce.
//!
//! ```text
//! BatchBackend ──workers──▶ delivery ──▶ settle · retry · release
//!                             ├─ planner       the object, read again when something does not fit
//!                             ├─ lookup        ids of the records that rows name by a key
//!                             ├─ rest          up to 200 rows a call, by Collections
//!                             ├─ bulk          a batch as one ingest job
//!                             └─ sender        one call: permit → send → count → classify → wait
//!                                  ├─ throttle    daily quota → circuit breaker → concurrency
//!                                  └─ retry       what an answer means; all retry policy
//! ```
//!
//! Crate `load` turns rows into what is sent, crate `salesforce` sends it. `commands` has the preflight,
//! `check`, and `count`, which asks whether as many records are there as a run's ledger says.
//!
//! What holds:
//!
//! * The load of each run decides what becomes of its rows, so runs of any objects come to any consumer.
//!   One whose load does not fit the org or its file fails, and others continue.
//! * All rows go to the org that the queue belongs to: a consumer that is signed in to another one does
//!   not start.
//! * A row leaves the queue delivered or rejected, each once; what is neither goes back.
//! * A run that no consumer can deliver is held, and others continue. A consumer ends by itself only
//!   when its sign-in is refused.
//! * The queue knows of a batch that waits: a consumer that dies then has not died of the batch.
//! * `retry` decides what is worth another try. The client reads status codes to tell an answer from an
//!   error, and the preflight to say what a person can do.
//! * A row is sent again after an unknown outcome only when it is upserted by an external id.
//! * An update creates nothing, and a delete hits what its keys meant when it began: see `lookup`.
//! * Rows with the same external id in a batch reach Salesforce in their order, one call each.
//! * No log, error or `Debug` shows a secret or a row's value.

mod commands;
mod config;
mod counters;
mod delivery;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod metrics;
mod plan;
mod retry;
mod run;
#[cfg(test)]
mod samples;
mod shutdown;
mod start;
mod throttle;
mod workers;

pub use config::{
    ApiReserve, ApiReserveArgs, Cli, Config, ConsumerArgs, CountConfig, HeaderArgs,
    InvalidSettings, SalesforceArgs, SalesforceConfig, Task,
};
pub use error::{ConsumerError, StoppedBy};
pub use run::{run, run_as_program};
