//! The client against the simulator, and against servers that behave worse.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod answers;
mod flows;
mod login;
mod queries;
mod support;
