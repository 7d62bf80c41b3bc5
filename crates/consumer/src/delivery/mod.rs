//! A claimed batch → calls → verdicts → back to the queue.
//!
//! [`Deliverer`] claims nothing and sends nothing by itself: it chooses the way of a batch (`rest` or
//! `bulk`), and settles or releases it. Both ways send through [`Sender`].

mod batch;
mod batch_state;
mod batch_trace;
mod bulk;
mod deliverer;
mod holds;
mod lookup;
mod outcome;
mod planner;
mod record_ids;
mod rest;
mod results;
mod sender;
mod written;

pub(crate) use self::{
    batch_trace::BatchTrace,
    bulk::{Bulk, BulkAccess},
    deliverer::Deliverer,
    holds::Holds,
    lookup::Lookup,
    planner::Planner,
    rest::Rest,
    sender::Sender,
};
