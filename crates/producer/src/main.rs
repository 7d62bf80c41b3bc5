//! The program `producer`.

use std::process::ExitCode;

use producer::{Cli, run};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let cli: Cli = service::parse_with(&load::variables());
    service::run_on(Runtime::new(), async { run(cli.command, service::shutdown_token()).await })
}
