//! What the program does beside delivering, and what it looks at before it delivers.

pub(crate) mod check;
pub(crate) mod count;
pub(crate) mod preflight;
