//! What goes back to the client.

use std::{fmt, io::Write, time::Duration};

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
    Xml(String),
    /// Too long to hold.
    Pieces(Pieces),
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

    pub(crate) fn xml(status: StatusCode, text: String) -> Self {
        Self { body: Payload::Xml(text), ..Self::empty(status) }
    }

    /// Lines of JSON.
    pub(crate) fn lines(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Self {
        Self::pieces("application/x-ndjson", pieces)
    }

    /// Lines of cells.
    pub(crate) fn csv(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Self {
        Self::pieces("text/csv", pieces)
    }

    fn pieces(
        content_type: &'static str,
        pieces: impl Iterator<Item = Bytes> + Send + 'static,
    ) -> Self {
        let body = Payload::Pieces(Pieces { content_type, pieces: Box::new(pieces) });
        Self { body, ..Self::empty(StatusCode::OK) }
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// As sent when nothing goes wrong.
    pub(crate) fn into_response(self, takes_gzip: bool) -> Response {
        let (mut response, body) = self.into_parts();
        let packs = match &body {
            Sent::Whole(bytes) => takes_gzip && bytes.len() >= PACKED_BYTES_MIN,
            Sent::Pieces(_) => takes_gzip,
        };
        if packs {
            let gzip = HeaderValue::from_static("gzip");
            response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
        }
        *response.body_mut() = match body {
            Sent::Whole(bytes) if packs => Body::from(packed(&bytes)),
            Sent::Whole(bytes) => Body::from(bytes),
            Sent::Pieces(pieces) if packs => streamed(Packed::new(pieces)),
            Sent::Pieces(pieces) => streamed(pieces),
        };
        response
    }

    /// As sent in ten pieces with a pause before each.
    pub(crate) fn into_slow_response(self, pause: Duration) -> Response {
        let (mut response, body) = self.into_parts();
        let pieces: Box<dyn Iterator<Item = Bytes> + Send> = match body {
            Sent::Whole(bytes) => {
                let size = bytes.len().div_ceil(DRIPS).max(1);
                let pieces: Vec<Bytes> =
                    bytes.chunks(size).map(|piece| bytes.slice_ref(piece)).collect();
                Box::new(pieces.into_iter())
            }
            Sent::Pieces(pieces) => pieces,
        };
        let drips = stream::iter(pieces.enumerate()).then(move |(number, piece)| async move {
            if number < DRIPS {
                tokio::time::sleep(pause).await;
            }
            Ok::<_, std::io::Error>(piece)
        });
        *response.body_mut() = Body::from_stream(drips);
        response
    }

    /// As sent up to its middle; then the connection breaks.
    pub(crate) fn into_cut_response(self) -> Response {
        let (mut response, body) = self.into_parts();
        let bytes = match body {
            Sent::Whole(bytes) => {
                let length = HeaderValue::from(bytes.len());
                response.headers_mut().insert(header::CONTENT_LENGTH, length);
                bytes
            }
            // Where the middle of all is, is not known: of the start, then.
            Sent::Pieces(pieces) => pieces.take(2).collect::<Vec<_>>().concat().into(),
        };
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

    fn into_parts(self) -> (Response, Sent) {
        const JSON: &str = "application/json;charset=UTF-8";
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        let (content_type, body) = match self.body {
            Payload::None => ("", Sent::Whole(Bytes::new())),
            Payload::Json(bytes) => (JSON, Sent::Whole(bytes)),
            Payload::Results(results) => (JSON, Sent::Whole(to_json(&results))),
            Payload::Html(page) => ("text/html;charset=UTF-8", Sent::Whole(page.into())),
            Payload::Xml(text) => ("text/xml;charset=UTF-8", Sent::Whole(text.into())),
            Payload::Pieces(Pieces { content_type, pieces }) => {
                (content_type, Sent::Pieces(pieces))
            }
        };
        if !content_type.is_empty() {
            let value = HeaderValue::from_static(content_type);
            response.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        response.headers_mut().extend(self.headers);
        (response, body)
    }
}

/// A body that is made while it is sent.
pub(crate) struct Pieces {
    content_type: &'static str,
    pieces: Box<dyn Iterator<Item = Bytes> + Send>,
}

impl fmt::Debug for Pieces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.content_type)
    }
}

enum Sent {
    Whole(Bytes),
    Pieces(Box<dyn Iterator<Item = Bytes> + Send>),
}

fn streamed(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Body {
    Body::from_stream(stream::iter(pieces.map(Ok::<_, std::io::Error>)))
}

/// Pieces, packed on their way.
struct Packed {
    pieces: Option<Box<dyn Iterator<Item = Bytes> + Send>>,
    encoder: GzEncoder<Vec<u8>>,
}

impl Packed {
    fn new(pieces: Box<dyn Iterator<Item = Bytes> + Send>) -> Self {
        let encoder = GzEncoder::new(Vec::new(), Compression::fast());
        Self { pieces: Some(pieces), encoder }
    }
}

impl Iterator for Packed {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let pieces = self.pieces.as_mut()?;
        for piece in pieces {
            self.encoder.write_all(&piece).expect("memory takes every byte");
            let packed = std::mem::take(self.encoder.get_mut());
            if !packed.is_empty() {
                return Some(packed.into());
            }
        }
        self.pieces = None;
        self.encoder.try_finish().expect("memory takes every byte");
        Some(std::mem::take(self.encoder.get_mut()).into())
    }
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
