//! `GET /api/files`: what there is to load.

use std::{num::NonZero, sync::Arc, time::UNIX_EPOCH};

use axum::{Json, extract::State};
use blob_store::{BlobError, BlobProperties};
use serde::{Deserialize, Serialize};

use super::{Api, input::QueryOf, problem::Problem, runs::limit};

const FILES_A_PAGE: NonZero<u16> = NonZero::new(200).expect("not zero");
const FILES_A_PAGE_MAX: u16 = 1_000;

/// A name has 1,024 characters at most, and so has what it starts with.
const PREFIX_CHARS_MAX: usize = 1_024;
const MARKER_BYTES_MAX: usize = 4_096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageOf {
    #[serde(default)]
    prefix: String,
    after: Option<String>,
    limit: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct Files {
    files: Vec<File>,
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    bytes: u64,
    last_modified_ms: u64,
    etag: String,
}

/// In order of name.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    QueryOf(page): QueryOf<PageOf>,
) -> Result<Json<Files>, Problem> {
    let limit = limit(page.limit, FILES_A_PAGE, FILES_A_PAGE_MAX)?;
    if page.prefix.chars().count() > PREFIX_CHARS_MAX || page.prefix.chars().any(char::is_control) {
        return Err(Problem::bad_request("prefix cannot be the start of a blob's name"));
    }
    if page.after.as_ref().is_some_and(|after| after.len() > MARKER_BYTES_MAX) {
        return Err(not_a_marker());
    }
    let page = match api.start.store.list_some(&page.prefix, page.after.as_deref(), limit).await {
        // The marker is the service's own; only it can tell a wrong one.
        Err(BlobError::Refused { .. }) if page.after.is_some() => return Err(not_a_marker()),
        listed => listed?,
    };
    Ok(Json(Files { files: page.blobs.into_iter().map(File::of).collect(), next: page.next }))
}

fn not_a_marker() -> Problem {
    Problem::bad_request("after is not what `next` of an earlier answer said")
}

impl File {
    fn of(blob: BlobProperties) -> Self {
        let since_epoch = blob.last_modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            name: blob.name,
            bytes: blob.bytes,
            last_modified_ms: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
            etag: blob.etag.to_string(),
        }
    }
}
