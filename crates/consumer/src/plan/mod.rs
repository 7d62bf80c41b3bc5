//! What a run's rows become: its load and the org's objects make a plan for each header.

mod mapping_file;
mod plan_cache;
mod target;

pub(crate) use self::{
    mapping_file::read_mapping,
    plan_cache::{ObjectView, PlanCache, PlanError, RunPlans, report},
    target::target,
};
