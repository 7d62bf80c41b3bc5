//! Answers with lists. A list can have megabytes, so only a few are in memory at a time, and a
//! client waits until another one has been read.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::header,
    response::{IntoResponse, Response},
};
use futures::stream;
use serde::Serialize;

use crate::server::{
    client::Client,
    error::ApiError,
    shares::{Share, Shares},
};

/// Lists at a time, and of one client.
const LISTS_MAX: usize = 4;
const LISTS_PER_CLIENT_MAX: usize = 2;

/// How long a turn is waited for.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is on its way to a client at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Whose turn it is to make a list.
#[derive(Clone, Debug)]
pub(crate) struct Lists(Shares);

/// A turn, until the list was read.
pub(crate) struct Turn {
    _share: Share,
}

impl Default for Lists {
    fn default() -> Self {
        Self(Shares::new(LISTS_MAX, LISTS_PER_CLIENT_MAX))
    }
}

impl Lists {
    pub(crate) async fn turn(&self, client: &Client) -> Result<Turn, ApiError> {
        let share = self.0.take_within(TIMEOUT, client).await;
        share.map(|_share| Turn { _share }).map_err(|under_way| {
            ApiError::unavailable(format!("{under_way} lists are being read already"))
        })
    }
}

impl Turn {
    /// The answer.
    pub(crate) fn answer(self, list: &impl Serialize) -> Response {
        let json = serde_json::to_vec(list).expect("plain fields can be written");
        let length = json.len();
        let pieces = stream::unfold((Bytes::from(json), self), |(mut rest, turn)| async {
            let piece = rest.split_to(rest.len().min(PIECE_BYTES));
            (!piece.is_empty()).then(|| (Ok::<_, std::convert::Infallible>(piece), (rest, turn)))
        });
        let headers = [
            (header::CONTENT_TYPE, "application/json".to_owned()),
            (header::CONTENT_LENGTH, length.to_string()),
        ];
        (headers, Body::from_stream(pieces)).into_response()
    }
}
