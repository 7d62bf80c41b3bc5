//! `GET /api/sync/{run}/rejects`: the rejects file as it is in the container.

use std::{num::NonZero, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use blob_store::{BlobError, BlobProperties, BlobReader, BlobStore, ReadSettings};
use futures::{StreamExt, stream};
use tokio::sync::OwnedSemaphorePermit;

use super::{Api, input::RunOf, problem::Problem};
use crate::rejects_file;

/// One chunk is on its way to the client while the next one is fetched.
const CHUNK_BYTES: NonZero<u32> = NonZero::new(256 << 10).expect("not zero");

/// Downloads at a time.
pub(super) const DOWNLOADS_MAX: usize = 8;

pub(super) async fn download(
    State(api): State<Arc<Api>>,
    RunOf(run): RunOf,
) -> Result<Response, Problem> {
    if api.start.queue.run(&run).await?.is_none() {
        return Err(Problem::no_such_run());
    }
    let Ok(place) = Arc::clone(&api.downloads).try_acquire_owned() else {
        return Err(Problem::unavailable(format!(
            "{DOWNLOADS_MAX} downloads are under way already"
        )));
    };
    let name = rejects_file::name(&run);
    let file = match api.start.store.properties(&name).await {
        Err(BlobError::NoSuchBlob { .. }) => {
            return Err(Problem::not_found("the run has no rejects file (yet)"));
        }
        file => file?,
    };
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_LENGTH, file.bytes.to_string()),
        // A run's id has no character that would need quoting.
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"rejects-{run}.csv\"")),
    ];
    let download = Download::new(api.start.store.clone(), file, place);
    let chunks = stream::unfold(download, |mut download| async {
        download.next().await.map(|chunk| (chunk, download))
    });
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// The file up to its length when it was asked for.
struct Download {
    store: BlobStore,
    file: BlobProperties,
    read_bytes: u64,
    reader: BlobReader,
    _place: OwnedSemaphorePermit,
}

impl Download {
    fn new(store: BlobStore, file: BlobProperties, place: OwnedSemaphorePermit) -> Self {
        let reader = read(&store, &file, 0);
        Self { store, file, read_bytes: 0, reader, _place: place }
    }

    async fn next(&mut self) -> Option<Result<Bytes, BlobError>> {
        loop {
            match self.reader.next().await? {
                Ok(chunk) => {
                    self.read_bytes += chunk.len() as u64;
                    return Some(Ok(chunk));
                }
                // The file of a run that goes on grows: what there was stays as it is.
                Err(BlobError::BlobChanged { .. }) => match self.go_on().await {
                    Ok(()) => {}
                    Err(error) => return Some(Err(error)),
                },
                Err(error) => return Some(Err(error)),
            }
        }
    }

    async fn go_on(&mut self) -> Result<(), BlobError> {
        let now = self.store.properties(&self.file.name).await?;
        if now.bytes < self.file.bytes {
            return Err(BlobError::BlobChanged { name: now.name });
        }
        self.file.etag = now.etag;
        self.reader = read(&self.store, &self.file, self.read_bytes);
        Ok(())
    }
}

fn read(store: &BlobStore, file: &BlobProperties, from_byte: u64) -> BlobReader {
    let settings = ReadSettings {
        chunk_bytes: CHUNK_BYTES,
        window: NonZero::<u32>::MIN,
        ..ReadSettings::default()
    };
    store.read(&file.name, &file.etag, file.bytes, from_byte, settings)
}
