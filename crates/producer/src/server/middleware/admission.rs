//! Lets a request in or refuses it, logs what it asked for, and limits how long its answer may take.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::server::{error::ApiError, middleware::audit::Asked, state::Api};

/// Timeout until an answer begins. Commands in a terminal wait out an unreachable Redis; here a
/// person waits.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);

pub(crate) async fn admitted(
    State(api): State<Arc<Api>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = api.proxies.client(peer, request.headers());
    let asked = api.audit.asked(&request, &client);
    request.extensions_mut().insert(client);
    match api.auth.check(request.uri(), request.headers()) {
        Ok(()) if asked.changes() => seen_through(asked, next, request).await,
        Ok(()) => asked.answered(next.run(request).await),
        Err(problem) => asked.answered(problem.into_response()),
    }
}

/// Runs to its end even if the caller disconnects: the command may have been executed, and the log
/// has to say so.
async fn seen_through(asked: Asked, next: Next, request: Request) -> Response {
    let answer = tokio::spawn(async move { asked.answered(next.run(request).await) });
    answer.await.unwrap_or_else(|panicked| {
        tracing::error!("a request could not be answered: {panicked}");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "see the log of the server")
            .into_response()
    })
}

/// The body of an answer, such as a stream of events, may take longer.
pub(crate) async fn answered_in_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await.unwrap_or_else(|_elapsed| {
        ApiError::unavailable("redis or the blob storage does not answer; try again")
            .into_response()
    })
}
