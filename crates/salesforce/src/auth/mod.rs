//! Signing in: the flows of OAuth, and the token that all calls share.

pub(crate) mod credentials;
pub(crate) mod host;
pub(crate) mod identity;
pub(crate) mod jwt;
pub(crate) mod login_error;
pub(crate) mod session;
pub(crate) mod sign_in_advice;
pub(crate) mod token_endpoint;

pub use self::{
    credentials::{Credentials, Flow},
    jwt::{JwtKey, JwtKeyError},
    login_error::LoginError,
    sign_in_advice::SignInAdvice,
};
