//! What is known of each run: its entry, its events, its rejected rows, and what a person does to it.

mod control;
mod entry;
mod events;
mod recovery;
mod rejects;
mod runs;
mod series;
mod target;

pub use control::Control;
#[cfg(any(test, fuzzing))]
pub(crate) use entry::Entry;
pub use entry::{Created, Held, Ledger, NewRun, RunState};
pub use events::{BatchEvent, EventId};
pub use rejects::{PendingRejects, RejectsPart, RejectsParts};
pub use runs::RunsPage;
#[cfg(any(test, fuzzing))]
pub(crate) use series::read as read_series;
pub use series::{Bucket, Series};
pub(crate) use target::{CONSUMERS, SERVERS};
pub use target::{Choice, Target, Wanted};
