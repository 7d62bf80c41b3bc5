//! What the system says the process has, while large buffers come and go.

#![cfg(target_os = "linux")]

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

const MIB: usize = 1 << 20;

/// Bytes of the process that are in memory and in no file.
fn anonymous() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("linux has it");
    let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse::<usize>().ok()).expect("linux says it in kB") * 1024
}

#[test]
fn buffers_that_are_freed_are_given_back_whichever_thread_frees_them() {
    let runtime = allocator::runtime().unwrap();

    let (before, held, after) = runtime.block_on(async {
        let before = anonymous();
        let tasks: Vec<_> = (0..16).map(|_| tokio::spawn(async { vec![1_u8; 4 * MIB] })).collect();
        let mut buffers = Vec::new();
        for task in tasks {
            buffers.push(task.await.unwrap());
        }
        let held = anonymous();
        tokio::spawn(async move { drop(buffers) }).await.unwrap();
        (before, held, anonymous())
    });

    assert!(held - before >= 64 * MIB, "{held} bytes, {before} before");
    assert!(after < before + 4 * MIB, "{after} bytes are left, {before} before");
}
