//! What is known of a run.

use std::collections::BTreeMap;

use bytes::Bytes;
use ingest_core::{ResumePoint, RunId, Tally};
use serde::Serialize;

use crate::ledger::{
    output::{Output, OutputParts},
    run_load::LoadSummary,
    run_state::RunState,
};

/// One run, as far as it is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Its id; who shows a ledger says it first, and the file.
    #[serde(skip)]
    pub run: RunId,
    /// Where it stands.
    pub state: RunState,
    /// Why it failed, or why its reading was interrupted.
    pub reason: Option<String>,
    /// Why no consumer can deliver it for now.
    pub held: Option<Held>,
    /// What is done with the file; nothing before a consumer says it, when the start did not.
    #[serde(skip)]
    pub load: Option<LoadSummary>,
    /// It failed because the version of the blob that it reads is gone, or cannot be read to its
    /// end: it cannot go on.
    pub file_replaced: bool,
    /// Container of the blob.
    pub container: String,
    /// Name of the blob.
    #[serde(skip)]
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
    /// What became of rows, and what that took.
    #[serde(flatten)]
    pub tally: Tally,
    /// Rows that are, or will be, in the rejects file.
    pub rejected: u64,
    /// The same by code.
    pub rejected_by_code: BTreeMap<String, u64>,
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
    /// Reading waits for room on the queue at this moment: backpressure.
    pub waits_for_room: bool,
    /// The run whose rejected rows this one loads again.
    pub replay_of: Option<RunId>,
    /// Bytes of rejected rows in the rejects file, its header not counted.
    pub rejects_written_bytes: u64,
    /// The files that they are in.
    #[serde(skip)]
    pub rejects_parts: OutputParts,
    /// Delivered rows that have, or will have, a line in the ids file; none, when the run has no such file.
    pub ids: u64,
    /// Bytes of these lines in the ids file, its header not counted.
    pub ids_written_bytes: u64,
    /// The files that they are in.
    #[serde(skip)]
    pub ids_parts: OutputParts,
    /// Where feeding goes on.
    #[serde(skip)]
    pub resume_point: ResumePoint,
    /// The load itself, as [`RunLoad`](crate::RunLoad) has it; empty without one, and in lists of runs.
    #[serde(skip)]
    pub load_text: String,
    /// The header record as it came; empty in lists of runs.
    #[serde(skip)]
    pub header: Bytes,
    /// See [`NewRun::settings`](crate::NewRun::settings).
    #[serde(skip)]
    pub settings: String,
}

/// Why a run is held.
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
        self.tally.delivered()
    }

    /// Rows that were read and are neither delivered nor rejected, nor discarded yet.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        if self.state == RunState::Cancelled { 0 } else { self.open_rows() }
    }

    /// Rows that were read and discarded, for the run was cancelled.
    #[must_use]
    pub fn cancelled(&self) -> u64 {
        if self.state == RunState::Cancelled { self.open_rows() } else { 0 }
    }

    fn open_rows(&self) -> u64 {
        self.read.saturating_sub(self.delivered().saturating_add(self.rejected))
    }

    /// The files of an output.
    #[must_use]
    pub fn parts(&self, output: Output) -> &OutputParts {
        match output {
            Output::Rejects => &self.rejects_parts,
            Output::Ids => &self.ids_parts,
        }
    }

    /// Rows that have, or will have, a line in the files of an output.
    #[must_use]
    pub fn rows_in(&self, output: Output) -> u64 {
        match output {
            Output::Rejects => self.rejected,
            Output::Ids => self.ids,
        }
    }

    /// Nothing more will happen to this run by itself.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.state, RunState::Completed | RunState::Failed | RunState::Cancelled)
    }
}
