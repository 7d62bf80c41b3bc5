//! Request bodies: bounded, and unpacked when they came packed.

use std::io::Read;

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::problem::Refusal;

/// Reads a body to its end.
pub(crate) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes, Refusal> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|length| length.parse::<usize>().ok()).is_some_and(|it| it > bytes_max) {
        return Err(too_large(bytes_max));
    }
    let bytes = axum::body::to_bytes(body, bytes_max).await.map_err(|_| too_large(bytes_max))?;
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str());
    match encoding.map(|name| name.unwrap_or_default().to_ascii_lowercase()).as_deref() {
        None | Some("identity" | "") => Ok(bytes),
        Some("gzip" | "x-gzip") => unpack(MultiGzDecoder::new(bytes.as_ref()), bytes_max),
        // The name stands for zlib; some clients send bare deflate.
        Some("deflate") => unpack(ZlibDecoder::new(bytes.as_ref()), bytes_max)
            .or_else(|_| unpack(DeflateDecoder::new(bytes.as_ref()), bytes_max)),
        Some(_) => Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "Content-Encoding is gzip or deflate",
        )),
    }
}

fn unpack(packed: impl Read, bytes_max: usize) -> Result<Bytes, Refusal> {
    let mut unpacked = Vec::new();
    packed
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut unpacked)
        .map_err(|_| Refusal::parser("the body is not packed as its Content-Encoding says"))?;
    if unpacked.len() > bytes_max {
        return Err(too_large(bytes_max));
    }
    Ok(Bytes::from(unpacked))
}

fn too_large(bytes_max: usize) -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "REQUEST_ENTITY_TOO_LARGE",
        format!("the body is larger than {bytes_max} bytes"),
    )
}
