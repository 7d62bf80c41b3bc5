//! The handlers, a file for each resource of the API; `openapi.json` describes them.

pub(crate) mod control;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod health;
pub(crate) mod loads;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod page;
pub(crate) mod queue;
pub(crate) mod rejects;
pub(crate) mod runs;
pub(crate) mod start;
pub(crate) mod uploads;
