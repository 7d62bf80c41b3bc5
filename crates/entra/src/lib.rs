//! Who this process is to Entra ID, for all services of Azure that it signs in to.

mod chain;
mod identity;

pub use chain::credential;
pub use identity::{Identity, SignInFailed, Token};
