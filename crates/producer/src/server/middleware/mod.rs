//! What every request passes before its route, and every response after it.

pub(crate) mod admission;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod headers;
pub(crate) mod measured;
