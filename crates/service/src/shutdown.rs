use std::io::Write;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

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
        any(&mut interrupt, &mut terminate).await;
        stop.cancel();
        let code = any(&mut interrupt, &mut terminate).await;
        let _closed = writeln!(std::io::stderr().lock(), "stopped at once by a second signal");
        std::process::exit(code);
    });
    token
}

/// Waits for one of the two signals and gives the exit code it stands for.
async fn any(interrupt: &mut Signal, terminate: &mut Signal) -> i32 {
    tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
    }
}

fn listen(kind: SignalKind) -> Signal {
    signal(kind).expect("signal handlers can be installed inside a runtime")
}
