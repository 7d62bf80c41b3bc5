//! Delivers a batch as one ingest job of Bulk API 2.0.
//!
//! ```text
//! create ─▶ keep the id in Redis ─▶ upload ─▶ close ─▶ poll ─▶ results ─▶ verdicts ─▶ settle ─▶ delete
//! ```
//!
//! What holds:
//!
//! * The id is kept with the batch before a row is uploaded. The next consumer of the batch continues
//!   with that job, and makes no second one while rows of the first may be loaded.
//! * Results are matched by key, or by all cells of a row.
//! * What is wrong with a job is no fault of its rows: a job that fails before any of them is
//!   processed is followed by another one, a few times, and after that they go by calls. So do rows
//!   of which a job says nothing.
//! * Rows get their verdicts from the same function as those of a call, and their values from the
//!   same conversion: the outcome is that of Collections. Rows that CSV cannot say exactly go by
//!   calls.
//! * Rows that repeat a key follow when the job has ended and has said what became of the row before
//!   them: by calls, or by the next job, where that is fewer calls (`Api::for_repeats`). The job
//!   stays with the batch until the calls are made: a consumer that follows reads its results again,
//!   and makes the same calls in the same order.

mod access;
mod checkpoint;
mod collect;
mod deliver;
mod job;
mod job_settings;
mod matcher;
mod request;
mod result_file;
mod step;
mod upload;

pub(crate) use self::{access::BulkAccess, deliver::Loaded, step::Bulk};
