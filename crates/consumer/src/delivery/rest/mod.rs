//! Delivers rows by sObject Collections: up to 200 a call, each answered at once.

mod call;
mod chunk;
mod destination;
mod doubt;
mod send;

pub(crate) use self::{
    call::Rest,
    chunk::{Chunk, chunk_rows},
};
