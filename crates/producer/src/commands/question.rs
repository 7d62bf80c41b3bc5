//! A question to somebody at a terminal.

use std::io::{self, IsTerminal, Write};

use tokio::sync::oneshot;

/// Whether somebody is there who could answer.
pub(super) fn can_be_asked() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, and says whether the answer was yes. Whoever drops this does not wait for an answer.
pub(super) async fn ask(question: &str) -> io::Result<bool> {
    write!(service::stderr(), "{question} [y/N] ")?;
    let (answered, answer) = oneshot::channel();
    // A thread of its own: nobody who ends waits for it.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line).map(|_bytes| line);
        // Nobody waits any more.
        let _unheard = answered.send(read);
    });
    let line = answer.await.unwrap_or_else(|_ended| Ok(String::new()))?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
