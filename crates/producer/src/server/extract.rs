//! What comes in with a request, checked: run ids, queries, JSON bodies. Every
//! refusal is a [`ApiError`].

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Query, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use ingest_core::RunId;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{cli::reject_limit::RejectLimit, server::error::ApiError};

/// Bytes of a request's body.
pub(crate) const BODY_BYTES_MAX: usize = 16 << 10;

/// How long a body may take to come.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The field `maxRejects` of a body.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct RejectLimitOf(serde_json::Value);

impl RejectLimitOf {
    pub(crate) fn read(&self) -> Result<RejectLimit, ApiError> {
        // Refused by a parser, anything else would be a place in the body that says nothing.
        let text = self.0.as_str().unwrap_or_default();
        text.parse().map_err(|why: String| {
            ApiError::bad_request(format!("`maxRejects` is no limit: {why}"))
        })
    }
}

/// The run that a path names. What cannot be a run's id is a run that does not exist.
pub(crate) struct RunOf(pub(crate) RunId);

impl<S: Send + Sync> FromRequestParts<S> for RunOf {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let run = path.ok().and_then(|Path(text)| text.parse().ok());
        run.map(Self).ok_or_else(ApiError::no_such_run)
    }
}

/// What stands behind the `?`.
pub(crate) struct QueryOf<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(ApiError::bad_request(format!(
                "the query is not understood: {}",
                first_cause(&rejection)
            ))),
        }
    }
}

pub(crate) fn too_slow() -> ApiError {
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive within ten seconds")
}

/// A JSON body, which is an object.
pub(crate) struct JsonOf<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonOf<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        let body = body(request, state).await?;
        parsed(is_json, &body)
    }
}

/// `None` when there is no body at all.
impl<S: Send + Sync, T: DeserializeOwned> OptionalFromRequest<S> for JsonOf<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, ApiError> {
        let is_json = is_json(request.headers());
        let body = body(request, state).await?;
        if body.is_empty() { Ok(None) } else { parsed(is_json, &body).map(Some) }
    }
}

pub(crate) fn parsed<T: DeserializeOwned>(
    is_json: bool,
    body: &[u8],
) -> Result<JsonOf<T>, ApiError> {
    if !is_json {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be JSON, with the header `Content-Type: application/json`",
        ));
    }
    // For serde a list of values is a struct, too, by the order of its fields.
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(ApiError::bad_request("the body must be a JSON object: {…}"));
    }
    match serde_json::from_slice(body) {
        Ok(value) => Ok(JsonOf(value)),
        Err(error) => {
            Err(ApiError::bad_request(format!("the body is not what is expected here: {error}")))
        }
    }
}

async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    let read = tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(request, state)).await;
    read.map_err(|_elapsed| too_slow())?.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_long(BODY_BYTES_MAX),
        _ => unreadable(),
    })
}

pub(crate) fn too_long(bytes_max: usize) -> ApiError {
    let words = format!("the body is longer than {bytes_max} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, words)
}

pub(crate) fn unreadable() -> ApiError {
    ApiError::bad_request("the body could not be read")
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| {
        let media_type = value.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("application/json")
    })
}

/// The innermost sentence: the ones around it only say that it is one.
fn first_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| (*error).source());
    chain.last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Field {
        name: Option<String>,
    }

    #[test]
    fn a_body_is_an_object_and_no_list_of_its_values() {
        for (body, name) in [("{}", None), (" \n{\"name\": \"a\"}", Some("a"))] {
            let field = parsed::<Field>(true, body.as_bytes()).map(|JsonOf(field)| field.name);
            assert_eq!(field.ok().unwrap().as_deref(), name, "{body}");
        }
        for body in ["[null]", " [\"a\"]", "[]", "null", "\"a\"", "", "{", "\u{feff}{}"] {
            assert!(parsed::<Field>(true, body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn only_json_counts_as_json() {
        let cases = [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/json-patch+json", false),
            ("", false),
        ];

        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            assert_eq!(is_json(&headers), expected, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
