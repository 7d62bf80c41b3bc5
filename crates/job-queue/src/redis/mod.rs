//! Speaking with Redis: the connection, what to do while Redis is away, names and scripts.

mod aof_repair;
mod connection;
pub(crate) mod keys;
mod queue;
pub(crate) mod scripts;

pub use queue::{Depth, Fullness, Queue};
