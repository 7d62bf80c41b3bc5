//! What happened in a run.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use bytes::Bytes;
use ingest_core::{ResumePoint, RunId};
use serde::{Serialize, de::DeserializeOwned};

use crate::{QueueError, RejectsParts, Target, Wanted};

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
    /// A person ended it; what is being delivered at this moment is seen through.
    Cancelling,
    /// A person ended it, and nothing of it is under way.
    Cancelled,
}

impl RunState {
    /// A state by its name in Redis.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "feeding" => Self::Feeding,
            "draining" => Self::Draining,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "cancelling" => Self::Cancelling,
            "cancelled" => Self::Cancelled,
            _ => return None,
        })
    }
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
    /// Who may deliver it.
    pub wanted: Wanted,
    /// Who delivers it; nothing before there is a consumer that fits.
    pub target: Option<Target>,
    /// The run whose rejected rows this one loads again.
    pub replay_of: Option<RunId>,
    /// What the client calls this start: the same key again gives the same run, for
    /// a day.
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
    /// The same start key began this run before.
    Repeated(RunId),
    /// This run reads the same version of the same blob, and has not ended.
    UnderWay(RunId),
}

/// One run, as far as it is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Its id.
    pub run: RunId,
    /// Where it stands.
    pub state: RunState,
    /// Why it failed, or why nobody goes on reading it.
    pub reason: Option<String>,
    /// Why nobody can deliver it for now.
    pub held: Option<Held>,
    /// Who delivers it.
    #[serde(skip)]
    pub target: Option<Target>,
    /// Who may.
    #[serde(skip)]
    pub wanted: Wanted,
    /// It failed because the version of the blob that it reads is gone, or cannot be read to its
    /// end: it cannot go on.
    pub file_replaced: bool,
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
    /// Lines without data that were passed over: of delimiters and blanks only, or a Ctrl-Z at the end.
    pub skipped: u64,
    /// Rows that Salesforce stored as new.
    pub created: u64,
    /// Rows that Salesforce had and changed.
    pub updated: u64,
    /// Rows whose record Salesforce deleted, or had deleted before.
    pub deleted: u64,
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
    /// Batches that have no outcome yet.
    pub batches_queued: u64,
    /// A server has been asked to read it.
    #[serde(skip)]
    pub is_to_import: bool,
    /// Bytes of the (decoded) blob that are pushed.
    pub bytes_fed: u64,
    /// Calls to Salesforce's API.
    pub api_calls: u64,
    /// How long reading waited for room on the queue.
    #[serde(rename = "pausedMs")]
    pub backpressure_ms: u64,
    /// How often it did.
    #[serde(rename = "pauses")]
    pub backpressure_waits: u64,
    /// A producer holds the run at this moment.
    pub feeder_alive: bool,
    /// A person has paused it.
    #[serde(rename = "pausedByHand")]
    pub paused: bool,
    /// Reading stands still at this moment, for the queue is full.
    pub waits_for_room: bool,
    /// The run whose rejected rows this one loads again.
    pub replay_of: Option<RunId>,
    /// Bytes of rejected rows in the rejects file, its header not counted.
    pub rejects_written_bytes: u64,
    /// The files that they are in.
    #[serde(skip)]
    pub rejects_parts: RejectsParts,
    /// Where feeding goes on.
    #[serde(skip)]
    pub resume_point: ResumePoint,
    /// The header record as it came; empty in lists of runs.
    #[serde(skip)]
    pub header: Bytes,
    /// See [`NewRun::settings`].
    #[serde(skip)]
    pub settings: String,
}

/// Why a run stands still by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// In words.
    pub reason: String,
    /// How often, since a row of it was delivered.
    pub times: u64,
}

impl Ledger {
    /// Rows of which Salesforce did what was asked.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.created.saturating_add(self.updated).saturating_add(self.deleted)
    }

    /// Rows that were read and are neither delivered nor rejected, nor left out yet.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        if self.state == RunState::Cancelled { 0 } else { self.open_rows() }
    }

    /// Rows that were read and are left out, for the run was cancelled.
    #[must_use]
    pub fn cancelled(&self) -> u64 {
        if self.state == RunState::Cancelled { self.open_rows() } else { 0 }
    }

    fn open_rows(&self) -> u64 {
        self.read.saturating_sub(self.delivered().saturating_add(self.rejected))
    }

    /// Nothing more will happen to this run by itself.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.state, RunState::Completed | RunState::Failed | RunState::Cancelled)
    }
}

/// Fields of an entry, but for the header.
pub(crate) const FIELDS: [&str; 35] = [
    "state",
    "reason",
    "held",
    "holds",
    "target",
    "wanted",
    "file_replaced",
    "container",
    "file",
    "etag",
    "file_bytes",
    "started_at_ms",
    "fed_at_ms",
    "finished_at_ms",
    "read",
    "created",
    "updated",
    "deleted",
    "rejected",
    "retried",
    "batches_settled",
    "api_calls",
    "paused",
    "backpressure_ms",
    "backpressure_waits",
    "waits_for_room",
    "replay_of",
    "rejects_written_bytes",
    "rejects_parts",
    "fed_sequence",
    "fed_record",
    "fed_line",
    "fed_byte",
    "fed_skipped",
    "settings",
];

/// The fields of an entry, as Redis gives them.
pub(crate) struct Entry<'a> {
    pub(crate) run: &'a RunId,
    pub(crate) fields: HashMap<String, Vec<u8>>,
    pub(crate) rejected_by_code: BTreeMap<String, u64>,
    pub(crate) feeder_alive: bool,
    pub(crate) now_ms: u64,
}

impl Entry<'_> {
    pub(crate) fn read(self) -> Result<Ledger, QueueError> {
        Ok(Ledger {
            run: self.run.clone(),
            state: self.state()?,
            reason: self.text("reason"),
            held: self.held()?,
            target: self.json("target"),
            wanted: self.json("wanted").unwrap_or_default(),
            batches_queued: 0,
            is_to_import: false,
            file_replaced: self.field("file_replaced").is_some(),
            container: self.needed("container")?,
            file: self.needed("file")?,
            etag: self.needed("etag")?,
            file_bytes: self.number("file_bytes")?,
            started_at_ms: self.number("started_at_ms")?,
            fed_at_ms: self.number_if_there("fed_at_ms")?,
            finished_at_ms: self.number_if_there("finished_at_ms")?,
            now_ms: self.now_ms,
            read: self.number("read")?,
            skipped: self.count("fed_skipped")?,
            created: self.count("created")?,
            updated: self.count("updated")?,
            deleted: self.count("deleted")?,
            rejected: self.count("rejected")?,
            retried: self.count("retried")?,
            batches_fed: self.number("fed_sequence")?,
            batches_settled: self.number("batches_settled")?,
            bytes_fed: self.number("fed_byte")?,
            api_calls: self.count("api_calls")?,
            backpressure_ms: self.count("backpressure_ms")?,
            backpressure_waits: self.count("backpressure_waits")?,
            feeder_alive: self.feeder_alive,
            paused: self.field("paused").is_some(),
            waits_for_room: self.feeder_alive && self.count("waits_for_room")? > 0,
            replay_of: self.text("replay_of").and_then(|run| run.parse().ok()),
            rejects_written_bytes: self.count("rejects_written_bytes")?,
            rejects_parts: self.rejects_parts()?,
            resume_point: ResumePoint {
                sequence: self.number("fed_sequence")?,
                record: self.number("fed_record")?,
                line: self.number("fed_line")?,
                byte: self.number("fed_byte")?,
                skipped: self.count("fed_skipped")?,
            },
            header: self.fields.get("header").cloned().unwrap_or_default().into(),
            settings: self.needed("settings")?,
            rejected_by_code: self.rejected_by_code,
        })
    }

    fn state(&self) -> Result<RunState, QueueError> {
        RunState::of(&self.needed("state")?).ok_or_else(|| self.odd("state"))
    }

    fn rejects_parts(&self) -> Result<RejectsParts, QueueError> {
        let kept = self.field("rejects_parts").map_or(&b""[..], Vec::as_slice);
        RejectsParts::of_kept(kept).ok_or_else(|| self.odd("rejects_parts"))
    }

    fn held(&self) -> Result<Option<Held>, QueueError> {
        let times = self.count("holds")?;
        Ok(self.text("held").map(|reason| Held { reason, times }))
    }

    fn field(&self, field: &str) -> Option<&Vec<u8>> {
        debug_assert!(FIELDS.contains(&field), "{field} is not read for lists");
        self.fields.get(field)
    }

    fn json<T: DeserializeOwned>(&self, field: &str) -> Option<T> {
        self.field(field).and_then(|json| serde_json::from_slice(json).ok())
    }

    fn text(&self, field: &str) -> Option<String> {
        self.field(field).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn needed(&self, field: &'static str) -> Result<String, QueueError> {
        self.text(field).ok_or_else(|| self.odd(field))
    }

    fn number(&self, field: &'static str) -> Result<u64, QueueError> {
        self.needed(field)?.parse().map_err(|_not_a_number| self.odd(field))
    }

    fn number_if_there(&self, field: &'static str) -> Result<Option<u64>, QueueError> {
        self.field(field).is_some().then(|| self.number(field)).transpose()
    }

    fn count(&self, field: &'static str) -> Result<u64, QueueError> {
        self.number_if_there(field).map(Option::unwrap_or_default)
    }

    fn odd(&self, field: &'static str) -> QueueError {
        QueueError::Ledger { run: self.run.clone(), field }
    }
}
