//! The ways to get in.

use std::fmt;

use secrecy::SecretString;
use url::Url;

use super::{host::is_loopback, jwt::JwtKey};

/// How to get in.
#[derive(Clone)]
pub enum Credentials {
    /// OAuth client credentials: asks for a token at the org's My Domain, again when it ends.
    ClientCredentials {
        /// The org's My Domain.
        login_url: Url,
        /// Consumer key of the app.
        client_id: SecretString,
        /// Consumer secret of the app.
        client_secret: SecretString,
    },
    /// JWT bearer: a signed statement instead of a secret.
    JwtBearer {
        /// The login host or the org's My Domain.
        login_url: Url,
        /// Consumer key of the app.
        client_id: SecretString,
        /// The user to act for.
        username: String,
        /// Signs the statement; the app holds its certificate.
        key: JwtKey,
    },
    /// A token that opens nothing but the token endpoint, from an earlier consent of a user.
    RefreshToken {
        /// The login host or the org's My Domain.
        login_url: Url,
        /// Consumer key of the app.
        client_id: SecretString,
        /// Consumer secret, where the app asks for it.
        client_secret: Option<SecretString>,
        /// The refresh token.
        refresh_token: SecretString,
    },
    /// User name and password: the last resort. Orgs can switch it off.
    Password {
        /// The login host or the org's My Domain.
        login_url: Url,
        /// Consumer key of the app.
        client_id: SecretString,
        /// Consumer secret of the app.
        client_secret: SecretString,
        /// The user.
        username: String,
        /// The password with the user's security token right behind it.
        password: SecretString,
    },
    /// A ready-made token. It cannot be renewed.
    Token {
        /// Where the API is.
        instance_url: Url,
        /// The access token.
        access_token: SecretString,
    },
}

/// The flows of OAuth by which a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flow {
    /// Client credentials.
    ClientCredentials,
    /// JWT bearer.
    JwtBearer,
    /// Refresh token.
    RefreshToken,
    /// User name and password.
    Password,
}

impl Credentials {
    /// The host that is asked first.
    pub fn url(&self) -> &Url {
        match self {
            Self::ClientCredentials { login_url: url, .. }
            | Self::JwtBearer { login_url: url, .. }
            | Self::RefreshToken { login_url: url, .. }
            | Self::Password { login_url: url, .. }
            | Self::Token { instance_url: url, .. } => url,
        }
    }

    /// What is worth knowing about this way before anything is sent.
    pub fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if matches!(self, Self::Password { .. }) {
            warnings.push(
                "signing in with user name and password is the last resort: a changed password or \
                 an administrator's switch ends it; client credentials or JWT bearer do not expire",
            );
        }
        if self.url().scheme() == "http" && !is_loopback(self.url()) {
            warnings.push(
                "salesforce is reached over plain http, since SALESFORCE_ALLOW_HTTP is set: secrets \
                 and rows travel readable",
            );
        }
        warnings
    }
}

/// Shows where to, never with what.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::ClientCredentials { .. } => "ClientCredentials",
            Self::JwtBearer { .. } => "JwtBearer",
            Self::RefreshToken { .. } => "RefreshToken",
            Self::Password { .. } => "Password",
            Self::Token { .. } => "Token",
        };
        write!(formatter, "{kind}({})", self.url().origin().ascii_serialization())
    }
}
