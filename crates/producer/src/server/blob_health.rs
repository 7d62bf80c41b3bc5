//! How the blob storage is, for `/readyz` and `/metrics`; its outages are logged, each once.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use blob_store::{BlobOutage, BlobStore};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::server::cached::Cached;

/// Who collects metrics waits this long for what the storage says now, and takes what it said before then:
/// its outage should not make all other figures late.
const PROMPT: Duration = Duration::from_millis(300);

/// What is said of it, behind "blobStorage"; an outage in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BlobState {
    Answers,
    Outage(Arc<str>),
}

/// Asks only so often. Cheap to clone; clones are one.
#[derive(Clone, Debug)]
pub(crate) struct BlobHealth {
    store: BlobStore,
    /// For a check.
    patience: Duration,
    state: Arc<Cached<BlobState>>,
    heard: Arc<Mutex<Heard>>,
}

/// What came of the checks so far.
#[derive(Debug, Default)]
struct Heard {
    last: Option<BlobState>,
    outage: Option<Outage>,
}

/// One that lasts.
#[derive(Debug)]
struct Outage {
    since: Instant,
    /// Ways in which it shows that were logged: a storage that is silent and refuses by turns is no news.
    told: BTreeSet<Arc<str>>,
}

impl BlobHealth {
    /// A check takes `patience` at most, and is good for as long as it is `fresh`.
    pub(super) fn new(store: BlobStore, patience: Duration, fresh: Duration) -> Self {
        Self { store, patience, state: Arc::new(Cached::new(fresh)), heard: Arc::default() }
    }

    /// How it is now.
    pub(crate) async fn check(&self) -> BlobState {
        self.state.get(Box::pin(self.ask())).await
    }

    /// How it is now, or was when it was asked before, if it takes its time.
    pub(crate) async fn soon(&self) -> BlobState {
        let this = self.clone();
        // A task, so that what takes longer is there the next time.
        let mut asking = tokio::spawn(async move { this.check().await });
        let now = timeout(PROMPT, &mut asking).await.ok().and_then(Result::ok);
        let last = || self.heard().last.clone();
        match now.or_else(last) {
            Some(state) => state,
            None => self.check().await,
        }
    }

    async fn ask(&self) -> BlobState {
        let outage = self.store.probe(self.patience).await.err();
        let state = match &outage {
            None => BlobState::Answers,
            Some(outage) => BlobState::Outage(without_subject(&outage.to_string()).into()),
        };
        let mut heard = self.heard();
        heard.tell(outage.as_ref());
        heard.last = Some(state.clone());
        state
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `/readyz` says of what it speaks.
fn without_subject(words: &str) -> &str {
    words.strip_prefix("the blob storage ").unwrap_or(words)
}

impl Heard {
    /// Logs the begin of an outage, another way in which it shows, and its end.
    fn tell(&mut self, outage: Option<&BlobOutage>) {
        let Some(outage) = outage else {
            if let Some(over) = self.outage.take() {
                let long = over.since.elapsed().as_secs_f64();
                info!("the blob storage answers again after {long:.1} s");
            }
            return;
        };
        let lasting = self
            .outage
            .get_or_insert_with(|| Outage { since: Instant::now(), told: BTreeSet::new() });
        if lasting.told.insert(outage.to_string().into()) {
            let cause = std::error::Error::source(outage).map(service::with_causes);
            warn!(
                error = cause,
                "{outage}; runs that this server reads wait or are interrupted, and \
                 rejected rows stay in redis"
            );
        }
    }
}
