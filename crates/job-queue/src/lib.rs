//! The queue between producer and consumers, and the ledger of every run. The
//! only crate that knows Redis.
//!
//! ```text
//! Feeder::push ──▶ announce ─▶ apalis-redis push ─▶ checkpoint        producer
//!                                    │
//! BatchBackend ─▶ claim ─▶ Claimed ──┼─▶ settle   (counted, payload gone)
//!                    ▲               ├─▶ requeue  (fewer rows, after a delay)
//!                    └── lease over ─┴─▶ release  (as it was)          consumer
//! ```
//!
//! # Why jobs are pushed by apalis-redis and claimed by us
//!
//! `apalis-redis` 1.0 gives the storage format and the push. Its consuming half
//! fails under load (measured on 1.0.0): more than 8,000 due jobs
//! wedge the queue for good, finished jobs are kept for ever, heartbeats stop
//! while prefetched jobs wait (so they run twice), any cut connection ends the
//! worker, and attempts are not counted on redelivery. [`BatchBackend`] is an
//! `apalis_core` backend on the same keys that claims one job at a time under a
//! lease with a token, and removes it in the same atomic step that records its
//! outcome.
//!
//! Each run has a queue of its own, and there is one more, `full-import`, with a job for each run
//! that a server is to read ([`ImportBackend`]). Consumers claim one batch from each run that has
//! work, in turn: `round.lua` decides, alone, which runs these are. What is done with the rows of a
//! run, its load, is kept with it, so any consumer delivers any run; a run that was started without
//! a load waits for a consumer that has one to give.
//!
//! # Where is what
//!
//! | folder | what it holds |
//! |---|---|
//! | `queue` | push, claim, settle, release; leases and heartbeats; cancelling, which empties a queue |
//! | `ledger` | each run: its states, counts, events, lines for its files; pause, resume, hold; recovery of lost batches |
//! | `shared` | what consumers know together: the org's limits, an outage |
//! | `redis` | the connection, retries, names of keys, the repair of a truncated append-only file |
//! | `lua` | the scripts, each in the folder of its caller; `parts` are placed before others |
//!
//! # What holds
//!
//! * A batch's counts reach the ledger once: [`Claimed::settle`] sets the batch's
//!   bit, adds the counts and the lines for the run's files and removes the payload in one
//!   script. A second settle changes nothing.
//! * A job's id is its sequence, so pushing it again is a no-op; a job that was settled before is
//!   dropped when it is claimed. It can be claimed from the checkpoint on, in the file's order.
//! * A run that is paused, held or failed is in no round; its queue stays as it is. A cancelled
//!   run's batches are settled without their rows.
//! * Leases and delays are measured by a clock in Redis that stops while Redis is down or blocked
//!   (`clock.lua`). Clocks of producers and consumers do not matter.
//! * A batch that was fed and has no outcome is in one place: queued, delayed or leased. One that is
//!   in none is found, and fed again (`recovery.rs`).
//! * No script touches more than some hundred entries, but for one that runs when Redis has
//!   started: it rewrites all keys except payloads (`aof_repair.rs`).

mod args;
mod error;
mod failpoint;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod ledger;
mod metrics;
mod queue;
mod reason;
mod redis;
mod refusal;
mod shared;

pub use self::redis::{IS_FULL, Queue};
pub use args::{QueueArgs, RedisAuth};
pub use error::{FeedError, QueueError, Server};
#[cfg(debug_assertions)]
pub use failpoint::reach_failpoint;
pub use ledger::{
    BatchEvent, Bucket, Control, Created, EventId, Held, Ledger, LoadSummary, NewRun, OrgClaim,
    Output, OutputPart, OutputParts, PendingLines, RunLoad, RunState, RunsPage, Series,
};
pub use metrics::Metrics;
pub use queue::{
    BatchBackend, Claimed, ClaimedImport, Depth, Feeder, Fullness, ImportBackend,
    JOBS_PER_PUSH_MAX, JobBackend, LoadText, ReleaseFailed, ReleaseFailedLayer, Settled, Starting,
};
pub use reason::kept_with;
pub use shared::{
    Allowance, ApiUsage, LOOKUP_BYTES_MAX, LOOKUP_KEYS_MAX, OrgLimits, Outage, OutageKind,
    SharedMetrics,
};
