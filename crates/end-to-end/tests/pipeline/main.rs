//! Runs from blob to Salesforce: real processes on real services, checked row by
//! row.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod backpressure;
mod bad_input;
mod crashes;
mod delivery;
mod failpoints;
mod guards;
mod json;
mod pipeline;
mod processes;
mod replay;
mod serving;
