//! Real Redis and Azurite servers for the tests of the other crates.
//!
//! Each server runs on a free port with its data in a temporary folder, and ends
//! with the value that stands for it and with the test's process, however that
//! ends. Where a program is missing, starting it panics with what to do: a test
//! never passes without its service.

mod azurite;
mod clock;
mod process;
mod redis;
mod sas;
mod sentinel;

pub use azurite::{AZURITE_ACCOUNT, AZURITE_KEY, Azurite, azurite_connection_string};
pub use clock::MovableClock;
pub use process::free_port;
pub use redis::RedisServer;
pub use sas::azurite_sas_connection_string;
pub use sentinel::RedisSentinel;
