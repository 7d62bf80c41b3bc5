//! Speaking with Redis: the connection, what to do while Redis is away, names and scripts.

mod aof_repair;
mod connection;
pub(crate) mod keys;
mod queue;
mod retry;
pub(crate) mod scripts;
mod sentinel;
mod server_settings;

pub use queue::Queue;
