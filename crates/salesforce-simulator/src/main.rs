//! A local stand-in for Salesforce, as a program.

use std::process::ExitCode;

use salesforce_simulator::{SimulatorArgs, run};

/// Millions of small rows: a fifth less time and 9 bytes less a row than with the
/// system's allocator, measured with `examples/load`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let args = service::parse::<SimulatorArgs>();
    service::init_logging(std::io::stderr);
    service::exit(run(args, service::shutdown_token()).await)
}
