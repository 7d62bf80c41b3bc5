//! What is known of each run: its entry, its events, the lines of its files, and what a person does to it.

mod assign_load;
mod change;
mod control;
mod create;
mod entry;
mod events;
mod fields;
mod output;
mod recovery;
mod run_load;
mod run_state;
mod runs;
mod series;

pub use assign_load::OrgClaim;
pub use control::Control;
pub use create::{Created, NewRun};
pub use entry::{Held, Ledger};
pub use events::{BatchEvent, EventId};
#[cfg(any(test, fuzzing))]
pub(crate) use fields::Entry;
pub use output::{Output, OutputPart, OutputParts, PendingLines};
pub use run_load::{LoadSummary, RunLoad};
pub use run_state::RunState;
pub use runs::RunsPage;
#[cfg(any(test, fuzzing))]
pub(crate) use series::read as read_series;
pub use series::{Bucket, Series};
