//! `POST /api/checks`, `GET` and `DELETE /api/checks/{id}`: what would become of a file's rows.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use crate::{
    import::{
        error::{ReadError, SyncError},
        load_choice::LoadError,
    },
    server::{
        checks::{Check, ShownCheck, Subject},
        client::Client,
        error::ApiError,
        load_body::{LoadOf, WithLoad, wish},
        state::Api,
    },
};

/// What is to be checked, as a start says it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct CheckOf {
    file_name: String,
    load: Option<LoadOf>,
}

/// Begins a check, and answers at once.
pub(crate) async fn begin(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    WithLoad(CheckOf { file_name, load }): WithLoad<CheckOf>,
) -> Result<(StatusCode, Json<ShownCheck>), ApiError> {
    let said = api.loads.said_of_file(&file_name, &wish(load)?).map_err(SyncError::from)?;
    api.org.describer()?;
    let live = api.runs.queue.live_loads().await?;
    let chosen = said.choose(&live).map_err(SyncError::from)?;
    let load = chosen.ok_or(LoadError::NoObject).map_err(SyncError::from)?.load;
    let place = api.checks.place(&client)?;
    let blob = api.runs.store.properties(&file_name).await;
    let blob = blob.map_err(|error| SyncError::from(ReadError::from(error)))?;
    let (runs, settings, org) = (api.runs.clone(), api.settings.clone(), Arc::clone(&api.org));
    let check = api.checks.begin(place, Subject { runs, settings, org, blob, load }, &api.stop);
    Ok((StatusCode::ACCEPTED, Json(check.shown())))
}

pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let check = find(&api, id)?;
    let turn = api.lists.turn(&client).await?;
    Ok(turn.answer(&check.shown()))
}

/// One that has ended stays as it is.
pub(crate) async fn stop(
    State(api): State<Arc<Api>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    find(&api, id)?.stop();
    Ok(StatusCode::NO_CONTENT)
}

/// What cannot be an id is a check that does not exist.
fn find(api: &Api, id: Result<Path<String>, PathRejection>) -> Result<Arc<Check>, ApiError> {
    api.checks.find(&id.map(|Path(id)| id).unwrap_or_default())
}
