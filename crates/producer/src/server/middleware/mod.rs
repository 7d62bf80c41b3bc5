pub(crate) mod admission;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod headers;
