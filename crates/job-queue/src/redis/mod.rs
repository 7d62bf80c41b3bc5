//! Speaking with Redis: the connection, what to do while Redis is away, names and scripts.

mod aof_repair;
mod cluster;
mod connection;
mod hosts;
pub(crate) mod keys;
mod locator;
mod plain_answer;
mod queue;
mod retry;
pub(crate) mod scripts;
mod sentinel;
mod server_settings;
mod tokens;
mod waits;

pub use queue::{IS_FULL, Queue};
