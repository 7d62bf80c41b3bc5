//! The audit log: a line for each refused request and for each command, with its client, action and
//! outcome. Of a request it has the peer's address, X-Forwarded-For of a trusted proxy, and a run's
//! id, and nothing else.

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

use crate::server::client::Client;

/// In this time each kind has so many lines; what is more is counted, and the number said.
const WINDOW: Duration = Duration::from_secs(10);

/// The kinds, and how many lines they have: those that do nothing hide none that did something.
const REFUSED: Kind = Kind { what: "refused requests", lines_max: 20 };
const IN_VAIN: Kind = Kind { what: "requests that would change something, in vain", lines_max: 20 };
const CHANGES: Kind = Kind { what: "requests that changed something", lines_max: 200 };

#[derive(Clone, Copy, Debug)]
struct Kind {
    what: &'static str,
    lines_max: u32,
}

/// The run that a request has begun, as the handler says it.
#[derive(Clone, Debug)]
pub(crate) struct Begun(pub(crate) RunId);

/// Limits the log lines of each kind.
#[derive(Debug)]
pub(crate) struct Audit {
    refused: Arc<Quota>,
    in_vain: Arc<Quota>,
    changes: Arc<Quota>,
}

impl Default for Audit {
    fn default() -> Self {
        let [refused, in_vain, changes] =
            [REFUSED, IN_VAIN, CHANGES].map(|kind| Arc::new(Quota::new(kind)));
        Self { refused, in_vain, changes }
    }
}

/// What was asked; the line is written when the answer is known, or will never be.
pub(crate) struct Asked {
    quotas: [Arc<Quota>; 3],
    changes: bool,
    client: Client,
    action: &'static str,
    run: Option<RunId>,
    has_token: bool,
    outcome: Option<StatusCode>,
}

impl Audit {
    pub(crate) fn asked(&self, request: &Request, client: &Client) -> Asked {
        let (action, run) = action(request.method(), request.uri().path());
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
        Asked {
            quotas: [&self.refused, &self.in_vain, &self.changes].map(Arc::clone),
            changes,
            client: client.clone(),
            action,
            run,
            has_token: request.headers().contains_key(header::AUTHORIZATION),
            outcome: None,
        }
    }
}

impl Asked {
    /// Whether it asks for a change.
    pub(crate) fn changes(&self) -> bool {
        self.changes
    }

    /// Notes the answer, and gives it.
    pub(crate) fn answered(mut self, response: Response) -> Response {
        self.outcome = Some(response.status());
        if let Some(Begun(run)) = response.extensions().get() {
            self.run = Some(run.clone());
        }
        response
    }
}

/// Logs the counts that are left at the end of the program.
impl Drop for Audit {
    fn drop(&mut self) {
        for quota in [&self.refused, &self.in_vain, &self.changes] {
            quota.say_left_out();
        }
    }
}

/// Also when there is no answer.
impl Drop for Asked {
    fn drop(&mut self) {
        let is_refused =
            matches!(self.outcome, Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN));
        let is_done = self.outcome.is_some_and(|outcome| outcome.is_success());
        let [refused, in_vain, changes] = &self.quotas;
        let quota = match (is_refused, self.changes, is_done) {
            (true, _, _) => refused,
            (false, true, false) => in_vain,
            (false, true, true) => changes,
            (false, false, _) => return,
        };
        if !quota.has_room() {
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

/// The action in fixed words, so that nothing of the path gets into the log.
fn action(method: &Method, path: &str) -> (&'static str, Option<RunId>) {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let run = |text: &str| text.parse::<RunId>().ok();
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["api", "sync", "start"]) => ("start", None),
        ("POST", ["api", "sync", of, "pause"]) => ("pause", run(of)),
        ("POST", ["api", "sync", of, "resume"]) => ("resume", run(of)),
        ("POST", ["api", "sync", of, "cancel"]) => ("cancel", run(of)),
        ("POST", ["api", "sync", of, "replay"]) => ("replay", run(of)),
        ("PUT", ["api", "files", ..]) => ("upload", None),
        ("POST", ["api", "mappings"]) => ("mapping", None),
        ("POST", ["api", "checks"]) => ("check", None),
        ("DELETE", ["api", "checks", _]) => ("stop a check", None),
        ("GET" | "HEAD", ["metrics"]) => ("metrics", None),
        ("GET" | "HEAD", ["api", "sync", of, ..]) => ("read", run(of)),
        ("GET" | "HEAD", ["api", ..]) => ("read", None),
        ("GET" | "HEAD", _) => ("page", None),
        _ => ("another method or path", None),
    }
}

/// Lines of one kind.
#[derive(Debug)]
struct Quota {
    kind: Kind,
    window: Mutex<Window>,
}

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
    fn room(&mut self, lines_max: u32, now: Instant) -> Room {
        if self.began.is_none_or(|began| now.duration_since(began) >= WINDOW) {
            // What was left out before is said by whoever waits for it.
            (self.began, self.lines) = (Some(now), 0);
        }
        if self.lines < lines_max {
            self.lines += 1;
            return Room::Line;
        }
        self.left_out += 1;
        if self.left_out == 1 { Room::None } else { Room::NoneAny }
    }
}

impl Quota {
    fn new(kind: Kind) -> Self {
        Self { kind, window: Mutex::default() }
    }

    fn has_room(self: &Arc<Self>) -> bool {
        let room = self.window().room(self.kind.lines_max, Instant::now());
        if room == Room::None {
            let quota = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(WINDOW).await;
                quota.say_left_out();
            });
        }
        room == Room::Line
    }

    fn say_left_out(&self) {
        let what = self.kind.what;
        let left_out = std::mem::take(&mut self.window().left_out);
        if left_out > 0 {
            warn!(target: "audit", "audit: {left_out} more {what} are not logged one by one");
        }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_few_lines_and_a_number() {
        let mut window = Window::default();
        let start = Instant::now();

        let rooms: Vec<_> = (0..1_000).map(|_| window.room(20, start)).collect();

        assert_eq!(rooms.iter().filter(|room| **room == Room::Line).count(), 20);
        assert_eq!(rooms.iter().filter(|room| **room == Room::None).count(), 1);
        assert_eq!(window.left_out, 980);
        assert_eq!(window.room(20, start + WINDOW), Room::Line);
        assert_eq!(window.left_out, 980);
    }

    #[test]
    fn an_action_is_told_in_words_of_ours() {
        let cases = [
            ("POST", "/api/sync/nightly-7/cancel", "cancel", Some("nightly-7")),
            ("POST", "/api/sync/%0a/cancel", "cancel", None),
            ("POST", "/api/sync/start", "start", None),
            ("PUT", "/api/files/exports/accounts.csv", "upload", None),
            ("GET", "/api/files/exports%2Faccounts.csv/preview", "read", None),
            ("POST", "/api/mappings", "mapping", None),
            ("POST", "/api/checks", "check", None),
            ("DELETE", "/api/checks/%0a", "stop a check", None),
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
