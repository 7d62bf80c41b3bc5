//! `GET /api/sync/{run}/events`: a run as it goes on, as server-sent events.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;

use crate::server::{
    client::Client,
    error::ApiError,
    extract::RunOf,
    live::frames::{END, Position, STALE, Snapshot, position},
    shares::Share,
    state::Api,
};

/// Proxies close idle connections.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// When to come back after the connection was lost, and a first sign of life.
const OPENING: Bytes = Bytes::from_static(b"retry: 2000\n\n");
const STILL_HERE: Bytes = Bytes::from_static(b": still here\n\n");

pub(crate) async fn stream(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    RunOf(run): RunOf,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let place_in = api
        .streams
        .take(&client)
        .map_err(|open| ApiError::unavailable(format!("{open} event streams are open already")))?;
    if api.runs.queue.ledger(&run).await?.is_none() {
        return Err(ApiError::no_such_run());
    }
    let last_event_id = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let events = Events {
        snapshots: api.broadcaster.watch(&run),
        seen_tick: 0,
        after: last_event_id.and_then(position),
        ready: VecDeque::from([OPENING]),
        is_over: false,
        heartbeat: heartbeat(),
        stop: api.stop.clone(),
        _open: place_in,
    };
    let frames = stream::unfold(events, |mut events| async {
        events.next().await.map(|frame| (Ok::<_, Infallible>(frame), events))
    });
    let content_type = [(header::CONTENT_TYPE, "text/event-stream")];
    // Some proxies collect an answer before they hand it on.
    let at_once = [("x-accel-buffering", "no")];
    Ok((content_type, at_once, Body::from_stream(frames)).into_response())
}

fn heartbeat() -> Interval {
    let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat
}

/// One stream.
struct Events {
    snapshots: watch::Receiver<Snapshot>,
    /// What was sent of the log lines.
    seen_tick: u64,
    /// What the client had seen before it came.
    after: Option<Position>,
    ready: VecDeque<Bytes>,
    is_over: bool,
    heartbeat: Interval,
    stop: CancellationToken,
    _open: Share,
}

impl Events {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.is_over {
                return None;
            }
            tokio::select! {
                changed = self.snapshots.changed() => match changed {
                    Ok(()) => self.take_snapshot(),
                    Err(_nobody_watches_any_more) => return None,
                },
                // The client comes back, to another server if need be.
                () = self.stop.cancelled() => return None,
                _ = self.heartbeat.tick() => return Some(STILL_HERE),
            }
        }
    }

    fn take_snapshot(&mut self) {
        let snapshot = self.snapshots.borrow_and_update();
        if snapshot.is_stale {
            return self.ready.push_back(STALE);
        }
        let news = snapshot.log.iter().filter(|log| {
            log.tick > self.seen_tick && self.after.is_none_or(|after| log.at > after)
        });
        self.ready.extend(news.map(|log| log.frame.clone()));
        self.ready.push_back(snapshot.run.clone());
        self.seen_tick = snapshot.tick;
        if snapshot.has_ended {
            self.ready.push_back(END);
            self.is_over = true;
        }
        drop(snapshot);
        self.heartbeat.reset();
    }
}
