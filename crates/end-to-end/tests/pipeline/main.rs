//! Runs from blob to Salesforce: real processes on real services, checked row by
//! row.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod azure_faults;
mod backpressure;
mod bad_input;
mod bulk;
mod control_faults;
mod crashes;
mod delivery;
mod failpoints;
mod guards;
mod json;
mod lost_batches;
mod parents;
mod pipeline;
mod processes;
mod redis_faults;
mod replay;
mod rights;
mod serving;
mod silent_proxy;
mod torture;
