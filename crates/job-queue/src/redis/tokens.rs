//! Signing in to Redis with tokens of Entra ID instead of a password.
//!
//! Azure ends a connection when its token does. The stream below gives each connection the next token
//! before that, and the client shows it on the connection that is open.

use std::{
    io,
    pin::Pin,
    time::{Duration, SystemTime},
};

use entra::Identity;
use futures::{Stream, stream};
use redis::{
    RedisError, RedisResult,
    auth::{BasicAuth, StreamingCredentialsProvider},
};
use secrecy::ExposeSecret;

use crate::{QueueArgs, QueueError, args::RedisAuth, redis::hosts::Hosts};

/// <https://learn.microsoft.com/azure/redis/entra-for-authentication>
const SCOPE: &str = "https://redis.azure.com/.default";

/// When no token is given, or one that lasts hardly longer.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Gives tokens, and says whose they are.
#[derive(Clone)]
pub(crate) struct Tokens {
    identity: Identity,
    /// That of the setting; the object id in the token counts if there is none.
    user: Option<String>,
}

impl Tokens {
    /// Nothing when Redis gets a password.
    ///
    /// # Errors
    ///
    /// When the token would go to another machine without TLS, or no way to sign in gives one at this
    /// moment.
    pub(crate) async fn of(args: &QueueArgs) -> Result<Option<Self>, QueueError> {
        if args.redis_auth == RedisAuth::Password {
            return Ok(None);
        }
        // Of one kind at most.
        let hosts = ["", "+sentinel", "+cluster"]
            .iter()
            .find_map(|kind| Hosts::of(args.redis_url.expose_secret(), kind, 0).ok().flatten());
        if hosts.is_some_and(|hosts| !hosts.has_tls() && !hosts.are_loopback()) {
            return Err(QueueError::TokenWithoutTls);
        }
        let user = user_of(args.redis_url.expose_secret());
        let not_signed_in = |source| QueueError::NotSignedIn { source };
        let tokens = Self { identity: Identity::find().map_err(not_signed_in)?, user };
        tokens.identity.token(SCOPE).await.map_err(not_signed_in)?;
        Ok(Some(tokens))
    }

    /// The same error, of a Redis that was shown a token instead of a password.
    pub(crate) fn refused(tokens: Option<&Self>, error: QueueError) -> QueueError {
        match error {
            QueueError::Denied { address } if tokens.is_some() => {
                QueueError::TokenRefused { address }
            }
            other => other,
        }
    }

    /// What to show, and when to show the next one.
    async fn credentials(&self) -> (RedisResult<BasicAuth>, Duration) {
        let failed = |words| RedisError::from(io::Error::other(words));
        let token = match self.identity.token(SCOPE).await {
            Ok(token) => token,
            Err(error) => return (Err(failed(error.to_string())), RETRY_DELAY),
        };
        let lasts = token.expires.duration_since(SystemTime::now()).unwrap_or_default();
        let delay = (lasts * 3 / 4).max(RETRY_DELAY);
        let user = self.user.clone().or(token.object_id);
        let user = user.ok_or_else(|| {
            failed(
                "the token does not say whose it is; write the object id into REDIS_URL".to_owned(),
            )
        });
        let secret = token.secret.expose_secret().to_owned();
        (user.map(|user| BasicAuth::new(user, secret)), delay)
    }
}

impl StreamingCredentialsProvider for Tokens {
    fn subscribe(&self) -> Pin<Box<dyn Stream<Item = RedisResult<BasicAuth>> + Send + 'static>> {
        let first = (self.clone(), Duration::ZERO);
        Box::pin(stream::unfold(first, |(tokens, delay)| async move {
            tokio::time::sleep(delay).await;
            let (credentials, next) = tokens.credentials().await;
            Some((credentials, (tokens, next)))
        }))
    }
}

/// The user in a URL of any kind.
fn user_of(url: &str) -> Option<String> {
    let (_scheme, rest) = url.split_once("://")?;
    let (user, _host) = rest.split('/').next()?.rsplit_once('@')?;
    user.split(':').next().filter(|user| !user.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_a_url_is_that_of_the_token_if_it_has_one() {
        assert_eq!(user_of("rediss://0f7f-1@host:10000").as_deref(), Some("0f7f-1"));
        assert_eq!(user_of("rediss+cluster://0f7f-1@a:1,b:2/0").as_deref(), Some("0f7f-1"));
        assert_eq!(user_of("rediss://host:10000"), None);
        assert_eq!(user_of("rediss://:password@host:10000"), None);
    }
}
