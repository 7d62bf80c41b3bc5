//! `GET /api/salesforce/objects` and `GET /api/salesforce/objects/{name}`: what rows can become.

use std::{collections::HashSet, sync::Arc};

use axum::{
    Extension,
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};
use load::{Describe, Field};
use serde::Serialize;

use crate::{
    check::ObjectName,
    server::{client::Client, error::ApiError, state::Api},
};

/// Values of a picklist that are told.
const VALUES_MAX: usize = 100;

#[derive(Serialize)]
struct Objects<'a> {
    objects: &'a [ObjectName],
}

#[derive(Serialize)]
struct ShownObject<'a> {
    name: &'a str,
    createable: bool,
    updateable: bool,
    deletable: bool,
    fields: Vec<ShownField<'a>>,
}

/// A field, as far as it matters for what may be put into it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownField<'a> {
    name: &'a str,
    label: &'a str,
    #[serde(rename = "type")]
    field_type: &'a str,
    length: u32,
    digits: u32,
    precision: u32,
    scale: u32,
    /// A new record cannot do without it.
    required: bool,
    external_id: bool,
    id_lookup: bool,
    unique: bool,
    createable: bool,
    updateable: bool,
    /// Of a picklist that takes no others.
    values: Vec<&'a str>,
    values_count: usize,
    reference_to: &'a [String],
    relationship_name: Option<&'a str>,
}

/// In the order of the org.
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
) -> Result<Response, ApiError> {
    let turn = api.lists.turn(&client).await?;
    let objects = api.org.objects().await?;
    Ok(turn.answer(&Objects { objects: &objects }))
}

pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    api.org.describer()?;
    let name = name.ok().map(|Path(name)| name).filter(|name| load::is_api_name(name));
    let name = name.ok_or_else(|| {
        ApiError::not_found("there is no such object; GET /api/salesforce/objects lists them")
    })?;
    let turn = api.lists.turn(&client).await?;
    let describe = api.org.describe(&name).await?;
    Ok(turn.answer(&ShownObject::of(&describe)))
}

impl<'a> ShownObject<'a> {
    fn of(describe: &'a Describe) -> Self {
        let required: HashSet<&str> =
            describe.required().map(|field| field.name.as_str()).collect();
        let shown = |field: &'a Field| ShownField::of(field, required.contains(&*field.name));
        Self {
            name: &describe.name,
            createable: describe.createable,
            updateable: describe.updateable,
            deletable: describe.deletable,
            fields: describe.fields.iter().map(shown).collect(),
        }
    }
}

impl<'a> ShownField<'a> {
    fn of(field: &'a Field, required: bool) -> Self {
        let values: Vec<&str> = match field.restricted_picklist {
            true => field.active_values().collect(),
            false => Vec::new(),
        };
        Self {
            name: &field.name,
            label: &field.label,
            field_type: &field.field_type,
            length: field.length,
            digits: field.digits,
            precision: field.precision,
            scale: field.scale,
            required,
            external_id: field.external_id,
            id_lookup: field.id_lookup,
            unique: field.unique,
            createable: field.createable,
            updateable: field.updateable,
            values_count: values.len(),
            values: values.into_iter().take(VALUES_MAX).collect(),
            reference_to: &field.reference_to,
            relationship_name: field.relationship_name.as_deref(),
        }
    }
}
