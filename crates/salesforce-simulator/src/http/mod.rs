//! HTTP below the API: connections that can break, bodies that may be packed,
//! and the way of one request.

mod answer;
mod body;
mod connection;
mod guard;
mod path;
mod server;

pub(crate) use answer::Answer;
pub(crate) use body::read_body;
pub(crate) use connection::{Doors, Wire};
pub(crate) use server::serve;
