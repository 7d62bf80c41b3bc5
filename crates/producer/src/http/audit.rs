//! A line for each refused request and for each that changes something: who, from where, what, and
//! what came of it. Nothing of a request is in it but the peer's address, what a trusted proxy says,
//! and a run's id.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::Request,
    http::{Method, StatusCode, header},
    response::Response,
};
use ingest_core::RunId;
use tracing::{info, warn};

use super::client::Client;

/// Lines of each of the two kinds in this time; what is more is counted, and the number said.
const LINES_MAX: u32 = 20;
const WINDOW: Duration = Duration::from_secs(10);

/// The two kinds.
const REFUSED: &str = "refused requests";
const CHANGES: &str = "requests that change something";

/// The run that a request has begun, as the handler says it.
#[derive(Clone, Debug)]
pub(super) struct Begun(pub(super) RunId);

/// Keeps the lines few.
#[derive(Debug, Default)]
pub(super) struct Audit {
    refused: Arc<Quota>,
    changes: Arc<Quota>,
}

/// What was asked; the line is written when the answer is known, or will never be.
pub(super) struct Asked {
    changes: Option<Arc<Quota>>,
    refused: Arc<Quota>,
    client: Client,
    action: &'static str,
    run: Option<RunId>,
    has_token: bool,
    outcome: Option<StatusCode>,
}

impl Audit {
    pub(super) fn asked(&self, request: &Request, client: &Client) -> Asked {
        let (action, run) = action(request.method(), request.uri().path());
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
        Asked {
            changes: changes.then(|| Arc::clone(&self.changes)),
            refused: Arc::clone(&self.refused),
            client: client.clone(),
            action,
            run,
            has_token: request.headers().contains_key(header::AUTHORIZATION),
            outcome: None,
        }
    }
}

impl Asked {
    pub(super) fn answered(mut self, response: &Response) {
        self.outcome = Some(response.status());
        if let Some(Begun(run)) = response.extensions().get() {
            self.run = Some(run.clone());
        }
    }
}

/// Nothing is left unsaid at the end of the program.
impl Drop for Audit {
    fn drop(&mut self) {
        self.refused.say_left_out(REFUSED);
        self.changes.say_left_out(CHANGES);
    }
}

/// Also when the caller went away before there was an answer: what it asked for may be done.
impl Drop for Asked {
    fn drop(&mut self) {
        let is_refused =
            matches!(self.outcome, Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN));
        let (quota, what) = match (is_refused, &self.changes) {
            (true, _) => (&self.refused, REFUSED),
            (false, Some(changes)) => (changes, CHANGES),
            (false, None) => return,
        };
        if !quota.has_room(what) {
            return;
        }
        let Self { client, action, .. } = self;
        let peer = client.peer;
        let forwarded_for = client.forwarded_for.as_deref();
        let token = if self.has_token { "shown" } else { "none" };
        let outcome = self.outcome.map(|status| status.as_u16());
        let run = self.run.as_ref().map(tracing::field::display);
        if is_refused {
            warn!(target: "audit", %peer, forwarded_for, token, run, outcome, "audit: {action} was refused");
        } else {
            info!(target: "audit", %peer, forwarded_for, token, run, outcome, "audit: {action}");
        }
    }
}

/// Words of ours, whatever stands in the path.
fn action(method: &Method, path: &str) -> (&'static str, Option<RunId>) {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let run = |text: &str| text.parse::<RunId>().ok();
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["api", "sync", "start"]) => ("start", None),
        ("POST", ["api", "sync", of, "pause"]) => ("pause", run(of)),
        ("POST", ["api", "sync", of, "resume"]) => ("resume", run(of)),
        ("POST", ["api", "sync", of, "cancel"]) => ("cancel", run(of)),
        ("POST", ["api", "sync", of, "replay"]) => ("replay", run(of)),
        ("GET" | "HEAD", ["metrics"]) => ("metrics", None),
        ("GET" | "HEAD", ["api", "sync", of, ..]) => ("read", run(of)),
        ("GET" | "HEAD", ["api", ..]) => ("read", None),
        ("GET" | "HEAD", _) => ("page", None),
        _ => ("another method or path", None),
    }
}

/// Lines of one kind.
#[derive(Debug, Default)]
struct Quota(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    began: Option<Instant>,
    lines: u32,
    left_out: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Room {
    Line,
    /// No more, and it has to be said how many were left out.
    None,
    NoneAny,
}

impl Window {
    fn room(&mut self, now: Instant) -> Room {
        if self.began.is_none_or(|began| now.duration_since(began) >= WINDOW) {
            // What was left out before is said by whoever waits for it.
            (self.began, self.lines) = (Some(now), 0);
        }
        if self.lines < LINES_MAX {
            self.lines += 1;
            return Room::Line;
        }
        self.left_out += 1;
        if self.left_out == 1 { Room::None } else { Room::NoneAny }
    }
}

impl Quota {
    fn has_room(self: &Arc<Self>, what: &'static str) -> bool {
        let room = self.window().room(Instant::now());
        if room == Room::None {
            let quota = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(WINDOW).await;
                quota.say_left_out(what);
            });
        }
        room == Room::Line
    }

    fn say_left_out(&self, what: &str) {
        let left_out = std::mem::take(&mut self.window().left_out);
        if left_out > 0 {
            warn!(target: "audit", "audit: {left_out} more {what} are not told one by one");
        }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_few_lines_and_a_number() {
        let mut window = Window::default();
        let start = Instant::now();

        let rooms: Vec<_> = (0..1_000).map(|_| window.room(start)).collect();

        assert_eq!(rooms.iter().filter(|room| **room == Room::Line).count(), 20);
        assert_eq!(rooms.iter().filter(|room| **room == Room::None).count(), 1);
        assert_eq!(window.left_out, 980);
        assert_eq!(window.room(start + WINDOW), Room::Line);
        assert_eq!(window.left_out, 980);
    }

    #[test]
    fn an_action_is_told_in_words_of_ours() {
        let cases = [
            ("POST", "/api/sync/nightly-7/cancel", "cancel", Some("nightly-7")),
            ("POST", "/api/sync/%0a/cancel", "cancel", None),
            ("POST", "/api/sync/start", "start", None),
            ("GET", "/api/sync/nightly-7/events", "read", Some("nightly-7")),
            ("GET", "/api/nowhere", "read", None),
            ("GET", "/metrics", "metrics", None),
            ("GET", "/batch-sync", "page", None),
            ("BREW", "/api/sync", "another method or path", None),
        ];

        for (method, path, expected, run) in cases {
            let (action, of) = action(&method.parse().unwrap(), path);
            assert_eq!(
                (action, of.as_ref().map(RunId::as_str)),
                (expected, run),
                "{method} {path}"
            );
        }
    }
}
