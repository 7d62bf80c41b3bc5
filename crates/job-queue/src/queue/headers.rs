//! The headers of runs, which their batches come without.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use crate::{Queue, QueueError};

/// How many are kept: those of more runs than take turns, at most a few hundred KiB.
const KEPT_MAX: usize = 16;

/// Those that were looked up last, by the key of their run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers(Arc<Mutex<VecDeque<(String, Bytes)>>>);

impl Headers {
    /// As it was when it was looked up.
    pub(crate) fn known(&self, run: &str) -> Option<Bytes> {
        self.kept().iter().find(|(known, _)| known == run).map(|(_, header)| header.clone())
    }

    /// As it is now; empty for a run that is gone.
    pub(crate) async fn look_up(&self, queue: &Queue, run: &str) -> Result<Bytes, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.hget(run, "header");
        let (header,): (Option<Vec<u8>>,) =
            queue.query("show the header of a run", &pipeline).await?;
        let header = Bytes::from(header.unwrap_or_default());
        let mut kept = self.kept();
        kept.retain(|(known, _)| known != run);
        kept.truncate(KEPT_MAX - 1);
        kept.push_front((run.to_owned(), header.clone()));
        Ok(header)
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<(String, Bytes)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
