//! Whether Redis and the blob storage answer.

use std::{num::NonZero, time::Duration};

use blob_store::BlobStore;
use job_queue::Queue;
use tokio::time::timeout;

use crate::server::cached::Cached;

/// However many callers there are, Redis and the blob storage are asked this often at most.
const FRESH: Duration = Duration::from_secs(1);

/// Timeout of either check.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The last result of the checks.
#[derive(Debug)]
pub(crate) struct Readiness {
    queue: Queue,
    store: BlobStore,
    outcome: Cached<Result<(), &'static str>>,
}

impl Readiness {
    pub(crate) fn new(queue: Queue, store: BlobStore) -> Self {
        Self { queue, store, outcome: Cached::new(FRESH) }
    }

    pub(crate) async fn check(&self) -> Result<(), &'static str> {
        self.outcome.get(Box::pin(self.ask())).await
    }

    async fn ask(&self) -> Result<(), &'static str> {
        let (redis, blobs) = tokio::join!(
            timeout(TIMEOUT, self.queue.depth()),
            timeout(TIMEOUT, self.store.list_some("", None, NonZero::<u16>::MIN)),
        );
        match (redis, blobs) {
            (Ok(Ok(_)), Ok(Ok(_))) => Ok(()),
            (Ok(Ok(_)), _) => Err("the blob storage does not answer"),
            (_, Ok(Ok(_))) => Err("redis does not answer"),
            _ => Err("neither redis nor the blob storage answers"),
        }
    }
}
