//! What the batches of a run have in common and come without: its header and its load.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use crate::{Queue, QueueError};

/// How many are kept: those of more runs than take turns, at most a few MiB.
const KEPT_MAX: usize = 16;

/// A load as it is kept with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadText {
    /// As in [`LoadSummary::id`](crate::LoadSummary::id).
    pub id: Arc<str>,
    /// What [`load::Load::to_json`] wrote.
    pub text: Arc<str>,
}

/// What describes the batches of one run.
#[derive(Clone, Debug)]
pub struct Described {
    /// The header record as it came.
    pub header: Bytes,
    /// What is done with the rows.
    pub load: LoadText,
}

impl Described {
    /// Of what needs no description.
    pub(crate) fn nothing() -> Self {
        let load = LoadText { id: "".into(), text: "".into() };
        Self { header: Bytes::new(), load }
    }
}

/// Those that were looked up last, by the key of their run.
#[derive(Clone, Debug, Default)]
pub(crate) struct DescribedRuns(Arc<Mutex<VecDeque<(String, Described)>>>);

impl DescribedRuns {
    /// As it was when it was looked up, unless the run has another load now.
    pub(crate) fn known(&self, run: &str, load_id: &str) -> Option<Described> {
        let kept = self.kept();
        let (_, described) = kept.iter().find(|(known, _)| known == run)?;
        (&*described.load.id == load_id).then(|| described.clone())
    }

    /// As it is now; empty for a run that is gone.
    pub(crate) async fn look_up(&self, queue: &Queue, run: &str) -> Result<Described, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.hmget(run, &["header", "load_id", "load_text"]);
        let (found,): ([Option<Vec<u8>>; 3],) =
            queue.query("show the header and the load of a run", &pipeline).await?;
        let [header, id, text] = found.map(Option::unwrap_or_default);
        let shared = |bytes: Vec<u8>| Arc::<str>::from(String::from_utf8_lossy(&bytes));
        let load = LoadText { id: shared(id), text: shared(text) };
        let described = Described { header: header.into(), load };
        let mut kept = self.kept();
        kept.retain(|(known, _)| known != run);
        kept.truncate(KEPT_MAX - 1);
        kept.push_front((run.to_owned(), described.clone()));
        Ok(described)
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<(String, Described)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
