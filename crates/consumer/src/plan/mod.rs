//! What a run's rows become: settings and the org's objects make a plan for each header.

pub(crate) mod blueprint;
pub(crate) mod plan_cache;
pub(crate) mod target;
