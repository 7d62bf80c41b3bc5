//! A run enters the ledger.

use std::time::Duration;

use bytes::Bytes;
use ingest_core::RunId;

use crate::{
    Queue, QueueError,
    ledger::run_load::RunLoad,
    redis::{keys, scripts},
};

/// How long a start key is remembered.
const START_KEY_SECONDS: u64 = 24 * 60 * 60;

/// A thousand years: more is refused by Redis.
const KEEP_MS_MAX: u64 = 1_000 * 365 * 24 * 60 * 60 * 1_000;

/// A run that is about to start.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id.
    pub run: RunId,
    /// Container of the blob.
    pub container: String,
    /// Name of the blob.
    pub file: String,
    /// Version of the blob; the run reads this one and no other.
    pub etag: String,
    /// Size of the blob.
    pub file_bytes: u64,
    /// The header record as it came.
    pub header: Bytes,
    /// How the producer reads the blob, in its own words. Kept with the run: a
    /// producer that resumes must cut the same batches.
    pub settings: String,
    /// What is done with the file; without one it is what the first consumer does that has a load.
    pub load: Option<RunLoad>,
    /// The run whose rejected rows this one loads again.
    pub replay_of: Option<RunId>,
    /// The idempotency key of this start: the same key again gives the same run, for a day.
    pub start_key: Option<String>,
    /// How long the ledger keeps the run after its end.
    pub keep: Duration,
}

/// What became of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// The run is in the ledger now.
    New,
    /// There was a run of that id before.
    Exists,
    /// The same start key created this run before.
    Repeated(RunId),
    /// This run reads the same version of the same blob, and has not ended.
    UnderWay(RunId),
}

impl Queue {
    /// Creates a run, unless it exists, or another run reads the same version of the same blob.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn create_run(&self, new: &NewRun) -> Result<Created, QueueError> {
        let mut script = self.keys.script(&scripts::CREATE_RUN);
        let start_key = new.start_key.as_deref().map(keys::start_key).unwrap_or_default();
        script.arg(new.run.as_ref()).arg(start_key).arg(START_KEY_SECONDS);
        script.arg(&new.container).arg(&new.file).arg(&new.etag);
        script.arg("file_bytes").arg(new.file_bytes).arg("header").arg(new.header.as_ref());
        script.arg("settings").arg(&new.settings);
        let keep_ms = u64::try_from(new.keep.as_millis()).unwrap_or(u64::MAX);
        script.arg("keep_ms").arg(keep_ms.min(KEEP_MS_MAX));
        if let Some(of) = &new.replay_of {
            script.arg("replay_of").arg(of.as_ref());
        }
        if let Some(load) = &new.load {
            script.arg("load_id").arg(&load.summary.id).arg("load").arg(load.summary.to_json());
            script.arg("load_text").arg(&load.text);
        }
        let answer: Vec<String> = self.invoke("create a run", &script).await?;
        let other = answer.get(1).and_then(|run| run.parse().ok());
        Ok(match (answer.first().map(String::as_str), other) {
            (Some("new"), _) => Created::New,
            (Some("repeated"), Some(other)) => Created::Repeated(other),
            (Some("under_way"), Some(other)) => Created::UnderWay(other),
            _ => Created::Exists,
        })
    }

    /// The run that a start with this key created within the last day.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn run_of_start_key(&self, key: &str) -> Result<Option<RunId>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.get(self.keys.start(key));
        let (run,): (Option<String>,) = self.query("look up a start key", &pipeline).await?;
        Ok(run.and_then(|run| run.parse().ok()))
    }
}
