//! What the queue promises, against a real Redis.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

mod claiming;
mod control;
mod feeding;
mod forgetting;
mod full;
mod imports;
mod mending;
mod model;
mod rounds;
mod series;
mod settling;
mod shared;
mod sizes;
mod stalls;
mod support;
mod torn_file;
mod under_way;
mod worker;
