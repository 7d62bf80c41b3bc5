//! The HTTP API and the page.
//!
//! ```text
//! connection ──▶ security headers ──▶ audit, guard ──▶ time limit ──▶ route
//! ```
//!
//! All routes are in [`router`]; `openapi.json` describes them for callers.

mod audit;
mod client;
mod control;
mod events;
mod files;
mod guard;
mod headers;
mod health;
mod hub;
mod input;
mod lines;
mod lists;
mod metrics;
mod openapi;
mod page;
mod problem;
mod queue;
mod rejects;
mod runs;
mod scene;
mod start;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
    http::StatusCode,
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use job_queue::Wanted;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub(crate) use guard::is_public;

use self::{
    audit::{Asked, Audit},
    client::{Proxies, Shares},
    events::{STREAMS_MAX, STREAMS_PER_CLIENT_MAX},
    guard::Guard,
    health::Readiness,
    hub::Hub,
    input::BODY_BYTES_MAX,
    lists::Lists,
    metrics::SharedFigures,
    problem::Problem,
    queue::QueueWatch,
    rejects::{DOWNLOADS_MAX, DOWNLOADS_PER_CLIENT_MAX},
    start::STARTS_MAX,
};
use crate::{
    ServeArgs, read_settings::ReadSettings, start::Start, totals::Totals, watermark::Watermarks,
};

/// How long anybody waits for an answer to begin. Redis being away is waited out
/// elsewhere; here a person is waiting.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Api {
    start: Start,
    settings: ReadSettings,
    /// Who is to deliver what is started here, unless the start says it.
    wanted: Wanted,
    proxies: Proxies,
    guard: Guard,
    audit: Audit,
    queue_watch: Arc<QueueWatch>,
    hub: Hub,
    readiness: Readiness,
    totals: Arc<Totals>,
    shared_figures: SharedFigures,
    streams: Shares,
    downloads: Shares,
    lists: Lists,
    starts: Arc<Semaphore>,
    stop: CancellationToken,
}

/// What an [`Api`] is made of.
pub(crate) struct Parts {
    pub(crate) start: Start,
    pub(crate) settings: ReadSettings,
    pub(crate) watermarks: Watermarks,
    pub(crate) totals: Arc<Totals>,
    pub(crate) stop: CancellationToken,
}

impl Api {
    /// The API of a server that listens on `address`.
    pub(crate) fn new(parts: Parts, args: &ServeArgs, address: SocketAddr) -> Self {
        let Parts { start, settings, watermarks, totals, stop } = parts;
        let (queue, store) = (start.queue.clone(), start.store.clone());
        let queue_watch = Arc::new(QueueWatch::new(queue.clone(), watermarks));
        Self {
            proxies: Proxies::new(&args.http),
            audit: Audit::default(),
            guard: Guard::new(address, &args.http_allowed_hosts.0, args.api_token.as_ref()),
            hub: Hub::new(queue.clone(), Arc::clone(&queue_watch), stop.clone()),
            readiness: Readiness::new(queue, store),
            shared_figures: SharedFigures::default(),
            streams: Shares::new(STREAMS_MAX, STREAMS_PER_CLIENT_MAX),
            downloads: Shares::new(DOWNLOADS_MAX, DOWNLOADS_PER_CLIENT_MAX),
            lists: Lists::default(),
            starts: Arc::new(Semaphore::new(STARTS_MAX)),
            wanted: args.target.wanted(),
            start,
            settings,
            queue_watch,
            totals,
            stop,
        }
    }
}

/// Health and metrics alone, for a listener of their own: nobody is asked for a token there.
pub(crate) fn metrics_router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .layer(from_fn(headers::with_security_headers))
        .with_state(api)
}

/// Every path of the server.
pub(crate) fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/", get(page::redirect))
        .route("/batch-sync", get(page::index))
        .route("/batch-sync/", get(page::redirect))
        .route("/batch-sync/{name}", get(page::file))
        .route("/api/sync", get(runs::list))
        .route("/api/sync/start", post(start::start))
        .route("/api/sync/{run}", get(runs::show))
        .route("/api/sync/{run}/events", get(events::stream))
        .route("/api/sync/{run}/series", get(runs::series))
        .route("/api/sync/{run}/pause", post(control::pause))
        .route("/api/sync/{run}/resume", post(control::resume))
        .route("/api/sync/{run}/cancel", post(control::cancel))
        .route("/api/sync/{run}/replay", post(start::replay))
        .route("/api/sync/{run}/rejects", get(rejects::download))
        .route("/api/files", get(files::list))
        .route("/api/queue", get(queue::show))
        .route("/api/openapi.json", get(openapi::show))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(answered_in_time))
        .layer(from_fn_with_state(Arc::clone(&api), guarded))
        .layer(from_fn(headers::with_security_headers))
        .with_state(api)
}

async fn guarded(
    State(api): State<Arc<Api>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = api.proxies.client(peer, request.headers());
    let asked = api.audit.asked(&request, &client);
    request.extensions_mut().insert(client);
    match api.guard.check(request.uri(), request.headers()) {
        Ok(()) if asked.changes() => seen_through(asked, next, request).await,
        Ok(()) => asked.answered(next.run(request).await),
        Err(problem) => asked.answered(problem.into_response()),
    }
}

/// Whether the caller waits for the answer or not: what it asked for may be done, and the log says what
/// came of it.
async fn seen_through(asked: Asked, next: Next, request: Request) -> Response {
    let answer = tokio::spawn(async move { asked.answered(next.run(request).await) });
    answer.await.unwrap_or_else(|panicked| {
        tracing::error!("a request could not be answered: {panicked}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "see the log of the server").into_response()
    })
}

/// The body of an answer, such as a stream of events, may take longer.
async fn answered_in_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await.unwrap_or_else(|_elapsed| {
        Problem::unavailable("redis or the blob storage does not answer; try again").into_response()
    })
}

async fn no_such_path() -> Problem {
    Problem::not_found(
        "there is nothing here; the page is at /batch-sync, the API at /api/openapi.json",
    )
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not take this method; the header Allow names those it takes",
    )
}
