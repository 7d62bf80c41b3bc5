//! The token that all calls share, renewed once for all of them.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{StatusCode, header::HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use super::{
    ErrorAnswer, Refusal, http,
    wire::{TokenAnswer, TokenRefusal},
};

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
    /// A token that somebody else got. It cannot be renewed.
    Token {
        /// Where the API is.
        instance_url: Url,
        /// The access token.
        access_token: SecretString,
    },
}

impl Credentials {
    /// The host that is asked first.
    pub(crate) fn url(&self) -> &Url {
        match self {
            Self::ClientCredentials { login_url: url, .. }
            | Self::Token { instance_url: url, .. } => url,
        }
    }
}

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The token endpoint said no.
    #[error("salesforce gave no token: {error} ({description}); {}", self.advice())]
    Refused {
        /// Such as `invalid_grant`.
        error: String,
        /// What it says for people.
        description: String,
    },
    /// What answered is no token endpoint.
    #[error("salesforce gave no token: {cause}; {}", self.advice())]
    NoTokenEndpoint {
        /// What came instead.
        cause: String,
    },
    /// The token was refused, and so was the one that was asked for instead.
    #[error("salesforce refuses a token that it has just given; {}", self.advice())]
    RefusedAgain,
    /// A ready-made token has ended.
    #[error("salesforce refuses the access token: it has ended or is not for this org; {}", self.advice())]
    TokenEnded,
    /// The token is good, but not for this API.
    #[error("salesforce refuses the session: {message}; {}", self.advice())]
    NotForThisApi {
        /// What Salesforce says.
        message: String,
    },
    /// The token endpoint cannot answer now.
    #[error("salesforce gives no token at the moment: {cause}")]
    Unavailable {
        /// What it says.
        cause: String,
    },
    /// There is no connection to the token endpoint.
    #[error("no connection to the token endpoint: {cause}")]
    Unreachable {
        /// What the network says.
        cause: String,
    },
}

impl LoginError {
    /// Whether waiting helps.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unreachable { .. })
    }

    /// What a person can do about it.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Refused { error, description } => advice(error, description),
            Self::NoTokenEndpoint { .. } => "check SALESFORCE_LOGIN_URL: it is the org's My Domain",
            Self::RefusedAgain => {
                "check the app's policies, and whether an administrator ends its sessions"
            }
            Self::TokenEnded => {
                "set a new SALESFORCE_ACCESS_TOKEN, or SALESFORCE_CLIENT_ID and \
                 SALESFORCE_CLIENT_SECRET, which renew it by themselves"
            }
            Self::NotForThisApi { .. } => "give the app the scope `api`",
            Self::Unavailable { .. } | Self::Unreachable { .. } => "wait",
        }
    }
}

/// What to do about an error of the token endpoint. The description decides where one error stands
/// for many things.
fn advice(error: &str, description: &str) -> &'static str {
    let says = |words: &str| description.contains(words);
    match error {
        "invalid_grant" if says("request not supported on this domain") => {
            "set SALESFORCE_LOGIN_URL to the org's My Domain \
             (https://DOMAIN.my.salesforce.com): client credentials work nowhere else"
        }
        "invalid_grant" if says("no client credentials user enabled") => {
            "name a run-as user in the app's client credentials flow"
        }
        "invalid_grant" if says("approved") => "let an administrator pre-authorise the app",
        "invalid_grant" if says("audience") => "the audience does not fit the login host",
        "invalid_grant" if says("expired authorization code") => "check this machine's clock",
        "invalid_grant" if says("expired access/refresh token") => "authorise the app anew",
        "invalid_grant" => "check the app's run-as user and its IP ranges",
        "invalid_client_id" => {
            "check SALESFORCE_CLIENT_ID; a new app is known after some minutes only"
        }
        "invalid_client" => "check SALESFORCE_CLIENT_SECRET",
        "unsupported_grant_type" => "switch the client credentials flow on in the app",
        "inactive_user" => "activate the run-as user of the app",
        "inactive_org" => "the org is not active; ask Salesforce",
        _ => "check the connected app and its credentials",
    }
}

/// One token of the session.
pub(super) struct Token {
    pub(super) authorization: HeaderValue,
    pub(super) instance_url: Url,
    generation: u64,
    /// Whether a call with it got past the door.
    accepted: AtomicBool,
}

impl Token {
    /// Notes that a call with this token was not refused because of it.
    pub(super) fn was_accepted(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }
}

/// Holds the one token. Renewing holds the lock, so that everybody else waits for the new token
/// instead of asking for another one.
pub(super) struct Session {
    http: reqwest::Client,
    credentials: Credentials,
    timeout: Duration,
    state: Mutex<State>,
    logins: AtomicU64,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    generation: u64,
    last_failure: Option<LoginError>,
}

/// A login is a small request; nobody waits for it as long as for a batch.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);

impl Session {
    pub(super) fn new(http: reqwest::Client, credentials: Credentials, timeout: Duration) -> Self {
        Self {
            http,
            credentials,
            timeout: timeout.min(LOGIN_TIMEOUT),
            state: Mutex::default(),
            logins: AtomicU64::new(0),
        }
    }

    /// The token, after a login when there is none yet.
    pub(super) async fn token(&self) -> Result<Arc<Token>, LoginError> {
        let logins_before = self.logins.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        match &state.token {
            Some(token) => Ok(Arc::clone(token)),
            None => self.log_in(&mut state, logins_before).await,
        }
    }

    /// A token newer than the one that was refused: one login for all who come with the same
    /// refused token.
    pub(super) async fn renew(&self, refused: &Token) -> Result<Arc<Token>, LoginError> {
        let logins_before = self.logins.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        match &state.token {
            Some(token) if token.generation != refused.generation => Ok(Arc::clone(token)),
            _ if matches!(self.credentials, Credentials::Token { .. }) => {
                Err(LoginError::TokenEnded)
            }
            // The first token may have been given just before the org changed its mind; a second
            // one that nobody could use says that a third would not help.
            _ if refused.generation > 1 && !refused.accepted.load(Ordering::Relaxed) => {
                Err(LoginError::RefusedAgain)
            }
            _ => self.log_in(&mut state, logins_before).await,
        }
    }

    async fn log_in(
        &self,
        state: &mut State,
        logins_before: u64,
    ) -> Result<Arc<Token>, LoginError> {
        if self.logins.load(Ordering::Acquire) != logins_before
            && let Some(failure) = &state.last_failure
        {
            // Somebody tried while we waited for the lock; asking again would not be news.
            return Err(failure.clone());
        }
        let result = self.ask_for_token(state.generation + 1).await;
        self.logins.fetch_add(1, Ordering::Release);
        state.last_failure = result.as_ref().err().cloned();
        if let Ok(token) = &result {
            state.generation = token.generation;
            state.token = Some(Arc::clone(token));
            tracing::debug!(generation = token.generation, "logged in to salesforce");
        }
        result
    }

    async fn ask_for_token(&self, generation: u64) -> Result<Arc<Token>, LoginError> {
        match &self.credentials {
            Credentials::Token { instance_url, access_token } => {
                token(access_token.expose_secret(), instance_url.clone(), generation)
            }
            Credentials::ClientCredentials { login_url, client_id, client_secret } => {
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id.expose_secret()),
                    ("client_secret", client_secret.expose_secret()),
                ];
                let answer = self.post_form(login_url, &form).await?;
                let instance_url = usable_instance(&answer.instance_url, login_url)?;
                token(&answer.access_token, instance_url, generation)
            }
        }
    }

    async fn post_form(
        &self,
        login_url: &Url,
        form: &[(&str, &str)],
    ) -> Result<TokenAnswer, LoginError> {
        let mut endpoint = login_url.clone();
        endpoint.set_path("/services/oauth2/token");
        let response = self
            .http
            .post(endpoint)
            .timeout(self.timeout)
            .form(form)
            .send()
            .await
            .map_err(|error| unreachable(&http::refusal(error)))?;
        let status = response.status();
        let body = http::body(response).await.map_err(|refusal| unreachable(&refusal))?;
        read_token_answer(status, &body)
    }
}

fn unreachable(refusal: &Refusal) -> LoginError {
    LoginError::Unreachable { cause: refusal.to_string() }
}

fn read_token_answer(status: StatusCode, body: &[u8]) -> Result<TokenAnswer, LoginError> {
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
        Ok(refusal) if matches!(refusal.error.as_str(), "rate_limit_exceeded") => {
            Err(LoginError::Unavailable { cause: refusal.error })
        }
        Ok(TokenRefusal { error, error_description: description }) => {
            Err(LoginError::Refused { error, description })
        }
        Err(_) => Err(LoginError::NoTokenEndpoint { cause: format!("HTTP {}", status.as_u16()) }),
    }
}

/// The API's host as the login named it. It may not be less safe than the login's.
fn usable_instance(instance_url: &str, login_url: &Url) -> Result<Url, LoginError> {
    Url::parse(instance_url)
        .ok()
        .filter(|url| {
            url.has_host() && (url.scheme() == "https" || url.scheme() == login_url.scheme())
        })
        .ok_or_else(|| LoginError::NoTokenEndpoint {
            cause: "the answer names no usable instance_url".to_owned(),
        })
}

fn token(secret: &str, instance_url: Url, generation: u64) -> Result<Arc<Token>, LoginError> {
    let mut authorization = HeaderValue::try_from(format!("Bearer {secret}")).map_err(|_| {
        LoginError::NoTokenEndpoint { cause: "the token holds characters of no token".to_owned() }
    })?;
    authorization.set_sensitive(true);
    Ok(Arc::new(Token {
        authorization,
        instance_url,
        generation,
        accepted: AtomicBool::new(false),
    }))
}

/// Shows where to, never with what.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::ClientCredentials { .. } => "ClientCredentials",
            Self::Token { .. } => "Token",
        };
        write!(formatter, "{kind}({})", self.url().origin().ascii_serialization())
    }
}
