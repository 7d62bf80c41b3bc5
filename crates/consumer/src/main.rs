//! The program `consumer`.

use std::process::ExitCode;

use clap::{CommandFactory, error::ErrorKind};
use consumer::{Cli, InvalidSettings};

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> ExitCode {
    let task = service::parse::<Cli>().meant().unwrap_or_else(|error| usage(&error));
    service::init_logging(std::io::stderr);
    service::run_on(allocator::runtime(), async {
        // On a thread of the runtime: from here each call would wake another thread, and that one this.
        tokio::spawn(consumer::run_as_program(task, service::shutdown_token())).await?
    })
}

/// Settings that do not fit together are a matter of usage: code 2, as for those clap finds.
fn usage(error: &InvalidSettings) -> ! {
    service::refuse(&Cli::command().error(ErrorKind::ValueValidation, error))
}
