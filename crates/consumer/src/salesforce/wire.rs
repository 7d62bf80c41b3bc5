//! What Salesforce answers, as far as this program reads it.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};

/// What became of one row of a call.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct RowResult {
    /// Whether the row is stored.
    pub success: bool,
    /// Everything that is wrong with it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub errors: Vec<RowError>,
    /// Whether an upsert created the record (or updated it). Absent from other operations.
    #[serde(default)]
    pub created: Option<bool>,
}

/// One reason why a row was not stored.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct RowError {
    /// For programs, such as `REQUIRED_FIELD_MISSING`.
    #[serde(rename = "statusCode")]
    pub code: String,
    /// For people. May quote the row's values.
    #[serde(default, deserialize_with = "null_is_default")]
    pub message: String,
    /// The fields it is about.
    #[serde(default, deserialize_with = "null_is_default")]
    pub fields: Vec<String>,
}

/// Why a request was refused as a whole. The message may quote a row's values.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct RequestError {
    #[serde(rename = "errorCode")]
    pub(crate) code: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) message: String,
}

/// The org's limits, as far as this program reads them.
#[derive(Deserialize)]
pub(crate) struct Limits {
    #[serde(rename = "DailyApiRequests")]
    pub(crate) daily_requests: DailyRequests,
}

/// Calls of the last 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub(crate) struct DailyRequests {
    pub(crate) max: u64,
    pub(crate) remaining: u64,
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

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Shows codes and fields; messages may quote the row's values.
impl fmt::Debug for RowError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{:?}", self.code, self.fields)
    }
}

impl fmt::Debug for RowResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.success, self.created) {
            (true, Some(true)) => formatter.write_str("created"),
            (true, Some(false)) => formatter.write_str("updated"),
            (true, None) => formatter.write_str("stored"),
            (false, _) => write!(formatter, "refused {:?}", self.errors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_answer_is_read() {
        let answer = r#"[{"id":"003xx000004TmiQAAS","success":true,"errors":[],"created":true},
            {"success":false,"errors":[{"statusCode":"REQUIRED_FIELD_MISSING",
                "message":"Required fields are missing: [LastName]","fields":["LastName"]}]},
            {"id":"003xx000004TmiR","success":true,"errors":[],"created":false}]"#;

        let results: Vec<RowResult> = serde_json::from_str(answer).unwrap();

        assert_eq!(
            format!("{results:?}"),
            r#"[created, refused [REQUIRED_FIELD_MISSING["LastName"]], updated]"#
        );
    }

    #[test]
    fn debug_shows_no_message() {
        let error = RowError {
            code: "INVALID_EMAIL_ADDRESS".to_owned(),
            message: "Email: invalid email address: ada@example".to_owned(),
            fields: vec!["Email".to_owned()],
        };

        assert_eq!(format!("{error:?}"), r#"INVALID_EMAIL_ADDRESS["Email"]"#);
    }
}
