//! Ledgers for tests.

use ingest_core::{ResumePoint, Tally};
use job_queue::{Ledger, LoadSummary, OutputParts, RunState};

/// A run of which half is read, and half of that delivered.
pub(crate) fn ledger(run: &str) -> Ledger {
    Ledger {
        run: run.parse().unwrap(),
        state: RunState::Feeding,
        reason: None,
        held: None,
        load: Some(load()),
        file_replaced: false,
        container: "high-volume-ingest".to_owned(),
        file: "big-data-import.csv".to_owned(),
        etag: "\"0x1\"".to_owned(),
        file_bytes: 8 << 20,
        started_at_ms: 1_795_440_000_000,
        fed_at_ms: None,
        finished_at_ms: None,
        now_ms: 1_795_440_010_000,
        read: 50_000,
        skipped: 0,
        tally: Tally { created: 20_000, updated: 4_900, deleted: 0, retried: 7, api_calls: 250 },
        rejected: 100,
        rejected_by_code: [("REQUIRED_FIELD_MISSING".to_owned(), 100)].into(),
        batches_fed: 500,
        batches_settled: 250,
        batches_queued: 250,
        is_to_import: false,
        bytes_fed: 4 << 20,
        backpressure_ms: 1_500,
        backpressure_waits: 1,
        feeder_alive: true,
        paused: false,
        waits_for_room: false,
        replay_of: None,
        rejects_written_bytes: 0,
        rejects_parts: OutputParts::default(),
        ids: 0,
        ids_written_bytes: 0,
        ids_parts: OutputParts::default(),
        resume_point: ResumePoint::default(),
        load_text: String::new(),
        header: "a,b".into(),
        settings: String::new(),
    }
}

/// What it loads.
pub(crate) fn load() -> LoadSummary {
    LoadSummary {
        id: "3f0a91c4e2b7".to_owned(),
        name: "contacts".to_owned(),
        object: "Contact".to_owned(),
        operation: "upsert".to_owned(),
        external_id: Some("ExternalId__c".to_owned()),
        mapping: "9f86d081884c".to_owned(),
    }
}

/// The same at its end.
pub(crate) fn completed(run: &str) -> Ledger {
    let at = Some(1_795_440_020_000);
    let state = RunState::Completed;
    let half = ledger(run);
    let tally = Tally { created: 45_000, ..half.tally };
    Ledger { state, fed_at_ms: at, finished_at_ms: at, tally, batches_queued: 0, ..half }
}

/// The same for leads.
pub(crate) fn leads() -> LoadSummary {
    LoadSummary { id: "0a1b2c3d4e5f".to_owned(), object: "Lead".to_owned(), ..load() }
}
