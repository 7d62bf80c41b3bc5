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

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answering {
    pub(crate) redis_answers: bool,
    /// It answers, and takes nothing that needs memory.
    pub(crate) redis_is_full: bool,
    pub(crate) blobs_answer: bool,
}

/// The last result of the checks.
#[derive(Debug)]
pub(crate) struct Readiness {
    queue: Queue,
    store: BlobStore,
    answering: Cached<Answering>,
}

impl Readiness {
    pub(crate) fn new(queue: Queue, store: BlobStore) -> Self {
        Self { queue, store, answering: Cached::new(FRESH) }
    }

    pub(crate) async fn check(&self) -> Answering {
        self.answering.get(Box::pin(self.ask())).await
    }

    async fn ask(&self) -> Answering {
        let (redis, room, blobs) = tokio::join!(
            timeout(TIMEOUT, self.queue.depth()),
            timeout(TIMEOUT, self.queue.has_room()),
            timeout(TIMEOUT, self.store.list_some("", None, NonZero::<u16>::MIN)),
        );
        Answering {
            redis_answers: matches!(redis, Ok(Ok(_))),
            redis_is_full: matches!(room, Ok(Ok(false))),
            blobs_answer: matches!(blobs, Ok(Ok(_))),
        }
    }
}
