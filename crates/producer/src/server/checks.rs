//! The checks of files that were begun here. They are of this process: nothing of them is in Redis.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use blob_store::BlobProperties;
use job_queue::RunLoad;
use serde::{Serialize, Serializer};
use tokio::{select, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    check::{CheckProgress, DescribeError, FileCheck, Findings},
    import::{
        error::{ReadError, SyncError},
        read_settings::ReadSettings,
        run_store::RunStore,
    },
    server::{
        client::Client,
        error::ApiError,
        org::Org,
        shares::{Share, Shares},
    },
};

/// Checks at a time: each remembers the keys of its file, in some 30 MiB.
const CHECKS_MAX: usize = 1;

/// Checks that have ended and can still be asked for, and for how long.
const ENDED_KEPT_MAX: usize = 16;
const ENDED_KEPT: Duration = Duration::from_secs(15 * 60);

/// A check that nobody has asked for in this time is stopped: its page is gone.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);
const LOOKED_AFTER: Duration = Duration::from_secs(5);

/// The checks of this process.
#[derive(Debug)]
pub(crate) struct Checks {
    places: Shares,
    all: Mutex<HashMap<String, Arc<Check>>>,
}

/// One check.
pub(crate) struct Check {
    id: String,
    file: String,
    file_bytes: u64,
    progress: CheckProgress,
    stop: CancellationToken,
    state: Mutex<State>,
}

struct State {
    asked_for: Instant,
    outcome: Option<(Instant, Outcome)>,
}

enum Outcome {
    Done(Arc<Findings>),
    Failed(String),
    Stopped,
}

/// A check, as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownCheck {
    id: String,
    file: String,
    status: &'static str,
    bytes_read: u64,
    file_bytes: u64,
    rows: u64,
    rejected: u64,
    /// Why it failed.
    error: Option<String>,
    #[serde(serialize_with = "as_found")]
    findings: Option<Arc<Findings>>,
}

fn as_found<S: Serializer>(found: &Option<Arc<Findings>>, into: S) -> Result<S::Ok, S::Error> {
    found.as_deref().serialize(into)
}

impl Default for Checks {
    fn default() -> Self {
        Self { places: Shares::new(CHECKS_MAX, CHECKS_MAX), all: Mutex::default() }
    }
}

impl Checks {
    /// A place for one more.
    pub(crate) fn place(&self, client: &Client) -> Result<Share, ApiError> {
        self.places.take(client).map_err(|under_way| {
            let words = match under_way {
                1 => "a check is under way already; wait for it, or stop it".to_owned(),
                more => format!("{more} checks are under way already"),
            };
            ApiError::unavailable(words)
        })
    }

    /// The check with this id.
    pub(crate) fn find(&self, id: &str) -> Result<Arc<Check>, ApiError> {
        let found = self.all().get(id).cloned();
        let check = found.ok_or_else(|| {
            ApiError::not_found(
                "there is no such check; it is kept for 15 minutes by the server that began it",
            )
        })?;
        check.state().asked_for = Instant::now();
        Ok(check)
    }

    fn add(&self, check: &Arc<Check>) {
        let mut all = self.all();
        all.retain(|_, check| check.ended().is_none_or(|ended| ended.elapsed() < ENDED_KEPT));
        let mut ended: Vec<_> =
            all.values().filter_map(|check| Some((check.ended()?, check.id.clone()))).collect();
        ended.sort();
        let too_many = ended.len().saturating_sub(ENDED_KEPT_MAX - 1);
        for (_, id) in ended.into_iter().take(too_many) {
            all.remove(&id);
        }
        all.insert(check.id.clone(), Arc::clone(check));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Check>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a check is of, and what it needs.
pub(crate) struct Subject {
    pub(crate) runs: RunStore,
    pub(crate) settings: ReadSettings,
    pub(crate) org: Arc<Org>,
    pub(crate) blob: BlobProperties,
    pub(crate) load: RunLoad,
}

impl Checks {
    /// Begins a check, which goes on by itself until `stop`.
    pub(crate) fn begin(
        &self,
        place: Share,
        subject: Subject,
        stop: &CancellationToken,
    ) -> Arc<Check> {
        let check = Arc::new(Check {
            id: new_id(),
            file: subject.blob.name.clone(),
            file_bytes: subject.blob.bytes,
            progress: CheckProgress::default(),
            stop: stop.child_token(),
            state: Mutex::new(State { asked_for: Instant::now(), outcome: None }),
        });
        self.add(&check);
        tokio::spawn(Arc::clone(&check).run(place, subject));
        check
    }
}

impl Check {
    async fn run(self: Arc<Self>, place: Share, subject: Subject) {
        let begun = Instant::now();
        let outcome = select! {
            found = Box::pin(self.look_at(subject)) => match found {
                Ok(mut findings) => {
                    findings.lasted(begun);
                    Outcome::Done(Arc::new(findings))
                }
                Err(error) => Outcome::Failed(words_of(error)),
            },
            () = self.stop.cancelled() => Outcome::Stopped,
            () = self.abandoned() => Outcome::Stopped,
        };
        // Who hears that it has ended may begin another one.
        drop(place);
        self.state().outcome = Some((Instant::now(), outcome));
    }

    async fn look_at(&self, subject: Subject) -> anyhow::Result<Findings> {
        let Subject { runs, settings, org, blob, load } = subject;
        let describer = org.describer().map_err(|refused| anyhow::anyhow!(refused.error))?;
        let (opener, progress) = (runs.files(), &self.progress);
        FileCheck { opener, blob, settings, describer, load, progress }.run().await
    }

    async fn abandoned(&self) {
        while self.state().asked_for.elapsed() < ABANDONED_AFTER {
            sleep(LOOKED_AFTER).await;
        }
    }

    /// Ends it, if it has not ended.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    fn ended(&self) -> Option<Instant> {
        self.state().outcome.as_ref().map(|(at, _)| *at)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As it is now.
    pub(crate) fn shown(&self) -> ShownCheck {
        let state = self.state();
        let (status, error, findings) = match &state.outcome {
            None => ("running", None, None),
            Some((_, Outcome::Stopped)) => ("stopped", None, None),
            Some((_, Outcome::Failed(words))) => ("failed", Some(words.clone()), None),
            Some((_, Outcome::Done(findings))) => ("done", None, Some(Arc::clone(findings))),
        };
        ShownCheck {
            id: self.id.clone(),
            file: self.file.clone(),
            status,
            bytes_read: self.progress.bytes().min(self.file_bytes),
            file_bytes: self.file_bytes,
            rows: self.progress.rows(),
            rejected: self.progress.rejected(),
            error,
            findings,
        }
    }
}

/// Says nothing of what was found: it is of a file.
impl fmt::Debug for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Check").field("id", &self.id).finish_non_exhaustive()
    }
}

/// As an answer of the API says it.
fn words_of(error: anyhow::Error) -> String {
    let error = match error.downcast::<ReadError>() {
        Ok(error) => return ApiError::from(SyncError::Read(error)).error,
        Err(error) => error,
    };
    let error = match error.downcast::<DescribeError>() {
        Ok(error) => return ApiError::from(error).error,
        Err(error) => error,
    };
    match error.downcast::<SyncError>() {
        Ok(error) => ApiError::from(error).error,
        Err(error) => error.to_string(),
    }
}

fn new_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}
