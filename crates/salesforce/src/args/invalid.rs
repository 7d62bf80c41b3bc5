//! Settings of a connection that do not fit together.

/// Settings of a connection that do not fit together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConnection {
    /// None of the settings to sign in is set: mostly `.env` is not read, since the program was
    /// started in another folder.
    #[error(
        "no way to log in to salesforce; set SALESFORCE_LOGIN_URL, SALESFORCE_CLIENT_ID and \
         SALESFORCE_CLIENT_SECRET (client credentials); or SALESFORCE_LOGIN_URL, \
         SALESFORCE_CLIENT_ID, SALESFORCE_USERNAME and SALESFORCE_JWT_KEY_FILE (JWT bearer); or \
         SALESFORCE_ACCESS_TOKEN and SALESFORCE_INSTANCE_URL"
    )]
    NoCredentials,
    /// Each way to sign in needs several settings, and one of them is missing or empty.
    #[error("{missing} is not set; it goes with {given}")]
    HalfOfCredentials {
        /// What is there.
        given: &'static str,
        /// What has to be there too.
        missing: &'static str,
    },
    /// The file of the private key cannot be used.
    #[error("SALESFORCE_JWT_KEY_FILE: {file}: {problem}")]
    JwtKey {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The address was copied from the browser. It serves pages and not the API.
    #[error("{setting}: {host} is for browsers; set it to {instead}")]
    HostForBrowsers {
        /// Which setting.
        setting: &'static str,
        /// The host.
        host: String,
        /// The org's My Domain.
        instead: String,
    },
    /// Client credentials have a run-as user in one org, and these hosts belong to all orgs.
    #[error(
        "{setting}: {host} takes no client credentials; set it to the org's My Domain, \
         https://DOMAIN.my.salesforce.com (in Setup, look for My Domain), or sign in with JWT bearer"
    )]
    NotAMyDomain {
        /// Which setting.
        setting: &'static str,
        /// The host.
        host: String,
    },
    /// The address begins with http://, and the secret would go over the network as it is.
    #[error(
        "{setting}: secrets would travel readable to {host}; write https://, or set \
         SALESFORCE_ALLOW_HTTP=true where nobody can listen"
    )]
    InClear {
        /// Which setting.
        setting: &'static str,
        /// The host.
        host: String,
    },
    /// Addresses are logged, so a user name or a secret must not be in one.
    #[error("{setting} has a user name in it; user and secret have settings of their own")]
    HasUser {
        /// Which setting.
        setting: &'static str,
    },
    /// The address is mistyped, or `https://` is missing.
    #[error("{setting} is not a web address; write https://DOMAIN.my.salesforce.com")]
    NotHttp {
        /// Which setting.
        setting: &'static str,
    },
}
