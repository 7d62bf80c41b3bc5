//! The program `generate-upload`.

use std::process::ExitCode;

use generate_upload::{Cli, run};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let cli: Cli = service::parse();
    service::init_logging(std::io::stderr);
    service::run_on(Runtime::new(), async { run(cli.config, service::shutdown_token()).await })
}
