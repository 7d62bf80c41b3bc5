//! Bodies of requests that may say a load: its name, or all of it.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{FromRequest, OptionalFromRequest, Request},
    http::StatusCode,
};
use bytes::BytesMut;
use futures::StreamExt;
use load::LoadSettings;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::{
    import::load_choice::{LOAD_BYTES_MAX, LoadWish},
    server::{
        client::Client,
        error::ApiError,
        extract::{
            BODY_BYTES_MAX, BODY_TIMEOUT, JsonOf, is_json, parsed, too_long, too_slow, unreadable,
        },
        state::Api,
    },
};

/// The field `load` of a body, as it came: refused by a parser of the whole body, it would be a place
/// in it and no name.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct LoadOf(Box<RawValue>);

impl LoadOf {
    pub(crate) fn wish(&self) -> Result<LoadWish, ApiError> {
        let text = self.0.get();
        match text.bytes().next() {
            Some(b'"') => {
                let name = serde_json::from_str(text).map_err(|_not_text| odd())?;
                Ok(LoadWish::known(Some(name), LoadSettings::default()))
            }
            Some(b'{') => {
                let settings: LoadSettings = serde_json::from_str(text).map_err(|error| {
                    unusable(&format!("its settings are not understood: {error}"))
                })?;
                match settings.mapping {
                    Some(_) => Err(unusable(
                        "`mapping` would name a file of the server; write `columns`, and \
                         `constants`, instead",
                    )),
                    None => Ok(LoadWish::Whole(Box::new(settings))),
                }
            }
            _ => Err(odd()),
        }
    }
}

/// What a body says of the load, if it says something.
pub(crate) fn wish(load: Option<LoadOf>) -> Result<LoadWish, ApiError> {
    load.map_or_else(|| Ok(LoadWish::nothing()), |load| load.wish())
}

fn odd() -> ApiError {
    ApiError::bad_request(
        "`load` is neither the name of a load nor an object with its settings: GET /api/loads names \
         the loads that there are",
    )
}

fn unusable(why: &str) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, format!("`load`: {why}"))
}

/// A JSON body that may say a load, and be longer than others for that.
pub(crate) struct WithLoad<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for WithLoad<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, ApiError> {
        if !may_be_large(&request) {
            let JsonOf(value) = <JsonOf<T> as FromRequest<_>>::from_request(request, api).await?;
            return Ok(Self(value));
        }
        if request.body().size_hint().lower() > LOAD_BYTES_MAX as u64 {
            return Err(too_long(LOAD_BYTES_MAX));
        }
        let client = request.extensions().get::<Client>().cloned();
        let client = client.ok_or_else(unreadable)?;
        let _share = api.large_bodies.take(&client).map_err(|under_way| {
            ApiError::unavailable(format!(
                "{under_way} bodies of more than {BODY_BYTES_MAX} bytes are being read already"
            ))
        })?;
        let (parts, body) = request.into_parts();
        let reading = timeout(BODY_TIMEOUT, read(body));
        let bytes = reading.await.map_err(|_elapsed| too_slow())??;
        parsed(is_json(&parts.headers), &bytes).map(|JsonOf(value)| Self(value))
    }
}

/// `None` when there is no body at all.
impl<T: DeserializeOwned> OptionalFromRequest<Arc<Api>> for WithLoad<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Option<Self>, ApiError> {
        if may_be_large(&request) {
            return <Self as FromRequest<_>>::from_request(request, api).await.map(Some);
        }
        let body = <JsonOf<T> as OptionalFromRequest<_>>::from_request(request, api).await?;
        Ok(body.map(|JsonOf(value)| Self(value)))
    }
}

/// Said by the request itself.
fn may_be_large(request: &Request) -> bool {
    request.body().size_hint().lower() > BODY_BYTES_MAX as u64
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    let mut chunks = body.into_data_stream();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_broken| unreadable())?;
        if bytes.len() + chunk.len() > LOAD_BYTES_MAX {
            return Err(too_long(LOAD_BYTES_MAX));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}
