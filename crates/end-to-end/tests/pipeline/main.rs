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
mod failed_runs;
mod failpoints;
mod full_proxy;
mod guards;
mod json;
mod kinds;
mod lost_batches;
mod many_runs;
mod order;
mod parents;
mod pipeline;
mod places;
mod processes;
mod records;
mod redis_faults;
mod rejects_parts;
mod replay;
mod rights;
mod rooms;
mod rounds;
mod server;
mod serving;
mod silent_proxy;
mod slow_proxy;
mod stalls;
mod targets;
mod torture;
