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
mod control;
mod control_commands;
mod display;
mod error;
mod feed;
mod figures;
mod follow;
mod http;
mod http_args;
mod import;
mod imports;
mod late_rejects;
mod pace;
mod packing;
mod places;
mod plan;
mod quiet;
mod read_settings;
mod reject_limit;
mod rejects_command;
mod rejects_file;
mod replay;
mod report;
pub mod run;
mod run_args;
mod runs;
#[cfg(test)]
mod sample;
mod serve;
mod serve_args;
mod source;
mod standstill;
mod start;
mod status;
mod sync;
mod target;
mod totals;
mod verify;
mod watch;
mod watermark;

pub use config::{Cli, Command, GuardArgs, LoadArgs, ReadArgs, SyncArgs, WatermarkArgs};
pub use http_args::HttpArgs;
pub use plan::PlanArgs;
pub use run_args::{
    CancelArgs, PauseArgs, RejectsArgs, ReplayArgs, ResumeArgs, RunsArgs, ShowArgs, VerifyArgs,
    WatchArgs,
};
pub use serve_args::{HostNames, ServeArgs};
pub use target::TargetArgs;
