//! `producer`: reads a CSV blob, puts its rows on the queue in batches, and follows the run to its end;
//! in a terminal, or for an HTTP API and a page.
//!
//! ```text
//! main ──▶ commands ──▶ server   HTTP API, page, and the worker that loads runs
//!                       plan     what a load will take, before it
//!                       verify   reads the file again, and compares it with the ledger
//!                       watch    all runs, live, in a terminal
//!                       dataloader   a configuration of Data Loader, as loads
//!                          └──▶ check    what would become of a file's rows
//!                                 └──▶ import   opens, reads, feeds and follows a run
//!                                        └──▶ report   what people and programs see of a run
//!                                             org      what the org says of its objects
//!                                               └──▶ cli   arguments and settings
//! ```
//!
//! Each folder uses only what is to its right.

mod check;
mod cli;
mod commands;
mod dataloader;
mod import;
mod org;
mod plan;
mod report;
mod server;
mod verify;
mod watch;

pub use cli::{
    check_args::{CheckArgs, DescribeArgs},
    command::{Cli, Command},
    http_args::HttpArgs,
    import_args::{GuardArgs, ImportArgs, WatermarkArgs},
    import_dataloader_args::ImportDataloaderArgs,
    load_args::{LoadArgs, LoadsArgs},
    plan_args::PlanArgs,
    read_args::ReadArgs,
    run_args::{
        CancelArgs, FilesArgs, ListLoadsArgs, PauseArgs, RejectsArgs, ReplayArgs, ResumeArgs,
        RunsArgs, ShowArgs, VerifyArgs, WatchArgs,
    },
    serve_args::{HostNames, ServeArgs},
    sync_args::SyncArgs,
    upload_args::UploadArgs,
};
pub use commands::run;
