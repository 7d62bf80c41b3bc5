//! What the tests of several crates share: real Redis, Sentinel, Azurite and tinyproxy servers, proxies
//! that break connections on purpose, keys and certificates, sample runs and batches, and waiting.
//!
//! Each server runs on a free port with its data in a temporary folder, and ends
//! with the value that stands for it and with the test's process, however that
//! ends. Where a program is missing, starting it panics with what to do: a test
//! never passes without its service.

mod azurite;
mod certificates;
mod clock;
mod forward_proxy;
mod fuzz;
mod keys;
mod process;
mod proxy;
mod redis;
mod samples;
mod sas;
mod sentinel;
mod wait;

pub use azurite::{
    AZURITE_ACCOUNT, AZURITE_KEY, Azurite, azurite_command, azurite_connection_string,
};
pub use certificates::Certificates;
pub use clock::MovableClock;
pub use forward_proxy::{FORWARD_PROXY_IP, ForwardProxy};
pub use fuzz::replay_corpus;
pub use keys::{RSA_KEYS, UNUSUAL_RSA_KEYS};
pub use process::free_port;
pub use proxy::{Fate, Filter, MovingProxy, pass, proxy_before};
pub use redis::{RedisServer, redis_program};
pub use samples::{batch, load_of, new_run, outcome};
pub use sas::azurite_sas_connection_string;
pub use sentinel::RedisSentinel;
pub use wait::{sleep, until, wait_at_most, wait_until};
