//! Reads a CSV blob, puts its rows on the queue in batches, and follows the run
//! to its end.
//!
//! ```text
//! Source ──batches──▶ feed ──▶ Feeder::push          reading; waits for room
//! Ledger ──▶ follow ──▶ progress, rejects file       delivery, as consumers do it
//! both end ──▶ Report
//! ```
//!
//! `main` parses the arguments and calls [`run`]; everything else hangs
//! below it.

mod cli;
mod commands;
mod import;
mod plan;
mod report;
mod server;
mod verify;
mod watch;

pub use cli::{
    command::{Cli, Command},
    http_args::HttpArgs,
    load_args::{GuardArgs, LoadArgs, WatermarkArgs},
    plan_args::{DateOrder, PlanArgs},
    read_args::ReadArgs,
    run_args::{
        CancelArgs, PauseArgs, RejectsArgs, ReplayArgs, ResumeArgs, RunsArgs, ShowArgs, VerifyArgs,
        WatchArgs,
    },
    serve_args::{HostNames, ServeArgs},
    sync_args::SyncArgs,
    target_args::TargetArgs,
};
pub use commands::run;
