//! Tokens for services that have no client of Azure's.

use std::{sync::Arc, time::SystemTime};

use azure_core::{base64, credentials::TokenCredential};
use secrecy::SecretString;

/// Gives tokens to this process.
#[derive(Clone, Debug)]
pub struct Identity(Arc<dyn TokenCredential>);

/// No token was given.
#[derive(Debug)]
pub struct SignInFailed(String);

impl std::fmt::Display for SignInFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SignInFailed {}

/// What a service is shown, and for how long.
#[derive(Debug)]
pub struct Token {
    /// The token itself.
    pub secret: SecretString,
    /// The object id of the identity that it was given to, when the token says it.
    pub object_id: Option<String>,
    /// When it ends.
    pub expires: SystemTime,
}

impl Identity {
    /// The identity that this process has, see [`credential`](crate::credential).
    ///
    /// # Errors
    ///
    /// When a way to sign in is not set up as it should be.
    pub fn find() -> Result<Self, SignInFailed> {
        crate::credential().map(Self).map_err(|error| SignInFailed(error.to_string()))
    }

    /// A token for a service, such as `https://redis.azure.com/.default`. It is one that was given
    /// before as long as that lasts.
    ///
    /// # Errors
    ///
    /// When no way to sign in gives one; with what each of them said.
    pub async fn token(&self, scope: &str) -> Result<Token, SignInFailed> {
        let given = self.0.get_token(&[scope], None).await;
        let given = given.map_err(|error| SignInFailed(error.to_string()))?;
        let secret = given.token.secret();
        let object_id = object_id(secret);
        Ok(Token { secret: secret.into(), object_id, expires: given.expires_on.into() })
    }
}

/// The claim `oid` of a JSON web token.
fn object_id(token: &str) -> Option<String> {
    let claims = base64::decode_url_safe(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    claims.get("oid")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whose_it_is() {
        // {"alg":"none"} and {"oid":"0f7f-1"}, as RFC 7515 writes them.
        let token = "eyJhbGciOiJub25lIn0.eyJvaWQiOiIwZjdmLTEifQ.c2ln";

        assert_eq!(object_id(token).as_deref(), Some("0f7f-1"));
        assert_eq!(object_id("opaque"), None);
        assert_eq!(object_id("a.b.c"), None);
    }
}
