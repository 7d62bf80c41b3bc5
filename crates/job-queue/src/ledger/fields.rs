//! How Redis keeps a run's entry, and how it is read.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use bytes::Bytes;
use ingest_core::{ResumePoint, RunId, Tally};
use serde::de::DeserializeOwned;

use crate::{
    QueueError,
    ledger::{
        entry::{Held, Ledger},
        output::{Output, OutputParts},
        run_state::RunState,
    },
};

/// Fields of an entry, but for those that are long: the header and the load.
pub(crate) static FIELDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| [&FIELDS_BESIDE_COUNTERS, Tally::NAMES].concat());

const FIELDS_BESIDE_COUNTERS: [&str; 32] = [
    "state",
    "reason",
    "held",
    "holds",
    "load",
    "file_replaced",
    "container",
    "file",
    "etag",
    "file_bytes",
    "started_at_ms",
    "fed_at_ms",
    "finished_at_ms",
    "read",
    "rejected",
    "batches_settled",
    "paused",
    "backpressure_ms",
    "backpressure_waits",
    "waits_for_room",
    "replay_of",
    "rejects_written_bytes",
    "rejects_parts",
    "ids",
    "ids_written_bytes",
    "ids_parts",
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
            load: self.json("load"),
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
            tally: Tally::read(|counter| self.count(counter))?,
            rejected: self.count("rejected")?,
            batches_fed: self.number("fed_sequence")?,
            batches_settled: self.number("batches_settled")?,
            bytes_fed: self.number("fed_byte")?,
            backpressure_ms: self.count("backpressure_ms")?,
            backpressure_waits: self.count("backpressure_waits")?,
            feeder_alive: self.feeder_alive,
            paused: self.field("paused").is_some(),
            waits_for_room: self.feeder_alive && self.count("waits_for_room")? > 0,
            replay_of: self.text("replay_of").and_then(|run| run.parse().ok()),
            rejects_written_bytes: self.count("rejects_written_bytes")?,
            rejects_parts: self.parts(Output::Rejects)?,
            ids: self.count("ids")?,
            ids_written_bytes: self.count("ids_written_bytes")?,
            ids_parts: self.parts(Output::Ids)?,
            resume_point: ResumePoint {
                sequence: self.number("fed_sequence")?,
                record: self.number("fed_record")?,
                line: self.number("fed_line")?,
                byte: self.number("fed_byte")?,
                skipped: self.count("fed_skipped")?,
            },
            load_text: String::from_utf8_lossy(self.unlisted("load_text")).into_owned(),
            header: Bytes::copy_from_slice(self.unlisted("header")),
            settings: self.needed("settings")?,
            rejected_by_code: self.rejected_by_code,
        })
    }

    fn state(&self) -> Result<RunState, QueueError> {
        RunState::of(&self.needed("state")?).ok_or_else(|| self.malformed("state"))
    }

    fn parts(&self, output: Output) -> Result<OutputParts, QueueError> {
        let field = output.parts_field();
        let kept = self.field(field).map_or(&b""[..], Vec::as_slice);
        OutputParts::of_kept(kept).ok_or_else(|| self.malformed(field))
    }

    fn held(&self) -> Result<Option<Held>, QueueError> {
        let times = self.count("holds")?;
        Ok(self.text("held").map(|reason| Held { reason, times }))
    }

    /// A long field, which lists of runs are without.
    fn unlisted(&self, field: &str) -> &[u8] {
        self.fields.get(field).map_or(&[], Vec::as_slice)
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
        self.text(field).ok_or_else(|| self.malformed(field))
    }

    fn number(&self, field: &'static str) -> Result<u64, QueueError> {
        self.needed(field)?.parse().map_err(|_not_a_number| self.malformed(field))
    }

    fn number_if_there(&self, field: &'static str) -> Result<Option<u64>, QueueError> {
        self.field(field).is_some().then(|| self.number(field)).transpose()
    }

    fn count(&self, field: &'static str) -> Result<u64, QueueError> {
        self.number_if_there(field).map(Option::unwrap_or_default)
    }

    fn malformed(&self, field: &'static str) -> QueueError {
        QueueError::Ledger { run: self.run.clone(), field }
    }
}
