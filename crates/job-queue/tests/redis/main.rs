//! What the queue promises, against a real Redis.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod aof_repair;
mod claiming;
mod compatibility;
mod control;
mod external_job;
mod feeding;
mod forgetting;
mod full;
mod ids;
mod imports;
mod model;
mod overview;
mod recovery;
mod refusals;
mod rounds;
mod series;
mod settling;
mod shared;
mod sizes;
mod stalls;
mod support;
mod worker;
