//! A whole consumer between a real Redis and the simulator.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod arrival;
mod bulk;
mod changing;
mod citizen;
mod doubting;
mod faults;
mod handing_on;
mod holding;
mod lookups;
mod on_the_way;
mod operations;
mod spoiler;
mod starting;
mod stopping;
mod support;
mod targets;
mod waiting;
mod watched;
