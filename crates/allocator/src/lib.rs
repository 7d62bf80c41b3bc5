//! The allocator of the programs that hold large buffers, and how soon it gives their memory back.
//!
//! Batches, bodies and what goes to Redis are made by one thread and freed by another, up to some MiB
//! each and many a second. The system's allocator (glibc 2.36) and mimalloc keep most of it; so does
//! jemalloc by default, which looks at what is free too seldom where allocations are large and few.

use std::io;

use tikv_jemalloc_ctl::{Access, AsName};
pub use tikv_jemallocator::Jemalloc as Allocator;
use tokio::runtime::{Builder, Runtime};

/// What is free in one piece of so many bytes goes back to the system at once. Less is kept for some
/// seconds: it is small, and most of it is wanted again.
pub const KEPT_BYTES_MAX: usize = 1 << 20;

/// The runtime of a program whose [`Allocator`] keeps no large buffers, for this thread and its own.
///
/// # Errors
///
/// When the system gives it no threads.
pub fn runtime() -> io::Result<Runtime> {
    keep_no_large_buffers();
    Builder::new_multi_thread().enable_all().on_thread_start(keep_no_large_buffers).build()
}

/// For the part of the memory that this thread allocates from. Where that cannot be set, more is kept
/// for some seconds, and nothing else changes.
fn keep_no_large_buffers() {
    let arena: Result<u32, _> = b"thread.arena\0".name().read();
    let setting = b"arena.0.oversize_threshold\0".name().mib::<[usize; 3]>();
    if let (Ok(arena), Ok(mut setting)) = (arena, setting) {
        setting[1] = arena as usize;
        let _more_is_kept = setting.write(KEPT_BYTES_MAX);
    }
}
