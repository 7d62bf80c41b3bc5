//! `GET /livez` and `GET /readyz`, for those who keep programs running.

use std::{
    num::NonZero,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, extract::State};
use blob_store::BlobStore;
use job_queue::Queue;
use serde::Serialize;
use tokio::{sync::Mutex, time::timeout};

use super::{Api, problem::Problem};

/// However many ask, Redis and the blob storage are asked this often at most.
const FRESH: Duration = Duration::from_secs(1);

/// How long either may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
}

/// What this server needs, as it was seen last.
#[derive(Debug)]
pub(super) struct Readiness {
    queue: Queue,
    store: BlobStore,
    seen: Mutex<Option<(Instant, Result<(), &'static str>)>>,
}

impl Readiness {
    pub(super) fn new(queue: Queue, store: BlobStore) -> Self {
        Self { queue, store, seen: Mutex::default() }
    }

    async fn check(&self) -> Result<(), &'static str> {
        let mut seen = self.seen.lock().await;
        if let Some((at, outcome)) = *seen
            && at.elapsed() < FRESH
        {
            return outcome;
        }
        let (redis, blobs) = tokio::join!(
            timeout(PATIENCE, self.queue.depth()),
            timeout(PATIENCE, self.store.list_some("", None, NonZero::<u16>::MIN)),
        );
        let outcome = match (redis, blobs) {
            (Ok(Ok(_)), Ok(Ok(_))) => Ok(()),
            (Ok(Ok(_)), _) => Err("the blob storage does not answer"),
            (_, Ok(Ok(_))) => Err("redis does not answer"),
            _ => Err("neither redis nor the blob storage answers"),
        };
        *seen = Some((Instant::now(), outcome));
        outcome
    }
}

/// The program runs.
pub(super) async fn live() -> Json<Health> {
    Json(Health { status: "live" })
}

/// The program can do its work, and is not about to stop.
pub(super) async fn ready(State(api): State<Arc<Api>>) -> Result<Json<Health>, Problem> {
    if api.stop.is_cancelled() {
        return Err(Problem::unavailable("this server is stopping"));
    }
    api.readiness.check().await.map_err(Problem::unavailable)?;
    Ok(Json(Health { status: "ready" }))
}
