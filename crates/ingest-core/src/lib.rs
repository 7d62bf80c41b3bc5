//! Turns the bytes of a CSV file into batches of records, in bounded memory.

mod batch;
mod dialect;
mod error;
mod header;
mod ingest;
mod job;
mod position;
mod reject;
mod rejects_file;
mod rows;
mod run;

pub use batch::{Batch, BatchLimits};
pub use dialect::Dialect;
pub use error::IngestError;
pub use header::Header;
pub use ingest::{Ingest, IngestSettings};
pub use job::{BatchJob, DecodeJobError};
pub use position::{Position, ResumePoint};
pub use reject::Reject;
pub use rejects_file::{reject_line, rejects_header};
pub use rows::Rows;
pub use run::{InvalidRunId, RunId};
