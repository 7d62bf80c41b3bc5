//! The program `generate-upload`.

use std::process::ExitCode;

use generate_upload::{Cli, run};

#[tokio::main]
async fn main() -> ExitCode {
    let cli: Cli = service::parse();
    service::init_logging(std::io::stderr);
    service::exit(run(cli.config, service::shutdown_token()).await)
}
