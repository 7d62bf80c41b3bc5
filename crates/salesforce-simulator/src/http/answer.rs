//! What goes back to the client.

use std::{io::Write, time::Duration};

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures::{StreamExt, stream};
use serde::Serialize;

use crate::{problem::Refusal, store::Outcome};

/// Shorter answers are not worth packing.
const PACKED_BYTES_MIN: usize = 1024;
const DRIPS: usize = 10;

/// An answer, until it is known how it will go over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Payload,
    /// Records in the request, for the log.
    pub(crate) rows: u64,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Payload {
    None,
    Json(Bytes),
    /// One result per record.
    Results(Vec<Outcome>),
    Html(&'static str),
    /// Lines of JSON, too many to hold.
    Lines(Body),
}

impl Answer {
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Payload::None, rows: 0 }
    }

    pub(crate) fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Self {
        Self { body: Payload::Json(to_json(value)), ..Self::empty(status) }
    }

    pub(crate) fn ok<T: Serialize + ?Sized>(value: &T) -> Self {
        Self::json(StatusCode::OK, value)
    }

    pub(crate) fn raw_json(json: Vec<u8>) -> Self {
        Self { body: Payload::Json(json.into()), ..Self::empty(StatusCode::OK) }
    }

    pub(crate) fn results(results: Vec<Outcome>) -> Self {
        let rows = results.len() as u64;
        Self { body: Payload::Results(results), rows, ..Self::empty(StatusCode::OK) }
    }

    pub(crate) fn html(status: StatusCode, page: &'static str) -> Self {
        Self { body: Payload::Html(page), ..Self::empty(status) }
    }

    pub(crate) fn lines(body: Body) -> Self {
        Self { body: Payload::Lines(body), ..Self::empty(StatusCode::OK) }
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// As sent in one piece.
    pub(crate) fn into_response(self, takes_gzip: bool) -> Response {
        let (mut response, bytes) = match self.into_parts() {
            Parts::Stream(response) => return response,
            Parts::Bytes(response, bytes) => (response, bytes),
        };
        if takes_gzip && bytes.len() >= PACKED_BYTES_MIN {
            let gzip = HeaderValue::from_static("gzip");
            response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
            *response.body_mut() = Body::from(packed(&bytes));
        } else {
            *response.body_mut() = Body::from(bytes);
        }
        response
    }

    /// As sent in ten pieces with a pause before each.
    pub(crate) fn into_slow_response(self, pause: Duration) -> Response {
        match self.into_parts() {
            Parts::Stream(response) => response,
            Parts::Bytes(mut response, bytes) => {
                let size = bytes.len().div_ceil(DRIPS).max(1);
                let pieces: Vec<Bytes> =
                    bytes.chunks(size).map(|piece| bytes.slice_ref(piece)).collect();
                let drips = stream::iter(pieces).then(move |piece| async move {
                    tokio::time::sleep(pause).await;
                    Ok::<_, std::io::Error>(piece)
                });
                *response.body_mut() = Body::from_stream(drips);
                response
            }
        }
    }

    /// As sent up to its middle; then the connection breaks.
    pub(crate) fn into_cut_response(self) -> Response {
        match self.into_parts() {
            Parts::Stream(response) => response,
            Parts::Bytes(mut response, bytes) => {
                let length = HeaderValue::from(bytes.len());
                response.headers_mut().insert(header::CONTENT_LENGTH, length);
                let first = bytes.slice(..bytes.len() / 2);
                let broken = async {
                    // Time for the first half to get out of the buffer.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
                };
                let halves = stream::iter([Ok(first)]).chain(stream::once(broken));
                *response.body_mut() = Body::from_stream(halves);
                response
            }
        }
    }

    fn into_parts(self) -> Parts {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        let (content_type, bytes) = match self.body {
            Payload::None => ("", Bytes::new()),
            Payload::Json(bytes) => ("application/json;charset=UTF-8", bytes),
            Payload::Results(results) => ("application/json;charset=UTF-8", to_json(&results)),
            Payload::Html(page) => ("text/html;charset=UTF-8", Bytes::from_static(page.as_bytes())),
            Payload::Lines(body) => {
                let lines = HeaderValue::from_static("application/x-ndjson");
                response.headers_mut().insert(header::CONTENT_TYPE, lines);
                *response.body_mut() = body;
                return Parts::Stream(response);
            }
        };
        if !content_type.is_empty() {
            let value = HeaderValue::from_static(content_type);
            response.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        response.headers_mut().extend(self.headers);
        Parts::Bytes(response, bytes)
    }
}

enum Parts {
    Stream(Response),
    Bytes(Response, Bytes),
}

fn to_json<T: Serialize + ?Sized>(value: &T) -> Bytes {
    serde_json::to_vec(value).expect("answers are texts, numbers and lists of them").into()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let answer = Self::json(refusal.status, &refusal.problems);
        match refusal.retry_after {
            Some(seconds) => answer.with_header(header::RETRY_AFTER, &seconds.to_string()),
            None => answer,
        }
    }
}
