//! What the program does beside delivering, and the preflight before it delivers.

mod check;
mod count;
mod preflight;

pub(crate) use self::{
    check::check,
    count::count,
    preflight::{Fitted, SignedIn, WaitLimit, fit, limits, sign_in},
};
