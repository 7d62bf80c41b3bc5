//! The program `consumer`.

use std::process::ExitCode;

use clap::{CommandFactory, error::ErrorKind};
use consumer::{Cli, InvalidSettings, Task};

/// Bodies of all sizes are made by one thread and freed by another. Six million rows by Collections: 25 MB with
/// jemalloc, 86 MB and growing with the system's allocator (glibc 2.36), which frees little of it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let task = service::parse::<Cli>().meant().unwrap_or_else(|error| usage(&error));
    service::init_logging(std::io::stderr);
    service::exit(run(task))
}

#[tokio::main]
async fn run(task: Task) -> anyhow::Result<ExitCode> {
    // On a thread of the runtime: from here each call would wake another thread, and that one this.
    tokio::spawn(consumer::run(task, service::shutdown_token())).await?
}

/// Settings that do not fit together are a matter of usage: code 2, as for those clap finds.
fn usage(error: &InvalidSettings) -> ! {
    Cli::command().error(ErrorKind::ValueValidation, error).exit()
}
