//! The token that all calls share, renewed once for all of them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;
use tokio::sync::Mutex;
use url::Url;

use super::{
    credentials::Credentials,
    login_error::LoginError,
    token_endpoint::{Granted, TokenEndpoint},
};
use crate::metrics::Metrics;

/// One token of the session.
pub(crate) struct Token {
    pub(crate) authorization: HeaderValue,
    pub(crate) instance_url: Url,
    /// The org's id, where the login names it.
    pub(crate) org: Option<String>,
    /// The user's.
    pub(crate) user: Option<String>,
    generation: u64,
    /// Whether a call with it reached Salesforce.
    accepted: AtomicBool,
}

impl Token {
    /// Notes that a call with this token was not refused because of it.
    pub(crate) fn was_accepted(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }
}

/// Holds the one token. Renewing holds the lock, so that everybody else waits for the new token
/// instead of asking for another one.
pub(crate) struct Session {
    endpoint: TokenEndpoint,
    credentials: Credentials,
    state: Mutex<State>,
    logins: AtomicU64,
    metrics: Metrics,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    generation: u64,
    last_failure: Option<LoginError>,
}

impl Session {
    pub(crate) fn new(endpoint: TokenEndpoint, credentials: Credentials, metrics: Metrics) -> Self {
        let (state, logins) = (Mutex::default(), AtomicU64::new(0));
        Self { endpoint, credentials, state, logins, metrics }
    }

    /// The token, after a login when there is none yet.
    pub(crate) async fn token(&self) -> Result<Arc<Token>, LoginError> {
        let logins_before = self.logins.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        match &state.token {
            Some(token) => Ok(Arc::clone(token)),
            None => self.log_in(&mut state, logins_before).await,
        }
    }

    /// A token newer than the one that was refused: one login for all who come with the same
    /// refused token.
    pub(crate) async fn renew(&self, refused: &Token) -> Result<Arc<Token>, LoginError> {
        let logins_before = self.logins.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        match &state.token {
            Some(token) if token.generation != refused.generation => Ok(Arc::clone(token)),
            _ if matches!(self.credentials, Credentials::Token { .. }) => {
                Err(LoginError::TokenEnded)
            }
            // The first token may have been given just before the org changed its mind; a second
            // one that no call could use shows that a third would not help.
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
            // Another call logged in while this one waited for the lock: another try would bring the same.
            return Err(failure.clone());
        }
        let granted = self.endpoint.ask(&self.credentials).await;
        let result = granted.and_then(|granted| token(granted, state.generation + 1));
        self.logins.fetch_add(1, Ordering::Release);
        // A ready-made token is not asked for.
        if !matches!(self.credentials, Credentials::Token { .. }) {
            self.metrics.asked_for_token(result.as_ref().err());
        }
        state.last_failure = result.as_ref().err().cloned();
        if let Ok(token) = &result {
            state.generation = token.generation;
            state.token = Some(Arc::clone(token));
            tracing::debug!(generation = token.generation, "logged in to salesforce");
        }
        result
    }
}

fn token(granted: Granted, generation: u64) -> Result<Arc<Token>, LoginError> {
    let bearer = format!("Bearer {}", granted.access_token.expose_secret());
    let mut authorization = HeaderValue::try_from(bearer).map_err(|_| {
        LoginError::NoTokenEndpoint { cause: "the token holds characters of no token".to_owned() }
    })?;
    authorization.set_sensitive(true);
    Ok(Arc::new(Token {
        authorization,
        instance_url: granted.instance_url,
        org: granted.org,
        user: granted.user,
        generation,
        accepted: AtomicBool::new(false),
    }))
}
