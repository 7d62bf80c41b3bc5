//! What a run's rows become: its load and the org's objects make a plan for each header.

mod described_objects;
mod plan_cache;

pub(crate) use self::{
    described_objects::{Described, DescribedObjects, KNOWN_FOR},
    plan_cache::{ObjectView, PlanCache, PlanError, RunPlans, report},
};
