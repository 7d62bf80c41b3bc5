//! `producer serve` over real sockets, on a real Redis and a real Azurite.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod access;
mod audit;
mod confirming;
mod control;
mod crowds;
mod events;
mod health;
mod hostile;
mod hostile_files;
mod hostile_words;
mod ids;
mod interruptions;
mod loads;
mod many_streams;
mod places;
mod previews;
mod rejects;
mod routes;
mod smuggling;
mod starting;
mod stopping;
mod stuck_storage;
mod support;
mod uploads;
