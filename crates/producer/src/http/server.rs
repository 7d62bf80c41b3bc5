//! Connections: how many, how patient, and how they end.

use std::{io, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// Connections at a time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 2_048;

/// How long a client may take for the head of a request, an idle connection included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Of a request's head, and of what is buffered for a client that reads slowly.
const BUFFER_BYTES_MAX: usize = 32 << 10;

/// Answers requests until `stop`; then no new connection is accepted, requests
/// under way are answered, and connections that take longer than `grace` are cut.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: &CancellationToken,
    grace: Duration,
) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let cut = CancellationToken::new();
    while let Some(stream) = stop.run_until_cancelled(accept(&listener)).await {
        let place = stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await;
        let Some(place) = place else { break };
        let (router, stop, cut) = (router.clone(), stop.clone(), cut.clone());
        connections.spawn(async move {
            cut.run_until_cancelled(converse(stream, router, &stop)).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    if timeout(grace, connections.wait()).await.is_err() {
        cut.cancel();
        connections.wait().await;
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                if !is_of_one_connection(&error) {
                    // Out of file descriptors, say: it passes when connections end.
                    tracing::warn!(error = %error, "could not accept a connection");
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The requests of one connection, one after the other.
async fn converse(stream: TcpStream, router: Router, stop: &CancellationToken) {
    // Events are small and must not wait for more.
    let _as_it_is = stream.set_nodelay(true);
    let service = router.map_request(|request: Request<Incoming>| request.map(Body::new));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // A client that went away is no news.
        _ended = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ended = connection.await;
}
