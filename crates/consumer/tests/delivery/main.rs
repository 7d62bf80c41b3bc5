//! A whole consumer between a real Redis and the simulator.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod bulk;
mod changing;
mod doubting;
mod failing_proxy;
mod faults;
mod happy_path;
mod hard_deletes;
mod health;
mod holding;
mod ids;
mod loads;
mod lookups;
mod on_the_way;
mod operations;
mod outages;
mod requeue;
mod starting;
mod stopping;
mod support;
mod throttling;
mod waiting;
mod watched;
