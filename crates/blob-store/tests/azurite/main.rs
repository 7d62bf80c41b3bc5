//! The crate against a real Azurite, directly and through a proxy that breaks
//! connections.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod access;
mod append;
mod broken;
mod compressed;
mod odd_answers;
mod proxy;
mod resumed;
mod round_trip;
mod support;
