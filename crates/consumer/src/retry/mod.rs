//! All retry policy: what an answer means for its rows. Pure; nothing here waits or sends.
//!
//! The tables are those of Salesforce's status codes for a whole call, for one record and for an ingest
//! job. The code decides first, the HTTP status second (the same code comes with different statuses),
//! and the text only where one code stands for different things.

mod again;
mod backoff;
mod blocker;
#[cfg(test)]
mod code_tests;
mod job_error;
mod message;
mod request_error;
#[cfg(test)]
mod request_error_tests;
mod row_error;
#[cfg(test)]
mod row_error_tests;
mod verdict;

pub(crate) use self::{
    again::Again,
    backoff::{
        BETWEEN_DOUBTS, BETWEEN_HOLDS, BETWEEN_PASSES, BETWEEN_POLLS, Backoff, BackoffReason,
    },
    blocker::Blocker,
    job_error::{
        FailedJob, HARD_DELETE_RIGHT, classify_failed_job, classify_job_call, failure_code,
        for_operation, may_be_for_rows,
    },
    request_error::{classify_call, may_be_a_schema_change, reason_of},
    row_error::{
        UNLIMITED, classify_row, created_by_update, is_about_a_field, meets_locks,
        no_row_may_be_written, says_not_writable,
    },
    verdict::{CallVerdict, Change, JobProblem, OnExhausted, OnSingleRow, RowVerdict},
};
