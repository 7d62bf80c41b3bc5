//! The settings of signing in, and which of the ways they ask for.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;
use url::Url;

use super::{
    hosts::{api_host, my_domain_for, web_address},
    invalid::InvalidConnection,
};
use crate::auth::{Credentials, JwtKey};

/// How to sign in. The ways are tried in this order: a ready-made token, JWT bearer, a refresh
/// token, a password, client credentials.
#[derive(Clone, Debug, Args)]
pub struct SignInArgs {
    /// Where a token is requested: the org's My Domain, `https://DOMAIN.my.salesforce.com`. Client
    /// credentials work nowhere else; the other ways also at `https://login.salesforce.com`, and
    /// `https://test.salesforce.com` for sandboxes.
    #[arg(long, env = "SALESFORCE_LOGIN_URL", value_name = "URL", value_parser = web_address)]
    pub salesforce_login_url: Option<Url>,

    /// Consumer key of the external client app.
    #[arg(long, env = "SALESFORCE_CLIENT_ID", hide_env_values = true, value_name = "KEY")]
    pub salesforce_client_id: Option<SecretString>,

    /// Consumer secret of the external client app.
    #[arg(long, env = "SALESFORCE_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub salesforce_client_secret: Option<SecretString>,

    /// JWT bearer instead of a secret: the RSA private key, in PEM, whose certificate the app
    /// holds. Goes with `SALESFORCE_USERNAME`.
    #[arg(long, env = "SALESFORCE_JWT_KEY_FILE", value_name = "FILE")]
    pub salesforce_jwt_key_file: Option<PathBuf>,

    /// The user to act for, with JWT bearer or a password.
    #[arg(long, env = "SALESFORCE_USERNAME", value_name = "USER")]
    pub salesforce_username: Option<String>,

    /// A refresh token from an earlier consent.
    #[arg(long, env = "SALESFORCE_REFRESH_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub salesforce_refresh_token: Option<SecretString>,

    /// The last resort: the user's password with the security token right behind it. Orgs can
    /// switch this way off.
    #[arg(long, env = "SALESFORCE_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub salesforce_password: Option<SecretString>,

    /// A ready-made access token. It cannot be renewed: when it ends, the consumer ends.
    #[arg(long, env = "SALESFORCE_ACCESS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub salesforce_access_token: Option<SecretString>,

    /// Where the API is; goes with an access token.
    #[arg(long, env = "SALESFORCE_INSTANCE_URL", value_name = "URL", value_parser = web_address)]
    pub salesforce_instance_url: Option<Url>,

    /// Send secrets and rows over plain http also to another machine. Only for a Salesforce that
    /// is none, such as the simulator in a network of containers.
    #[arg(long, env = "SALESFORCE_ALLOW_HTTP", action = clap::ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub salesforce_allow_http: bool,
}

const LOGIN_URL: &str = "SALESFORCE_LOGIN_URL";
const CLIENT_ID: &str = "SALESFORCE_CLIENT_ID";
const CLIENT_SECRET: &str = "SALESFORCE_CLIENT_SECRET";
const JWT_KEY_FILE: &str = "SALESFORCE_JWT_KEY_FILE";
const USERNAME: &str = "SALESFORCE_USERNAME";
const REFRESH_TOKEN: &str = "SALESFORCE_REFRESH_TOKEN";
const PASSWORD: &str = "SALESFORCE_PASSWORD";
const ACCESS_TOKEN: &str = "SALESFORCE_ACCESS_TOKEN";
const INSTANCE_URL: &str = "SALESFORCE_INSTANCE_URL";

impl SignInArgs {
    /// The way to get in that is asked for. What names one way only decides; client credentials
    /// are what is left.
    pub(super) fn credentials(&self) -> Result<Credentials, InvalidConnection> {
        if let Some(access_token) = &self.salesforce_access_token {
            let url = beside(ACCESS_TOKEN, &self.salesforce_instance_url, INSTANCE_URL)?;
            return Ok(Credentials::Token {
                instance_url: api_host(INSTANCE_URL, url, self.salesforce_allow_http)?,
                access_token: access_token.clone(),
            });
        }
        if let Some(file) = &self.salesforce_jwt_key_file {
            let key = JwtKey::load(file).map_err(|problem| InvalidConnection::JwtKey {
                file: file.display().to_string(),
                problem: problem.to_string(),
            })?;
            return Ok(Credentials::JwtBearer {
                login_url: self.login_url(JWT_KEY_FILE)?,
                client_id: beside(JWT_KEY_FILE, &self.salesforce_client_id, CLIENT_ID)?,
                username: beside(JWT_KEY_FILE, &self.salesforce_username, USERNAME)?,
                key,
            });
        }
        if let Some(refresh_token) = &self.salesforce_refresh_token {
            return Ok(Credentials::RefreshToken {
                login_url: self.login_url(REFRESH_TOKEN)?,
                client_id: beside(REFRESH_TOKEN, &self.salesforce_client_id, CLIENT_ID)?,
                client_secret: self.salesforce_client_secret.clone(),
                refresh_token: refresh_token.clone(),
            });
        }
        if let Some(password) = &self.salesforce_password {
            return Ok(Credentials::Password {
                login_url: self.login_url(PASSWORD)?,
                client_id: beside(PASSWORD, &self.salesforce_client_id, CLIENT_ID)?,
                client_secret: beside(PASSWORD, &self.salesforce_client_secret, CLIENT_SECRET)?,
                username: beside(PASSWORD, &self.salesforce_username, USERNAME)?,
                password: password.clone(),
            });
        }
        self.client_credentials()
    }

    fn client_credentials(&self) -> Result<Credentials, InvalidConnection> {
        let given = match (&self.salesforce_client_id, &self.salesforce_client_secret) {
            (Some(_), _) => CLIENT_ID,
            (None, Some(_)) => CLIENT_SECRET,
            (None, None) => return Err(InvalidConnection::NoCredentials),
        };
        let client_id = beside(given, &self.salesforce_client_id, CLIENT_ID)?;
        let client_secret = beside(given, &self.salesforce_client_secret, CLIENT_SECRET)?;
        let login_url = my_domain_for(LOGIN_URL, self.login_url(given)?)?;
        Ok(Credentials::ClientCredentials { login_url, client_id, client_secret })
    }

    fn login_url(&self, given: &'static str) -> Result<Url, InvalidConnection> {
        let url = beside(given, &self.salesforce_login_url, LOGIN_URL)?;
        api_host(LOGIN_URL, url, self.salesforce_allow_http)
    }
}

/// What has to be set too, since `given` is.
fn beside<T: Clone>(
    given: &'static str,
    value: &Option<T>,
    missing: &'static str,
) -> Result<T, InvalidConnection> {
    value.clone().ok_or(InvalidConnection::HalfOfCredentials { given, missing })
}
