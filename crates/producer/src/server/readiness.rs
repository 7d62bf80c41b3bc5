//! Whether Redis and the blob storage answer.

use std::time::Duration;

use blob_store::BlobStore;
use job_queue::Queue;
use tokio::time::timeout;

use crate::server::{
    blob_health::{BlobHealth, BlobState},
    cached::Cached,
};

/// However many callers there are, Redis and the blob storage are asked this often at most.
const FRESH: Duration = Duration::from_secs(1);

/// Timeout of either check. `health` waits for four seconds, and who asks for readiness over HTTP often for
/// five: also on a machine that is busy, the reason should come before.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answering {
    pub(crate) redis: RedisState,
    pub(crate) blobs: BlobState,
}

/// How Redis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RedisState {
    Answers,
    /// It answers, and takes nothing that needs memory.
    IsFull,
    DoesNotAnswer,
}

/// The last result of the checks.
#[derive(Debug)]
pub(crate) struct Readiness {
    queue: Queue,
    redis: Cached<RedisState>,
    pub(crate) blobs: BlobHealth,
}

impl Readiness {
    pub(crate) fn new(queue: Queue, store: BlobStore) -> Self {
        Self { queue, redis: Cached::new(FRESH), blobs: BlobHealth::new(store, TIMEOUT, FRESH) }
    }

    pub(crate) async fn check(&self) -> Answering {
        let (redis, blobs) =
            tokio::join!(self.redis.get(Box::pin(self.ask_redis())), self.blobs.check());
        Answering { redis, blobs }
    }

    async fn ask_redis(&self) -> RedisState {
        let (depth, room) = tokio::join!(
            timeout(TIMEOUT, self.queue.depth()),
            timeout(TIMEOUT, self.queue.has_room()),
        );
        match (depth, room) {
            (Ok(Ok(_)), Ok(Ok(false))) => RedisState::IsFull,
            (Ok(Ok(_)), _room_or_unknown) => RedisState::Answers,
            _late => RedisState::DoesNotAnswer,
        }
    }
}
