//! The program `generate-upload`.

use std::process::ExitCode;

use generate_upload::{Config, run};

#[tokio::main]
async fn main() -> ExitCode {
    let config: Config = service::parse();
    service::init_logging(std::io::stderr);
    service::exit(run(config, service::shutdown_token()).await)
}
