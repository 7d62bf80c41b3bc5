//! Reads a CSV blob, puts its rows on the queue in batches, and follows the run
//! to its end.
//!
//! ```text
//! Source ──batches──▶ feed ──▶ Feeder::push          reading; waits for room
//! Ledger ──▶ follow ──▶ progress, rejects file       delivery, as consumers do it
//! both end ──▶ Report
//! ```
//!
//! `main` parses the arguments and calls [`run::run`]; everything else hangs
//! below it.

mod config;
mod display;
mod error;
mod feed;
mod figures;
mod follow;
mod import;
mod read_settings;
mod reject_limit;
mod rejects_file;
mod report;
pub mod run;
mod run_args;
mod runs;
mod source;
mod start;
mod sync;
mod verify;
mod watermark;

pub use config::{Cli, Command, GuardArgs, ReadArgs, SyncArgs, WatermarkArgs};
pub use run_args::{CompletionsArgs, RunsArgs, ShowArgs, VerifyArgs};
