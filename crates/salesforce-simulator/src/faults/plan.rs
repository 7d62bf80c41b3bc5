//! Faults that are asked for by name instead of by chance.

use serde::{Deserialize, Serialize};

use super::Fault;

/// A fault for calls to come: the test's way to say exactly when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedFault {
    /// What happens.
    pub fault: Fault,
    /// How many calls it happens to.
    #[serde(default = "one")]
    pub times: u32,
    /// How many calls go by before.
    #[serde(default)]
    pub skip: u32,
    /// Only calls with this in their path count.
    #[serde(default)]
    pub path_contains: String,
    /// What a [`Refused`](Fault::Refused) call is answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<PlannedRefusal>,
}

/// Any error of a whole request, such as those of salesforce-api.md 4.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedRefusal {
    /// Of HTTP.
    pub status: u16,
    /// Such as `TXN_SECURITY_METERING_ERROR`.
    pub error_code: String,
    /// Its text.
    #[serde(default)]
    pub message: String,
}

/// Rows that are refused by the start of their key: the external id of the
/// call, or else the row's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RowErrorRule {
    /// Start of the key.
    pub key_prefix: String,
    /// Code of the error, such as `UNKNOWN_EXCEPTION`.
    pub status_code: String,
    /// Its text.
    #[serde(default)]
    pub message: String,
    /// How many rows are refused; without it, all.
    #[serde(default)]
    pub times: Option<u32>,
}

/// How the token endpoint refuses, whoever asks (salesforce-api.md 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LoginError {
    /// Wrong user, password, security token or network.
    AuthenticationFailure,
    /// Client credentials on a host that does not know them.
    WrongDomain,
    /// The app names no user to run as.
    NoRunAsUser,
    /// Nobody allowed the app to this user.
    NotApproved,
    /// The administrator did not allow the app to this user.
    NotAdminApproved,
    /// The assertion is meant for another host.
    InvalidAudience,
    /// The assertion has ended, or ends too late.
    ExpiredAssertion,
    /// The refresh token was revoked.
    ExpiredRefreshToken,
    /// The secret is wrong.
    InvalidClient,
    /// The way to log in is switched off.
    UnsupportedGrantType,
    /// The app or the user is not there yet, or no longer.
    InvalidClientId,
    /// The user is switched off.
    InactiveUser,
    /// The org is switched off.
    InactiveOrg,
    /// Too many logins.
    RateLimitExceeded,
}

fn one() -> u32 {
    1
}

impl PlannedFault {
    /// For the next call.
    pub fn once(fault: Fault) -> Self {
        Self { fault, times: 1, skip: 0, path_contains: String::new(), refusal: None }
    }

    /// For the next call, an error of any kind.
    pub fn refusing(status: u16, error_code: &str, message: &str) -> Self {
        let refusal = PlannedRefusal {
            status,
            error_code: error_code.to_owned(),
            message: message.to_owned(),
        };
        Self { refusal: Some(refusal), ..Self::once(Fault::Refused) }
    }

    /// For as many of the next calls.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// After as many calls.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// For calls with this in their path.
    #[must_use]
    pub fn on(self, path_contains: &str) -> Self {
        Self { path_contains: path_contains.to_owned(), ..self }
    }

    /// Whether this call is one that it happens to; counts down.
    pub(super) fn strikes(&mut self, path: &str) -> bool {
        if self.times == 0 || !path.contains(&self.path_contains) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}

impl LoginError {
    /// `error` and `error_description`.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::AuthenticationFailure => ("invalid_grant", "authentication failure"),
            Self::WrongDomain => ("invalid_grant", "request not supported on this domain"),
            Self::NotApproved => ("invalid_grant", "user hasn't approved this consumer"),
            Self::NotAdminApproved => ("invalid_grant", "user is not admin approved"),
            Self::InvalidAudience => ("invalid_grant", "audience is invalid"),
            Self::ExpiredAssertion => ("invalid_grant", "expired authorization code"),
            Self::ExpiredRefreshToken => ("invalid_grant", "expired access/refresh token"),
            Self::InvalidClient => ("invalid_client", "invalid client credentials"),
            Self::UnsupportedGrantType => ("unsupported_grant_type", "grant type not supported"),
            Self::NoRunAsUser => ("invalid_grant", "no client credentials user enabled"),
            Self::InvalidClientId => ("invalid_client_id", "client identifier invalid"),
            Self::InactiveUser => ("inactive_user", "user is inactive"),
            Self::InactiveOrg => ("inactive_org", "organization is inactive"),
            Self::RateLimitExceeded => ("rate_limit_exceeded", "login rate exceeded"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planned_fault_waits_strikes_and_is_spent() {
        let mut planned = PlannedFault::once(Fault::Reset).times(2).after(1).on("/composite");
        let paths = ["/limits", "/composite", "/composite", "/limits", "/composite", "/composite"];

        let strikes: Vec<bool> = paths.iter().map(|path| planned.strikes(path)).collect();

        assert_eq!(strikes, [false, false, true, false, true, false]);
    }
}
