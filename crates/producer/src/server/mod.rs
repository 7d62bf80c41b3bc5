//! `producer serve`: the HTTP API and the page, and the worker that loads the runs started there.
//!
//! ```text
//! router ──▶ middleware ──▶ routes ──▶ state ──▶ live (event streams), import
//! worker, lines_sweeper     beside it: load runs, write the rejects that are left
//! ```

pub(crate) mod blob_health;
pub(crate) mod cached;
pub(crate) mod checks;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod extract;
pub(crate) mod lines_sweeper;
pub(crate) mod lists;
pub(crate) mod live;
pub(crate) mod load_body;
pub(crate) mod metrics;
pub(crate) mod middleware;
pub(crate) mod org;
pub(crate) mod readiness;
pub(crate) mod router;
pub(crate) mod routes;
pub(crate) mod shares;
pub(crate) mod state;
pub(crate) mod worker;
