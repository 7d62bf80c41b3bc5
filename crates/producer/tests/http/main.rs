//! `producer serve` over real sockets, on a real Redis and a real Azurite.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod access;
mod control;
mod events;
mod hostile_files;
mod interruptions;
mod many_streams;
mod places;
mod routes;
mod starting;
mod stopping;
mod stuck_storage;
mod support;
mod targets;
