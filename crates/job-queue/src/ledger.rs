//! What happened in a run.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use ingest_core::{ResumePoint, RunId};
use serde::Serialize;

use crate::{
    Queue, QueueError,
    keys::{self, RunKeys},
    scripts,
};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RunState {
    /// The blob is being read.
    Feeding,
    /// All of it is read; batches are still to be delivered.
    Draining,
    /// Every row is delivered or rejected.
    Completed,
    /// Ended with a reason; started again, it goes on where it can.
    Failed,
}

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
}

/// One run, as far as it is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Its id.
    pub run: RunId,
    /// Where it stands.
    pub state: RunState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Container of the blob.
    pub container: String,
    /// Name of the blob.
    pub file: String,
    /// Version of the blob.
    pub etag: String,
    /// Size of the blob.
    pub file_bytes: u64,
    /// Unix time in milliseconds, by Redis' clock.
    pub started_at_ms: u64,
    /// When the last batch was pushed.
    pub fed_at_ms: Option<u64>,
    /// When the last batch was settled, or the run failed.
    pub finished_at_ms: Option<u64>,
    /// Redis' clock when this was asked.
    #[serde(skip)]
    pub now_ms: u64,
    /// Rows read.
    pub read: u64,
    /// Rows that Salesforce stored as new.
    pub created: u64,
    /// Rows that Salesforce had and changed.
    pub updated: u64,
    /// Rows that stand, or will stand, in the rejects file.
    pub rejected: u64,
    /// The same by code.
    pub rejected_by_code: BTreeMap<String, u64>,
    /// Rows that were sent again because Salesforce asked for it.
    pub retried: u64,
    /// Batches pushed.
    pub batches_fed: u64,
    /// Batches whose outcome is recorded.
    pub batches_settled: u64,
    /// Bytes of the (decoded) blob that are pushed.
    pub bytes_fed: u64,
    /// Calls to Salesforce's API.
    pub api_calls: u64,
    /// How long the producer waited for room on the queue.
    pub paused_ms: u64,
    /// How often it did.
    pub pauses: u64,
    /// A producer holds the run at this moment.
    pub feeder_alive: bool,
    /// Bytes of rejected rows in the rejects file, its header not counted.
    pub rejects_written_bytes: u64,
    /// Where feeding goes on.
    #[serde(skip)]
    pub resume_point: ResumePoint,
    /// The header record as it came.
    #[serde(skip)]
    pub header: Bytes,
    /// See [`NewRun::settings`].
    #[serde(skip)]
    pub settings: String,
}

impl Ledger {
    /// Rows that Salesforce has.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.created + self.updated
    }

    /// Rows that were read and are neither delivered nor rejected yet.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        self.read.saturating_sub(self.delivered() + self.rejected)
    }

    /// Nothing more will happen to this run by itself.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.state, RunState::Completed | RunState::Failed)
    }
}

impl Queue {
    /// Enters a run into the ledger.
    ///
    /// Gives `false`, and changes nothing, when there is a run of that id.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn create_run(&self, new: &NewRun) -> Result<bool, QueueError> {
        let keys = RunKeys::of(&new.run);
        let mut script = scripts::CREATE_RUN.prepare_invoke();
        script.key(keys.entry()).key(keys::runs()).key(keys::unfinished_runs());
        script.arg(new.run.as_ref());
        script.arg("container").arg(&new.container).arg("file").arg(&new.file);
        script.arg("etag").arg(&new.etag).arg("file_bytes").arg(new.file_bytes);
        script.arg("header").arg(new.header.as_ref()).arg("settings").arg(&new.settings);
        self.invoke("enter a run into the ledger", &script).await
    }

    /// Ends a run that is under way. What is queued of it is dropped; its rows
    /// stay unfinished. A feeder that takes the run up again starts at its first
    /// batch and skips the settled ones.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn fail_run(&self, run: &RunId, reason: &str) -> Result<(), QueueError> {
        let keys = RunKeys::of(run);
        let mut script = scripts::FAIL_RUN.prepare_invoke();
        script.key(keys.entry()).key(keys::unfinished_runs()).arg(run.as_ref()).arg(reason);
        self.invoke::<u8>("end a run", &script).await.map(drop)
    }

    /// The ledger's entry of a run.
    ///
    /// # Errors
    ///
    /// When Redis refuses, or the entry was written by another version; Redis
    /// being away is waited out.
    pub async fn run(&self, run: &RunId) -> Result<Option<Ledger>, QueueError> {
        let keys = RunKeys::of(run);
        let mut pipeline = redis::pipe();
        pipeline.atomic().hgetall(keys.entry()).hgetall(keys.codes()).exists(keys.feeder());
        pipeline.cmd("TIME");
        let (fields, codes, feeder_alive, (seconds, micros)): (
            HashMap<String, Vec<u8>>,
            _,
            bool,
            (u64, u64),
        ) = self.query("show a run", &pipeline).await?;
        if fields.is_empty() {
            return Ok(None);
        }
        let ledger = Entry { run, fields }.read(codes, feeder_alive)?;
        Ok(Some(Ledger { now_ms: seconds * 1000 + micros / 1000, ..ledger }))
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn runs(&self, newest: usize) -> Result<Vec<Ledger>, QueueError> {
        let Some(last) = newest.checked_sub(1) else { return Ok(Vec::new()) };
        let mut pipeline = redis::pipe();
        pipeline.zrevrange(keys::runs(), 0, isize::try_from(last).unwrap_or(isize::MAX));
        let (ids,): (Vec<String>,) = self.query("list runs", &pipeline).await?;
        let mut runs = Vec::with_capacity(ids.len());
        for id in ids.iter().filter_map(|id| id.parse().ok()) {
            runs.extend(self.run(&id).await?);
        }
        Ok(runs)
    }

    /// A run of the same version of the same blob that has not ended.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn unfinished_run_of(
        &self,
        container: &str,
        file: &str,
        etag: &str,
    ) -> Result<Option<RunId>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.smembers(keys::unfinished_runs());
        let (mut ids,): (Vec<String>,) = self.query("list unfinished runs", &pipeline).await?;
        ids.sort_unstable();
        for id in ids.iter().filter_map(|id| id.parse::<RunId>().ok()) {
            let mut pipeline = redis::pipe();
            pipeline.hmget(RunKeys::of(&id).entry(), &["container", "file", "etag"]);
            let (of,): ([Option<String>; 3],) = self.query("show a run", &pipeline).await?;
            if of.each_ref().map(Option::as_deref) == [Some(container), Some(file), Some(etag)] {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

/// The fields of an entry, as Redis gives them.
struct Entry<'a> {
    run: &'a RunId,
    fields: HashMap<String, Vec<u8>>,
}

impl Entry<'_> {
    fn read(
        &self,
        rejected_by_code: BTreeMap<String, u64>,
        feeder_alive: bool,
    ) -> Result<Ledger, QueueError> {
        Ok(Ledger {
            run: self.run.clone(),
            state: self.state()?,
            reason: self.text("reason"),
            container: self.needed("container")?,
            file: self.needed("file")?,
            etag: self.needed("etag")?,
            file_bytes: self.number("file_bytes")?,
            started_at_ms: self.number("started_at_ms")?,
            fed_at_ms: self.number_if_there("fed_at_ms")?,
            finished_at_ms: self.number_if_there("finished_at_ms")?,
            now_ms: 0,
            read: self.number("read")?,
            created: self.count("created")?,
            updated: self.count("updated")?,
            rejected: self.count("rejected")?,
            rejected_by_code,
            retried: self.count("retried")?,
            batches_fed: self.number("fed_sequence")?,
            batches_settled: self.number("batches_settled")?,
            bytes_fed: self.number("fed_byte")?,
            api_calls: self.count("api_calls")?,
            paused_ms: self.count("paused_ms")?,
            pauses: self.count("pauses")?,
            feeder_alive,
            rejects_written_bytes: self.count("rejects_written_bytes")?,
            resume_point: ResumePoint {
                sequence: self.number("fed_sequence")?,
                record: self.number("fed_record")?,
                line: self.number("fed_line")?,
                byte: self.number("fed_byte")?,
            },
            header: self.fields.get("header").cloned().unwrap_or_default().into(),
            settings: self.needed("settings")?,
        })
    }

    fn state(&self) -> Result<RunState, QueueError> {
        match self.needed("state")?.as_str() {
            "feeding" => Ok(RunState::Feeding),
            "draining" => Ok(RunState::Draining),
            "completed" => Ok(RunState::Completed),
            "failed" => Ok(RunState::Failed),
            _ => Err(self.odd("state")),
        }
    }

    fn text(&self, field: &str) -> Option<String> {
        self.fields.get(field).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn needed(&self, field: &'static str) -> Result<String, QueueError> {
        self.text(field).ok_or_else(|| self.odd(field))
    }

    fn number(&self, field: &'static str) -> Result<u64, QueueError> {
        self.needed(field)?.parse().map_err(|_not_a_number| self.odd(field))
    }

    fn number_if_there(&self, field: &'static str) -> Result<Option<u64>, QueueError> {
        self.fields.contains_key(field).then(|| self.number(field)).transpose()
    }

    fn count(&self, field: &'static str) -> Result<u64, QueueError> {
        self.number_if_there(field).map(Option::unwrap_or_default)
    }

    fn odd(&self, field: &'static str) -> QueueError {
        QueueError::Ledger { run: self.run.clone(), field }
    }
}
