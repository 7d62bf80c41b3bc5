//! The handlers, a file for each resource of the API; `openapi.json` describes them.

pub(crate) mod checks;
pub(crate) mod control;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod health;
pub(crate) mod loads;
pub(crate) mod mappings;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod outputs;
pub(crate) mod page;
pub(crate) mod preview;
pub(crate) mod queue;
pub(crate) mod runs;
pub(crate) mod salesforce;
pub(crate) mod start;
pub(crate) mod uploads;
