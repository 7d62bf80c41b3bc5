//! What a run's rows become: settings and the org's objects make a plan for each header.

mod blueprint;
mod plan_cache;
mod target;

pub(crate) use self::{
    blueprint::Blueprint,
    plan_cache::{ObjectView, PlanCache, PlanError, RunPlans, report},
    target::{mapping_digest, target},
};
