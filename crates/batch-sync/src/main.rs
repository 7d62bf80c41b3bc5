//! The program `batch-sync`.

use std::process::ExitCode;

/// A consumer holds large buffers; the others do as well with it.
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> ExitCode {
    let work = batch_sync::parse();
    service::run_on(allocator::runtime(), async {
        batch_sync::run(work, service::shutdown_token()).await
    })
}
