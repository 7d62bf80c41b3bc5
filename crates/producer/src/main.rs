//! The program `producer`.

use std::process::ExitCode;

use producer::{Cli, run};

#[tokio::main]
async fn main() -> ExitCode {
    let cli: Cli = service::parse_with(&load::variables());
    service::exit(run(cli.command, service::shutdown_token()).await)
}
