//! Bulk API 2.0: ingest jobs, from the order to the three result files
//! (salesforce-api.md 3).
//!
//! ```text
//! order ──▶ upload ──▶ close ──▶ delay ──▶ batches of 10,000 ──▶ results
//!  (Open)            (UploadComplete)      (InProgress)          (JobComplete,
//!                                           saved 200 at a time)  Failed, Aborted)
//! ```

mod content;
mod job;
mod jobs;
mod order;
mod processing;
mod results;

pub(crate) use job::{Job, JobState};
pub(crate) use jobs::Jobs;
pub(crate) use order::{ColumnDelimiter, JobOperation, LineEnding, Order};
pub(crate) use processing::process;
pub(crate) use results::{ResultFile, ResultForm, ResultPieces};
