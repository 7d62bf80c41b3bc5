use std::time::{Duration, Instant};

/// Longer than anything that a test waits for takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const INTERVAL: Duration = Duration::from_millis(20);

/// Waits until `is_so`.
///
/// # Panics
///
/// After a minute.
pub fn wait_until(what: &str, is_so: impl FnMut() -> bool) {
    wait_at_most(PATIENCE.as_secs(), what, is_so);
}

/// Waits until `is_so`.
///
/// # Panics
///
/// After so many seconds.
pub fn wait_at_most(seconds: u64, what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed().as_secs() < seconds, "waited for {seconds} s until {what}");
        sleep(INTERVAL);
    }
}

/// Asks until there is an answer, and gives it.
///
/// # Panics
///
/// After a minute.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "waited for {PATIENCE:?} until {what}");
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Lets another process do something meanwhile.
#[expect(clippy::disallowed_methods, reason = "a test waits for another process")]
pub fn sleep(duration: Duration) {
    std::thread::sleep(duration);
}
