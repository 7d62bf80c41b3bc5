//! Takes batches from the queue and delivers their rows to Salesforce.
//!
//! ```text
//! BatchBackend ──workers──▶ delivery ──▶ settle · requeue · release
//!                             │  ├─ mapping       raw CSV rows → JSON bodies
//!                             │  ├─ lookup        ids of the records that rows name by a key
//!                             │  ├─ bulk          a batch as one ingest job
//!                             │  ├─ salesforce    HTTP, one shared token
//!                             │  ├─ verdict       what an answer means; all retry policy
//!                             │  ├─ window        calls at once, shared by all consumers of the org
//!                             │  ├─ reserve       the day's calls, and those kept for others
//!                             │  └─ gate          all wait together while Salesforce is in trouble
//! count ──▶ as many records in Salesforce as a run's ledger says?
//! ```
//!
//! What holds:
//!
//! * Only runs with this consumer's target come to it: see `target`.
//! * A row leaves the queue delivered or rejected, each once; what is neither goes back.
//! * A run that nobody can deliver is held, and others go on. A consumer ends by itself only when
//!   it is no longer let in.
//! * A batch that waits is known to wait: whoever dies then has not died of it.
//! * Only `verdict` says what is worth another try; nothing else looks at a status code.
//! * A row is sent again after an unknown outcome only when it is upserted by an external id.
//! * An update creates nothing, and a delete hits what its keys meant when it began: see `lookup`.
//! * Rows with the same external id in a batch reach Salesforce in their order, one call each.
//! * No log, error or `Debug` shows a secret or a row's value.

mod backoff;
mod blueprint;
mod bulk;
mod calls;
mod check;
mod config;
mod count;
mod delivery;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod gate;
mod lookup;
mod mapping;
mod passing_by;
mod plans;
mod preflight;
mod progress;
mod reserve;
mod run;
mod salesforce;
mod standstill;
mod stopping;
mod target;
mod totals;
mod verdict;
mod watch;
mod window;
mod workers;

pub use bulk::ApiChoice;
pub use config::{
    ApiReserveArgs, Cli, Config, ConsumerArgs, CountConfig, HeaderArgs, InvalidSettings,
    MappingArgs, Nulls, SalesforceArgs, SalesforceConfig, SignInArgs, Task,
};
pub use error::{ConsumerError, StoppedBy};
pub use mapping::{DateOrder, Sdl, SdlError};
pub use reserve::ApiReserve;
pub use run::run;
pub use salesforce::{
    AssignmentRule, Client, Connection, CountQuery, Counted, Credentials, Destination, ErrorAnswer,
    Flow, FoundRecord, FoundRecords, JwtKey, JwtKeyError, KeyQuery, Literal, LoginError, NoTrust,
    Payload, Recorded, Refusal, RowError, RowResult,
};
pub use verdict::Operation;
