//! What a person can do about an answer of the token endpoint.

use super::credentials::Flow;

/// One answer of the token endpoint, and what to do about it.
///
/// Sources: "OAuth 2.0 Authorization Errors" in Salesforce Help; for what external client apps answer,
/// which that page lacks, reports of users of other tools.
#[derive(Clone, Copy, Debug)]
pub struct SignInAdvice {
    /// Such as `invalid_grant`, in any case; empty for each that has no line of its own.
    pub error: &'static str,
    /// A part of the description, in small letters, where one error stands for many things.
    pub says: &'static str,
    /// How it was asked, where that matters.
    pub flow: Option<Flow>,
    /// What to do.
    pub what_to_do: &'static str,
}

const PRE_AUTHORISE: &str = "let an administrator pre-authorise the app for this user: in its policies choose `Admin approved \
     users are pre-authorized`, and give the user's profile or permission set the app";

const INSTALL: &str = "install the app in this org (Setup, Connected Apps OAuth Usage or External Client App Manager), \
     or create one in this org: since September 2025 an app must be installed where it is used";

impl SignInAdvice {
    /// What is left to check.
    pub const OTHERWISE: &str = "check the app (External Client App) and its credentials";

    /// In order: the first that fits counts.
    pub const ALL: &[Self] = &[
        Self::grant(
            "request not supported on this domain",
            "set SALESFORCE_LOGIN_URL to the org's My Domain (https://DOMAIN.my.salesforce.com): client \
             credentials work nowhere else",
        ),
        Self::grant(
            "no client credentials user enabled",
            "name a run-as user in the app's client credentials flow",
        ),
        Self::grant("approved", PRE_AUTHORISE),
        Self::grant(
            "audience",
            "SALESFORCE_LOGIN_URL is not where this user logs in; sandboxes use \
             https://test.salesforce.com or their My Domain",
        ),
        Self::grant(
            "expired authorization code",
            "check this machine's clock: the signed statement was too old or too far ahead",
        ),
        Self::grant(
            "expired access/refresh token",
            "authorise the app again and set the new SALESFORCE_REFRESH_TOKEN",
        ),
        Self::by(
            "invalid_grant",
            Flow::ClientCredentials,
            "check the app's run-as user and its IP ranges",
        ),
        Self::by(
            "invalid_grant",
            Flow::JwtBearer,
            "check SALESFORCE_USERNAME, that the app holds the certificate of SALESFORCE_JWT_KEY_FILE, \
             and the IP ranges",
        ),
        Self::by(
            "invalid_grant",
            Flow::RefreshToken,
            "check SALESFORCE_REFRESH_TOKEN and the IP ranges",
        ),
        Self::by(
            "invalid_grant",
            Flow::Password,
            "check SALESFORCE_USERNAME and SALESFORCE_PASSWORD, which ends with the user's security \
             token, and the IP ranges",
        ),
        Self::any(
            "invalid_client_id",
            "check SALESFORCE_CLIENT_ID; a new app is known after some minutes only",
        ),
        Self::any("invalid_client", "check SALESFORCE_CLIENT_SECRET"),
        Self::by(
            "unsupported_grant_type",
            Flow::ClientCredentials,
            "switch the client credentials flow on in the app",
        ),
        Self::by(
            "unsupported_grant_type",
            Flow::JwtBearer,
            "switch the JWT bearer flow on in the app",
        ),
        Self::by(
            "unsupported_grant_type",
            Flow::RefreshToken,
            "give the app the scope `refresh_token`",
        ),
        Self::by(
            "unsupported_grant_type",
            Flow::Password,
            "this org has the password flow switched off; use client credentials or JWT bearer",
        ),
        Self::by("inactive_user", Flow::ClientCredentials, "activate the run-as user of the app"),
        Self::any("inactive_user", "activate the user"),
        Self::any("inactive_org", "the org is not active; ask Salesforce"),
        Self::any("app_not_found", INSTALL),
        Self::any("OAUTH_EC_APP_NOT_FOUND", INSTALL),
        Self::any(
            "OAUTH_APP_BLOCKED",
            "let an administrator unblock the app (Setup, Connected Apps OAuth Usage)",
        ),
        Self::any("OAUTH_APP_ACCESS_DENIED", PRE_AUTHORISE),
    ];

    const fn any(error: &'static str, what_to_do: &'static str) -> Self {
        Self { error, says: "", flow: None, what_to_do }
    }

    const fn grant(says: &'static str, what_to_do: &'static str) -> Self {
        Self { error: "invalid_grant", says, flow: None, what_to_do }
    }

    const fn by(error: &'static str, flow: Flow, what_to_do: &'static str) -> Self {
        Self { error, says: "", flow: Some(flow), what_to_do }
    }
}
