//! A claimed batch → calls → verdicts → back to the queue.

mod batch;
pub(crate) mod batch_state;
pub(crate) mod bulk;
mod deliverer;
mod holds;
mod planner;
pub(crate) mod rest;
mod results;

pub(crate) use self::{
    batch::Delivery,
    deliverer::{Deliverer, Limits, reject_unknown},
    holds::Holds,
    planner::Looked,
    rest::send::{End, Sent},
    results::Results,
};
