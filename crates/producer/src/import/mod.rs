//! Loads runs: opens or resumes them, reads their files, fills the queue, and follows them to
//! their end.
//!
//! ```text
//! KnownLoads ──LoadWish──▶ SaidLoad   what the run loads
//!                            ▼
//! RunRequest ──RunStore::open──▶ OpenedRun ──▶ Importer
//!                                               ├─ feed    Source ──batches──▶ queue, below the watermarks
//!                                               └─ follow  ledger ──▶ progress, rejects file, stalls
//! ```

pub(crate) mod backpressure;
pub(crate) mod batches_for;
pub(crate) mod compression;
pub(crate) mod confirmation;
pub(crate) mod control;
pub(crate) mod error;
pub(crate) mod feed;
pub(crate) mod follow;
pub(crate) mod importer;
pub(crate) mod known_loads;
pub(crate) mod load_choice;
pub(crate) mod load_difference;
pub(crate) mod metrics;
pub(crate) mod open_file;
pub(crate) mod output_file;
pub(crate) mod places;
pub(crate) mod preview;
pub(crate) mod read_settings;
pub(crate) mod replay;
pub(crate) mod run_request;
pub(crate) mod run_store;
pub(crate) mod source;
pub(crate) mod stall;
pub(crate) mod upload;
