//! How long each request takes.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};

use crate::server::state::Api;

/// Measures until the answer begins.
pub(crate) async fn measured(
    State(api): State<Arc<Api>>,
    request: Request,
    next: Next,
) -> Response {
    let since = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let answer = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    api.metrics.answered(&method, route, answer.status(), since.elapsed());
    answer
}
