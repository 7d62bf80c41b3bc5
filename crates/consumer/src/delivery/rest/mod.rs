//! Delivers rows by sObject Collections: up to 200 a call, each answered at once.

pub(crate) mod chunk;
pub(crate) mod doubt;
pub(crate) mod send;
