//! `GET /api/sync/{run}/rejects`: the rejects file as it is in the container, its parts as one.

use std::{collections::VecDeque, num::NonZero, sync::Arc};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use blob_store::{BlobError, BlobProperties, BlobReader, BlobStore};
use futures::{StreamExt, stream};

use super::{
    Api,
    client::{Client, Share},
    input::RunOf,
    problem::Problem,
};
use crate::{read_settings::ReadSettings, rejects_file};

/// One chunk is on its way to the client while the next one is fetched.
const CHUNK_BYTES: NonZero<u32> = NonZero::new(256 << 10).expect("not zero");

/// Downloads at a time.
pub(super) const DOWNLOADS_MAX: usize = 8;

/// Of one client.
pub(super) const DOWNLOADS_PER_CLIENT_MAX: usize = 4;

pub(super) async fn download(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    RunOf(run): RunOf,
) -> Result<Response, Problem> {
    let ledger = api.start.queue.run(&run).await?.ok_or_else(Problem::no_such_run)?;
    let place = api.downloads.take(&client).map_err(|under_way| {
        Problem::unavailable(format!("{under_way} downloads are under way already"))
    })?;
    let mut files = VecDeque::new();
    for name in rejects_file::names(&ledger) {
        match api.start.store.properties(&name).await {
            Err(BlobError::NoSuchBlob { .. }) => {}
            file => files.push_back(file?),
        }
    }
    let Some(first) = files.pop_front() else {
        return Err(Problem::not_found("the run has no rejects file (yet)"));
    };
    let header = match files.is_empty() {
        true => 0,
        false => rejects_file::header_bytes(&ledger, &ReadSettings::of(&ledger)?),
    };
    let without_header = |file: &BlobProperties| file.bytes.saturating_sub(header);
    let bytes = first.bytes + files.iter().map(without_header).sum::<u64>();
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
        // A run's id has no character that would need quoting.
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"rejects-{run}.csv\"")),
    ];
    let download = Download::new(api.start.store.clone(), first, files, header, place);
    let chunks = stream::unfold(download, |mut download| async {
        download.next().await.map(|chunk| (chunk, download))
    });
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// The files up to their length when they were asked for.
struct Download {
    store: BlobStore,
    file: BlobProperties,
    /// What follows, without its header.
    next: VecDeque<BlobProperties>,
    header_bytes: u64,
    read_bytes: u64,
    reader: BlobReader,
    _place: Share,
}

impl Download {
    fn new(
        store: BlobStore,
        file: BlobProperties,
        next: VecDeque<BlobProperties>,
        header_bytes: u64,
        place: Share,
    ) -> Self {
        let reader = read(&store, &file, 0);
        Self { store, file, next, header_bytes, read_bytes: 0, reader, _place: place }
    }

    async fn next(&mut self) -> Option<Result<Bytes, BlobError>> {
        loop {
            let Some(chunk) = self.reader.next().await else {
                self.file = self.next.pop_front()?;
                self.read_bytes = self.header_bytes.min(self.file.bytes);
                self.reader = read(&self.store, &self.file, self.read_bytes);
                continue;
            };
            match chunk {
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
    let settings = blob_store::ReadSettings {
        chunk_bytes: CHUNK_BYTES,
        window: NonZero::<u32>::MIN,
        ..blob_store::ReadSettings::default()
    };
    store.read(&file.name, &file.etag, file.bytes, from_byte, settings)
}
