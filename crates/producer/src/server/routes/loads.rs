//! `GET /api/loads`: what a start may name.

use std::sync::Arc;

use axum::{Extension, extract::State, response::Response};
use serde::Serialize;

use crate::{
    report::shown_load::ShownLoad,
    server::{client::Client, error::ApiError, state::Api},
};

#[derive(Serialize)]
struct Loads<'a> {
    loads: Vec<ShownLoad<'a>>,
}

/// As the server read them when it started.
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
) -> Result<Response, ApiError> {
    let turn = api.lists.turn(&client).await?;
    Ok(turn.answer(&Loads { loads: api.loads.iter().map(ShownLoad::of).collect() }))
}
