//! A local stand-in for Salesforce, as a program.

use std::process::ExitCode;

use salesforce_simulator::{SimulatorArgs, run};
use tokio::runtime::Runtime;

/// For millions of small rows. jemalloc would need a seventh less memory for them, but 80 CPU seconds
/// to be compiled, this one 5.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = service::parse::<SimulatorArgs>();
    service::init_logging(std::io::stderr);
    service::run_on(Runtime::new(), async { run(args, service::shutdown_token()).await })
}
