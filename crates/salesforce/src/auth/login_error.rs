//! Why there is no token, and what a person can do about it.

use super::{credentials::Flow, sign_in_advice::SignInAdvice};

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// Salesforce knows the address and refuses the sign-in: see the table above by what it
    /// answered.
    #[error("salesforce gave no token: {error} ({description}); {}", self.advice())]
    Refused {
        /// How it was asked.
        flow: Flow,
        /// Such as `invalid_grant`.
        error: String,
        /// What it says for people.
        description: String,
    },
    /// Something else answered in place of Salesforce's sign-in: a wrong `SALESFORCE_LOGIN_URL`, a
    /// login page, or a proxy.
    #[error("salesforce gave no token: {cause}; {}", self.advice())]
    NoTokenEndpoint {
        /// What came instead.
        cause: String,
    },
    /// The answer names an address outside of Salesforce, or one without TLS, and the token is not
    /// sent there. Mostly a proxy or a test server answered.
    #[error("salesforce gave no token to use: {problem}; {}", self.advice())]
    UntrustedAnswer {
        /// What is wrong with the address.
        problem: String,
    },
    /// The app may sign in and the API still refuses its token: mostly the app's scope `api` is
    /// missing, the user lacks *API Enabled*, or the session is bound to an IP address.
    #[error("salesforce refuses a token that it has just given; {}", self.advice())]
    RefusedAgain,
    /// A ready-made `SALESFORCE_ACCESS_TOKEN` ends with its session, mostly after some hours, and
    /// nothing renews it. For more than a try use client credentials or JWT bearer.
    #[error("salesforce refuses the access token: it has ended or is not for this org; {}", self.advice())]
    TokenEnded,
    /// The token is valid but was made for another use, such as a community or the wrong org.
    #[error("salesforce refuses the session: {message}; {}", self.advice())]
    NotForThisApi {
        /// What Salesforce says.
        message: String,
    },
    /// Salesforce is in maintenance, or limits how often somebody signs in. The programs try again
    /// by themselves.
    #[error("salesforce gives no token at the moment: {cause}")]
    Unavailable {
        /// What it says.
        cause: String,
    },
    /// The name cannot be resolved, or a firewall or a missing proxy setting is in the way:
    /// [Corporate networks](networks.md).
    #[error("no connection to the token endpoint at {host}: {cause}")]
    Unreachable {
        /// Its host and port.
        host: String,
        /// What the network says.
        cause: String,
    },
}

impl LoginError {
    /// The same without any value that was sent: an endpoint that is not Salesforce's may say it again.
    pub(crate) fn without(self, sent: &[(&str, &str)]) -> Self {
        let without = |text: String| {
            let values =
                sent.iter().filter(|(name, value)| *name != "grant_type" && !value.is_empty());
            values.fold(text, |text, (_, value)| text.replace(value, "…"))
        };
        match self {
            Self::Refused { flow, error, description } => {
                Self::Refused { flow, error: without(error), description: without(description) }
            }
            Self::Unavailable { cause } => Self::Unavailable { cause: without(cause) },
            other => other,
        }
    }

    /// Whether waiting helps.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unreachable { .. })
    }

    /// What a person can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Refused { flow, error, description } => advice(*flow, error, description),
            Self::NoTokenEndpoint { .. } => "check SALESFORCE_LOGIN_URL: it is the org's My Domain",
            Self::UntrustedAnswer { .. } => {
                "check that SALESFORCE_LOGIN_URL is the org's My Domain; nothing was sent there"
            }
            Self::RefusedAgain => {
                "check the app's policies, and whether an administrator ends its sessions"
            }
            Self::TokenEnded => {
                "set a new SALESFORCE_ACCESS_TOKEN, or SALESFORCE_CLIENT_ID and \
                 SALESFORCE_CLIENT_SECRET, which renew it by themselves"
            }
            Self::NotForThisApi { .. } => {
                "give the app the scope `api`, and where API Access Control is on, let an \
                 administrator allow the app"
            }
            Self::Unavailable { .. } | Self::Unreachable { .. } => "wait",
        }
    }
}

/// Whether an answer with status 400 passes by itself: too many logins of one user in an hour; trouble of the
/// token endpoint, which Salesforce tells as `unknown_error` (`retry your request`), and OAuth (RFC 6749) has two
/// words for; or another program that asks with the same refresh token at this moment.
pub(crate) fn passes(error: &str, description: &str) -> bool {
    const PASSING: [&str; 5] = [
        "rate_limit_exceeded",
        "login_rate_exceeded",
        "unknown_error",
        "server_error",
        "temporarily_unavailable",
    ];
    let description = description.to_ascii_lowercase();
    PASSING.iter().any(|passing| error.eq_ignore_ascii_case(passing))
        || description.contains("rate exceeded")
        || description.contains("already being processed")
}

/// What to do about an error of the token endpoint: that of the first line that fits.
fn advice(flow: Flow, error: &str, description: &str) -> &'static str {
    let description = description.to_ascii_lowercase();
    let fits = |advice: &&SignInAdvice| {
        (advice.error.is_empty() || advice.error.eq_ignore_ascii_case(error))
            && description.contains(advice.says)
            && advice.flow.is_none_or(|of| of == flow)
    };
    SignInAdvice::ALL.iter().find(fits).map_or(SignInAdvice::OTHERWISE, |advice| advice.what_to_do)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_the_token_endpoint_has_its_action_in_words() {
        use Flow::{ClientCredentials, JwtBearer, Password, RefreshToken};
        let grant = "invalid_grant";
        for (flow, error, description, expected) in [
            (ClientCredentials, grant, "authentication failure", "the app's run-as user"),
            (JwtBearer, grant, "authentication failure", "check SALESFORCE_USERNAME, that the app"),
            (Password, grant, "authentication failure", "security token"),
            (RefreshToken, grant, "authentication failure", "check SALESFORCE_REFRESH_TOKEN"),
            (ClientCredentials, grant, "request not supported on this domain", "My Domain"),
            (ClientCredentials, grant, "no client credentials user enabled", "name a run-as user"),
            (JwtBearer, grant, "user hasn't approved this consumer", "pre-authorise the app"),
            (JwtBearer, grant, "user is not admin approved to access this app", "pre-authorise"),
            (JwtBearer, grant, "audience is invalid", "is not where this user logs in"),
            (JwtBearer, grant, "expired authorization code", "check this machine's clock"),
            (RefreshToken, grant, "expired access/refresh token", "authorise the app again"),
            (JwtBearer, "invalid_client_id", "client identifier invalid", "SALESFORCE_CLIENT_ID"),
            (ClientCredentials, "invalid_client", "invalid client credentials", "CLIENT_SECRET"),
            (ClientCredentials, "unsupported_grant_type", "", "the client credentials flow on"),
            (JwtBearer, "unsupported_grant_type", "grant type not supported", "the JWT bearer"),
            (RefreshToken, "unsupported_grant_type", "", "scope `refresh_token`"),
            (Password, "unsupported_grant_type", "", "password flow switched off"),
            (ClientCredentials, "inactive_user", "", "activate the run-as user"),
            (Password, "inactive_user", "", "activate the user"),
            (JwtBearer, "inactive_org", "", "the org is not active"),
            (
                JwtBearer,
                "app_not_found",
                "External client app is not installed in this org",
                "install",
            ),
            (RefreshToken, "OAUTH_EC_APP_NOT_FOUND", "", "install the app in this org"),
            (
                ClientCredentials,
                "OAUTH_APP_BLOCKED",
                "this app is blocked by admin",
                "unblock the app",
            ),
            (JwtBearer, "OAUTH_APP_ACCESS_DENIED", "", "pre-authorise the app"),
            (JwtBearer, "never_heard_of", "", "check the app (External Client App"),
        ] {
            let refused = LoginError::Refused {
                flow,
                error: error.to_owned(),
                description: description.to_owned(),
            };
            let words = refused.to_string();
            assert!(words.contains(expected), "{flow:?} {error}: {words}");
            assert!(!refused.is_passing());
        }
    }

    #[test]
    fn what_was_sent_is_not_said_again() {
        let sent = [("grant_type", "password"), ("client_secret", "s3cret"), ("username", "")];
        let refused = LoginError::Refused {
            flow: Flow::Password,
            error: "password s3cret".to_owned(),
            description: "no s3crets here: s3cret".to_owned(),
        };

        let words = refused.without(&sent).to_string();

        assert!(!words.contains("s3cret") && words.contains("no …s here: …"), "{words}");
    }

    #[test]
    fn too_many_logins_and_trouble_of_the_token_endpoint_pass() {
        assert!(passes("rate_limit_exceeded", ""));
        assert!(passes("LOGIN_RATE_EXCEEDED", ""));
        assert!(passes("invalid_grant", "login rate exceeded"));
        assert!(passes("unknown_error", "retry your request"));
        assert!(passes("server_error", ""));
        assert!(passes("temporarily_unavailable", ""));
        assert!(passes("invalid_grant", "token request is already being processed"));
        assert!(!passes("invalid_grant", "authentication failure"));
        assert!(!passes("invalid_client", "invalid client credentials"));
    }
}
