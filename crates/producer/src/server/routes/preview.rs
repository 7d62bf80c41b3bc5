//! `GET /api/files/{name}/preview`: what a file is and has.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use crate::server::{client::Client, error::ApiError, extract::QueryOf, state::Api};

/// Behind the file's name, which may have slashes as well.
const SUFFIX: &str = "/preview";

/// There is nothing to say in the query.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Whether a path is one of a preview.
pub(crate) fn is_path(path: &str) -> bool {
    path.ends_with(SUFFIX)
}

/// The first records, read as a run with the settings of this server would read them.
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    name: Result<Path<String>, PathRejection>,
    query: Result<QueryOf<Nothing>, ApiError>,
) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_| ApiError::bad_request("the name is not UTF-8"))?;
    let Some(file) = name.strip_suffix(SUFFIX) else {
        return Ok(([(header::ALLOW, "PUT")], ApiError::wrong_method()).into_response());
    };
    let QueryOf(Nothing {}) = query?;
    let turn = api.lists.turn(&client).await?;
    let preview = Box::pin(api.runs.files().preview(file, &api.settings)).await?;
    let preview = preview.ok_or_else(|| {
        ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "there is no header in the first 4 MiB of the file; look whether it is a CSV file",
        )
    })?;
    Ok(turn.answer(&preview))
}
