//! Asks for a token, in each of the ways there are.

use std::{sync::Mutex, time::Duration};

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use tracing::warn;
use url::Url;

use super::{
    credentials::{Credentials, Flow},
    host::named_by_login,
    identity::{org_of_identity, user_of_identity},
    login_error::{LoginError, passes},
};
use crate::{
    error::{ErrorAnswer, Refusal, markup},
    http,
    wire::{TokenAnswer, TokenRefusal},
};

/// A token, and where the API is that it opens.
pub(crate) struct Granted {
    pub(crate) access_token: SecretString,
    pub(crate) instance_url: Url,
    /// The org's id, where the answer says it.
    pub(crate) org: Option<String>,
    /// The user's.
    pub(crate) user: Option<String>,
}

/// Where tokens come from.
pub(crate) struct TokenEndpoint {
    http: reqwest::Client,
    timeout: Duration,
    /// The refresh token that came instead of the one in the settings, when the app rotates them.
    rotated: Mutex<Option<SecretString>>,
}

/// A login is a small request: it gets less time than a batch.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

impl TokenEndpoint {
    pub(crate) fn new(http: reqwest::Client, timeout: Duration) -> Self {
        Self { http, timeout: timeout.min(LOGIN_TIMEOUT), rotated: Mutex::default() }
    }

    /// A new token; a ready-made one is as it is.
    pub(crate) async fn ask(&self, credentials: &Credentials) -> Result<Granted, LoginError> {
        match credentials {
            Credentials::Token { instance_url, access_token } => Ok(Granted {
                access_token: access_token.clone(),
                instance_url: instance_url.clone(),
                org: None,
                user: None,
            }),
            Credentials::ClientCredentials { login_url, client_id, client_secret } => {
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id.expose_secret()),
                    ("client_secret", client_secret.expose_secret()),
                ];
                self.granted(login_url, Flow::ClientCredentials, &form).await
            }
            Credentials::JwtBearer { login_url, client_id, username, key } => {
                let assertion = key
                    .assertion(client_id.expose_secret(), username, login_url)
                    .map_err(|error| LoginError::NoTokenEndpoint { cause: error.to_string() })?;
                let form = [("grant_type", JWT_BEARER), ("assertion", &assertion)];
                self.granted(login_url, Flow::JwtBearer, &form).await
            }
            Credentials::RefreshToken { login_url, client_id, client_secret, refresh_token } => {
                self.refresh(login_url, client_id, client_secret.as_ref(), refresh_token).await
            }
            Credentials::Password { login_url, client_id, client_secret, username, password } => {
                let form = [
                    ("grant_type", "password"),
                    ("client_id", client_id.expose_secret()),
                    ("client_secret", client_secret.expose_secret()),
                    ("username", username),
                    ("password", password.expose_secret()),
                ];
                self.granted(login_url, Flow::Password, &form).await
            }
        }
    }

    async fn refresh(
        &self,
        login_url: &Url,
        client_id: &SecretString,
        client_secret: Option<&SecretString>,
        of_settings: &SecretString,
    ) -> Result<Granted, LoginError> {
        let rotated = self.rotated.lock().expect("keeping a token does not panic").clone();
        let refresh_token = rotated.as_ref().unwrap_or(of_settings);
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", client_id.expose_secret()),
            ("refresh_token", refresh_token.expose_secret()),
        ];
        form.extend(client_secret.map(|secret| ("client_secret", secret.expose_secret())));
        let answer = self.post_form(login_url, Flow::RefreshToken, &form).await?;
        if let Some(next) = &answer.refresh_token
            && next.expose_secret() != refresh_token.expose_secret()
        {
            if rotated.is_none() {
                warn!(
                    "the app rotates refresh tokens: the one in SALESFORCE_REFRESH_TOKEN is used \
                     up, and this program needs a new one when it starts again; switch rotation \
                     off in the app, or use client credentials or JWT bearer"
                );
            }
            *self.rotated.lock().expect("keeping a token does not panic") = Some(next.clone());
        }
        granted(answer, login_url)
    }

    async fn granted(
        &self,
        login_url: &Url,
        flow: Flow,
        form: &[(&str, &str)],
    ) -> Result<Granted, LoginError> {
        granted(self.post_form(login_url, flow, form).await?, login_url)
    }

    async fn post_form(
        &self,
        login_url: &Url,
        flow: Flow,
        form: &[(&str, &str)],
    ) -> Result<TokenAnswer, LoginError> {
        let mut endpoint = login_url.clone();
        endpoint.set_path("/services/oauth2/token");
        endpoint.set_query(None);
        let unreachable = |refusal: Refusal| unreachable(login_url, refusal);
        let response = self
            .http
            .post(endpoint.clone())
            .timeout(self.timeout)
            .form(form)
            .send()
            .await
            .map_err(|error| unreachable(http::refusal(error)))?;
        let status = response.status();
        let body = match http::body(response).await {
            // The status alone says enough: a proxy hangs up on who sends what it does not want.
            Err(_) if !status.is_success() => Vec::new(),
            body => body.map_err(unreachable)?,
        };
        let answer = read_answer(flow, status, &body).map_err(|error| error.without(form));
        answer.map_err(|error| match (error, http::of_a_proxy(status.as_u16(), &endpoint)) {
            (LoginError::Unavailable { cause }, Some(proxy)) => {
                LoginError::Unavailable { cause: format!("{cause}; {proxy}") }
            }
            (error, _) => error,
        })
    }
}

fn unreachable(login_url: &Url, refusal: Refusal) -> LoginError {
    let name = login_url.host_str().unwrap_or_default();
    let host = match login_url.port_or_known_default() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    };
    let cause = match refusal {
        // That there was no connection is said already.
        Refusal::NotSent { cause } => cause,
        refusal => refusal.to_string(),
    };
    LoginError::Unreachable { host, cause }
}

fn read_answer(flow: Flow, status: StatusCode, body: &[u8]) -> Result<TokenAnswer, LoginError> {
    if status == StatusCode::OK
        && let Ok(answer) = serde_json::from_slice(body)
    {
        return Ok(answer);
    }
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let cause = ErrorAnswer::read(status.as_u16(), body, None).to_string();
        return Err(LoginError::Unavailable { cause });
    }
    match serde_json::from_slice::<TokenRefusal>(body) {
        Ok(TokenRefusal { error, error_description }) if passes(&error, &error_description) => {
            Err(LoginError::Unavailable { cause: format!("{error} ({error_description})") })
        }
        Ok(TokenRefusal { error, error_description: description }) => {
            Err(LoginError::Refused { flow, error, description })
        }
        // No verdict of Salesforce: a maintenance page, a proxy, a host that is something else.
        Err(_) => {
            let what = markup(body).unwrap_or("an answer of no token endpoint");
            let cause = format!(
                "HTTP {} with {what}, as in maintenance; if it stays so, check SALESFORCE_LOGIN_URL \
                 and proxies on the way",
                status.as_u16()
            );
            Err(LoginError::Unavailable { cause })
        }
    }
}

/// Each answer of a token endpoint, whatever was asked: see [`crate::fuzz`].
#[cfg(any(test, fuzzing))]
pub(crate) fn read_any_answer(status: u16, body: &[u8]) {
    let Ok(status) = StatusCode::from_u16(status) else { return };
    let login_url = Url::parse("https://login.salesforce.com").expect("it is a URL");
    if let Ok(answer) = read_answer(Flow::JwtBearer, status, body)
        && let Ok(granted) = granted(answer, &login_url)
    {
        assert_eq!(granted.instance_url.scheme(), "https", "a token goes nowhere in clear text");
    }
}

/// The token, if the answer names a host that it may be sent to.
fn granted(answer: TokenAnswer, login_url: &Url) -> Result<Granted, LoginError> {
    let instance_url = named_by_login(&answer.instance_url, login_url)
        .map_err(|problem| LoginError::UntrustedAnswer { problem })?;
    let org = answer.id.as_deref().and_then(org_of_identity);
    let user = answer.id.as_deref().and_then(user_of_identity);
    Ok(Granted { access_token: answer.access_token, instance_url, org, user })
}
