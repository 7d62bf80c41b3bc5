use std::{
    io::Write,
    process::ExitCode,
    sync::atomic::{AtomicU8, Ordering},
};

use rustix::process::{Pid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// 128 and the number of the signal, as shells have it.
static INTERRUPTED: AtomicU8 = AtomicU8::new(130);

/// The exit code of a program that was interrupted and can be resumed: 130 after
/// Ctrl-C, 143 after SIGTERM.
pub fn interrupted() -> ExitCode {
    INTERRUPTED.load(Ordering::Relaxed).into()
}

/// A token that is cancelled on SIGINT or SIGTERM. A second signal ends the
/// process at once.
///
/// # Panics
///
/// Outside a tokio runtime.
pub fn shutdown_token() -> CancellationToken {
    let token = CancellationToken::new();
    let mut interrupt = listen(SignalKind::interrupt());
    let mut terminate = listen(SignalKind::terminate());
    let stop = token.clone();
    tokio::spawn(async move {
        INTERRUPTED.store(any(&mut interrupt, &mut terminate).await, Ordering::Relaxed);
        stop.cancel();
        let code = any(&mut interrupt, &mut terminate).await;
        let _closed = writeln!(crate::stderr(), "stopped at once by a second signal");
        std::process::exit(code.into());
    });
    token
}

/// Sends a process of ours SIGTERM, the signal that programs end on safely. One that has ended already
/// needs none.
pub fn ask_to_end(process: u32) {
    if let Some(process) = process.try_into().ok().and_then(Pid::from_raw) {
        let _ended = kill_process(process, rustix::process::Signal::TERM);
    }
}

/// Waits for one of the two signals and gives the exit code it stands for.
async fn any(interrupt: &mut Signal, terminate: &mut Signal) -> u8 {
    tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
    }
}

fn listen(kind: SignalKind) -> Signal {
    signal(kind).expect("signal handlers can be installed inside a runtime")
}
