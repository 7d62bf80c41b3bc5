//! `GET /api/files`: what there is to load.

use std::{num::NonZero, sync::Arc};

use axum::{Extension, extract::State, response::Response};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    report::{listed_file::ListedFile, output_names::is_listed},
    server::{client::Client, error::ApiError, extract::QueryOf, routes::runs::limit, state::Api},
};

const FILES_A_PAGE: NonZero<u16> = NonZero::new(200).expect("not zero");
const FILES_A_PAGE_MAX: u16 = 1_000;

/// A name has 1,024 characters at most, and so has what it starts with.
const PREFIX_CHARS_MAX: usize = 1_024;

/// Of a page's mark.
const SUM_BYTES: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageOf {
    #[serde(default)]
    prefix: String,
    after: Option<String>,
    limit: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Files {
    files: Vec<ListedFile>,
    next: Option<String>,
    /// Of a file that is uploaded.
    upload_bytes_max: u64,
}

/// In order of name.
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    QueryOf(page): QueryOf<PageOf>,
) -> Result<Response, ApiError> {
    let limit = limit(page.limit, FILES_A_PAGE, FILES_A_PAGE_MAX)?;
    if page.prefix.chars().count() > PREFIX_CHARS_MAX || page.prefix.chars().any(char::is_control) {
        return Err(ApiError::bad_request("prefix cannot be the start of a blob's name"));
    }
    let after = page.after.map(|sealed| unsealed(&sealed).ok_or_else(no_such_page)).transpose()?;
    let turn = api.lists.turn(&client).await?;
    let files = some(&api, &page.prefix, after, limit).await?;
    Ok(turn.answer(&files))
}

/// The first page that has files. Rejects files are listed only under their prefix.
async fn some(
    api: &Api,
    prefix: &str,
    mut after: Option<String>,
    limit: NonZero<u16>,
) -> Result<Files, ApiError> {
    loop {
        let page = api.runs.store.list_some(prefix, after.as_deref(), limit).await?;
        let shown = page.blobs.into_iter().filter(|blob| is_listed(&blob.name, prefix));
        let files: Vec<ListedFile> = shown.map(ListedFile::of).collect();
        if !files.is_empty() || page.next.is_none() {
            let next = page.next.as_deref().map(sealed);
            return Ok(Files { files, next, upload_bytes_max: api.upload_bytes_max });
        }
        after = page.next;
    }
}

/// Where a page starts, in words of ours. The service's own words come back to it
/// as they were, or not at all: it takes strange ones for strange requests.
fn sealed(marker: &str) -> String {
    let bytes = checksum(marker).into_iter().chain(marker.bytes());
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

fn unsealed(text: &str) -> Option<String> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Vec<u8> = pairs.iter().map(byte).collect::<Option<_>>()?;
    let (sum, marker) = bytes.split_at_checked(SUM_BYTES)?;
    let marker = String::from_utf8(marker.to_vec()).ok()?;
    (rest.is_empty() && sum == checksum(&marker)).then_some(marker)
}

fn checksum(marker: &str) -> [u8; SUM_BYTES] {
    let digest: [u8; 32] = Sha256::digest(marker).into();
    *digest.first_chunk().expect("a digest is longer")
}

fn no_such_page() -> ApiError {
    ApiError::not_found("there is no such page; after is what `next` of an earlier answer said")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_page_comes_back_as_it_was_or_not_at_all() {
        for marker in ["2!96!MDAwMDE2IWJpZw--", "a b/ü.csv", ""] {
            assert_eq!(unsealed(&sealed(marker)).as_deref(), Some(marker));
        }
        let mark = sealed("big.csv");
        for text in
            ["", "00", "zz", "ü", &mark[1..], &mark[2..], &format!("{mark}0"), &format!("{mark}00")]
        {
            assert_eq!(unsealed(text), None, "{text}");
        }
    }
}
