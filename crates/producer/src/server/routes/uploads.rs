//! `PUT /api/files/{name}`: the body becomes a blob.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header},
};
use blob_store::{BlobError, Overwrite};
use futures::StreamExt;
use ingest_core::commands::producer;
use serde::Deserialize;
use tokio::time::timeout;

use crate::{
    import::upload::{self, Uploaded},
    server::{client::Client, error::ApiError, extract::QueryOf, state::Api},
};

/// How long a client may take for each [`STEP_BYTES`]. One that is slower than 2 kB/s keeps a place
/// from others.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);
const STEP_BYTES: usize = 64 << 10;

/// How much is taken of what is refused, and for how long.
const PASSED_OVER_BYTES_MAX: usize = 256 << 20;
const PASS_OVER_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HowTo {
    #[serde(default)]
    overwrite: bool,
}

/// Nothing is visible before all of the body is there.
pub(crate) async fn put(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    name: Result<Path<String>, PathRejection>,
    QueryOf(HowTo { overwrite }): QueryOf<HowTo>,
    request: Request,
) -> Result<(StatusCode, Json<Uploaded>), ApiError> {
    let Path(name) = name.map_err(|_| ApiError::bad_request("the name is not UTF-8"))?;
    let (parts, body) = request.into_parts();
    let mut content = Content::of(body, api.upload_bytes_max);
    let (overwrite, done) = match overwrite {
        true => (Overwrite::Replace, StatusCode::OK),
        false => (Overwrite::Refuse, StatusCode::CREATED),
    };
    let receiving = receive(&api, &client, &parts.headers, &name, overwrite, &mut content);
    let uploaded = receiving.await;
    if uploaded.is_err() && !parts.headers.contains_key(header::EXPECT) {
        content.pass_over().await;
    }
    uploaded.map(|uploaded| (done, Json(uploaded)))
}

async fn receive(
    api: &Api,
    client: &Client,
    headers: &HeaderMap,
    name: &str,
    overwrite: Overwrite,
    content: &mut Content,
) -> Result<Uploaded, ApiError> {
    let begun = Instant::now();
    let bytes_max = api.upload_bytes_max;
    let bytes = checked(headers, bytes_max)?;
    let _place = api.uploads.take(client).map_err(|under_way| {
        ApiError::unavailable(format!("{under_way} uploads are under way already"))
    })?;
    let store = &api.runs.store;
    let writer = upload::begin(store, name, overwrite).await.map_err(with_advice)?;
    let mut writer = writer.in_small_blocks_for(bytes.unwrap_or(bytes_max))?;
    let mut piece = content.next().await?;
    upload::check_start(piece.as_deref().unwrap_or_default())
        .map_err(|error| ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error.to_string()))?;
    while let Some(next) = piece {
        writer.write(next).await?;
        piece = content.next().await?;
    }
    upload::commit(store, writer, begun.elapsed()).await.map_err(with_advice)
}

/// The length of the body, when the client says it.
fn checked(headers: &HeaderMap, bytes_max: u64) -> Result<Option<u64>, ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let unsupported = |words: &str| ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, words);
    if bytes_max == 0 {
        let words = format!("uploads are off (UPLOAD_BYTES_MAX is 0); use `{} upload`", producer());
        return Err(ApiError::new(StatusCode::FORBIDDEN, words));
    }
    if text(header::CONTENT_TYPE)
        .is_some_and(|of| of.to_ascii_lowercase().starts_with("multipart/"))
    {
        return Err(unsupported("the body must be the file itself, and no form around it"));
    }
    if text(header::CONTENT_ENCODING).is_some_and(|of| !of.eq_ignore_ascii_case("identity")) {
        return Err(unsupported(
            "send a compressed file without Content-Encoding, under a name such as a.csv.gz",
        ));
    }
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(ApiError::bad_request("send all of the file, without Content-Range"));
    }
    let bytes = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    match bytes {
        Some(bytes) if bytes > bytes_max => Err(too_large(bytes_max)),
        bytes => Ok(bytes),
    }
}

fn too_large(bytes_max: u64) -> ApiError {
    let words = format!(
        "the file has more than {bytes_max} bytes (UPLOAD_BYTES_MAX); use `{} upload`",
        producer()
    );
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, words)
}

fn with_advice(error: BlobError) -> ApiError {
    match error {
        BlobError::AlreadyExists { .. } => {
            ApiError::conflict(format!("{error}; to replace it, add ?overwrite=true"), None)
        }
        error => error.into(),
    }
}

/// A body, of which so much is taken, from a client that keeps sending.
struct Content {
    body: axum::body::BodyDataStream,
    left: u64,
    bytes_max: u64,
    step: Step,
}

/// What came since the client was last found to be quick enough.
#[derive(Default)]
struct Step {
    bytes: usize,
    waited: Duration,
}

impl Content {
    fn of(body: Body, bytes_max: u64) -> Self {
        let body = body.into_data_stream();
        Self { body, left: bytes_max, bytes_max, step: Step::default() }
    }

    /// `None` at the end. A client that goes away before the end is an error.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let asked = Instant::now();
        let came = timeout(self.step.patience(), self.body.next()).await;
        let came = came.map_err(|_elapsed| {
            self.step.waited = STEP_TIMEOUT;
            too_slow()
        });
        let Some(piece) = came? else { return Ok(None) };
        let piece = piece.map_err(|_| ApiError::bad_request("the body ended before its end"))?;
        self.step.note(piece.len(), asked.elapsed());
        match self.left.checked_sub(piece.len() as u64) {
            Some(left) => self.left = left,
            None => return Err(too_large(self.bytes_max)),
        }
        Ok(Some(piece))
    }

    /// Takes what a client still sends that was refused: most clients hear nothing before all of it
    /// was taken, and find a broken connection when it is not.
    async fn pass_over(&mut self) {
        let mut left = PASSED_OVER_BYTES_MAX;
        let passing = async {
            while let Some(Ok(piece)) = self.body.next().await {
                left = left.saturating_sub(piece.len());
                if left == 0 {
                    return;
                }
            }
        };
        // Who has sent too little for too long has been told enough.
        let _passed = timeout(self.step.patience().min(PASS_OVER_TIMEOUT), passing).await;
    }
}

impl Step {
    /// Only the client's own time counts, and not that of the blob storage.
    fn patience(&self) -> Duration {
        STEP_TIMEOUT.saturating_sub(self.waited)
    }

    fn note(&mut self, bytes: usize, waited: Duration) {
        self.bytes += bytes;
        self.waited += waited;
        if self.bytes >= STEP_BYTES {
            *self = Self::default();
        }
    }
}

fn too_slow() -> ApiError {
    let words = format!(
        "{} KiB did not arrive within {} s; nothing was uploaded",
        STEP_BYTES >> 10,
        STEP_TIMEOUT.as_secs()
    );
    ApiError::new(StatusCode::REQUEST_TIMEOUT, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_drips_is_given_up_and_a_slow_one_is_not() {
        let second = Duration::from_secs(1);
        let (mut drips, mut slow) = (Step::default(), Step::default());
        for _ in 0..30 {
            drips.note(1, second);
        }
        for _ in 0..300 {
            slow.note(STEP_BYTES / 20, second);
        }

        assert_eq!(drips.patience(), Duration::ZERO);
        assert!(slow.patience() > Duration::ZERO);
    }

    #[test]
    fn what_is_no_file_is_refused_by_its_head() {
        let cases = [
            (header::CONTENT_LENGTH, "100", Ok(Some(100))),
            (header::CONTENT_LENGTH, "101", Err(413)),
            (header::TRANSFER_ENCODING, "chunked", Ok(None)),
            (header::CONTENT_TYPE, "text/csv", Ok(None)),
            (header::CONTENT_TYPE, "Multipart/form-data; boundary=x", Err(415)),
            (header::CONTENT_ENCODING, "identity", Ok(None)),
            (header::CONTENT_ENCODING, "gzip", Err(415)),
            (header::CONTENT_RANGE, "bytes 0-1/2", Err(400)),
        ];

        for (name, value, expected) in cases {
            let headers = HeaderMap::from_iter([(name.clone(), value.parse().unwrap())]);
            let found = checked(&headers, 100).map_err(|refusal| refusal.status.as_u16());
            assert_eq!(found, expected, "{name}: {value}");
        }
        assert_eq!(checked(&HeaderMap::new(), 0).unwrap_err().status, 403);
    }
}
