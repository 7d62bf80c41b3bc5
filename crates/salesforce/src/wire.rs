//! What Salesforce answers, as far as this program reads it.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

/// Why a request was refused as a whole. The message may quote a row's values.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct RequestError {
    #[serde(rename = "errorCode")]
    pub(crate) code: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) message: String,
}

/// An answer of the token endpoint.
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: SecretString,
    pub(crate) instance_url: String,
    /// Of the user, who belongs to an org: `https://…/id/<org>/<user>`.
    #[serde(default)]
    pub(crate) id: Option<String>,
    /// Only when the app rotates refresh tokens.
    #[serde(default)]
    pub(crate) refresh_token: Option<SecretString>,
}

/// Why the token endpoint gave no token.
#[derive(Deserialize)]
pub(crate) struct TokenRefusal {
    pub(crate) error: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) error_description: String,
}

/// What `/services/oauth2/userinfo` says of the user.
#[derive(Deserialize)]
pub(crate) struct UserInfo {
    pub(crate) organization_id: String,
    #[serde(default)]
    pub(crate) user_id: String,
}

pub(crate) fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
