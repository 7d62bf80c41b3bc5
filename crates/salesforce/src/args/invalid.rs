//! Settings of a connection that do not fit together.

/// Settings of a connection that do not fit together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConnection {
    /// No way to get in.
    #[error(
        "no way to log in to salesforce; set SALESFORCE_LOGIN_URL, SALESFORCE_CLIENT_ID and \
         SALESFORCE_CLIENT_SECRET (client credentials); or SALESFORCE_LOGIN_URL, \
         SALESFORCE_CLIENT_ID, SALESFORCE_USERNAME and SALESFORCE_JWT_KEY_FILE (JWT bearer); or \
         SALESFORCE_ACCESS_TOKEN and SALESFORCE_INSTANCE_URL"
    )]
    NoCredentials,
    /// Half of a way to get in.
    #[error("{missing} is not set; it goes with {given}")]
    HalfOfCredentials {
        /// What is there.
        given: &'static str,
        /// What has to be there too.
        missing: &'static str,
    },
    /// The key of JWT bearer.
    #[error("SALESFORCE_JWT_KEY_FILE: {file}: {problem}")]
    JwtKey {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An address that serves pages and no API.
    #[error("{setting}: {host} is for browsers; set it to {instead}")]
    HostForBrowsers {
        /// Which setting.
        setting: &'static str,
        /// The host.
        host: String,
        /// The org's My Domain.
        instead: String,
    },
    /// A login host that does not take client credentials.
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
    /// A secret would travel readable.
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
    /// An address with a user name in it.
    #[error("{setting} has a user name in it; user and secret have settings of their own")]
    HasUser {
        /// Which setting.
        setting: &'static str,
    },
    /// An address that is none.
    #[error("{setting} is not a web address; write https://DOMAIN.my.salesforce.com")]
    NotHttp {
        /// Which setting.
        setting: &'static str,
    },
}
