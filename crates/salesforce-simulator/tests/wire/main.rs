//! What the simulator answers, over real HTTP, against the words of the
//! reference (salesforce-api.md); and what it does when told to do wrong.

#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod bulk_faults;
mod bulk_jobs;
mod bulk_rows;
mod client;
mod collections;
mod collections_refused;
mod control;
mod describe;
mod faults;
mod grants;
mod guard;
mod jobs;
mod login;
mod program;
mod query;
mod records;
mod rows;
mod soap;
mod transport;
