//! The HTTP server of every program: how many connections, how patient, and how they end.
//!
//! ```text
//! accept ──▶ a place (of all, of the peer) ──▶ head ──▶ router ──▶ answer, written in time
//! ```
//!
//! When there is no place left, the connection that has waited longest for its client gives up its
//! own: half a request, an idle connection and an answer that nobody reads keep nobody out.

mod limits;
mod places;
mod stream;
mod tracked;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

pub use self::limits::HttpLimits;
use self::{
    places::{Place, Places, Taken},
    stream::PacedStream,
    tracked::{request_body, response_body},
};
use crate::descriptors::{connections_of, raise_descriptor_limit};

/// How long a client may take for the head of a request, the time without any included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Of a request's head, and of what is buffered for a client that reads slowly.
const BUFFER_BYTES_MAX: usize = 16 << 10;

/// What the kernel keeps for a client that reads slowly. Left to itself it keeps megabytes, which
/// count as this process's. A reader that takes less than a third of it in the time for writing
/// makes no progress.
const SEND_BUFFER_BYTES: u32 = 256 << 10;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// How soon it is looked again for a place, when none is free.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// An address that is listened on.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    limits: HttpLimits,
}

impl HttpServer {
    /// Takes the address; `limits` becomes what the files that may be open allow.
    ///
    /// # Errors
    ///
    /// When the address is taken, or not this machine's.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn bind(address: SocketAddr, limits: HttpLimits) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let connections_max = connections_of(raise_descriptor_limit(), limits.connections_max);
        Ok(Self { listener, limits: HttpLimits { connections_max, ..limits } })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until `stop`; then no new connection is accepted, requests under way are
    /// answered, and connections that take longer than `grace` are cut. Handlers find the peer as
    /// `ConnectInfo<SocketAddr>`.
    pub async fn serve(self, router: Router, stop: &CancellationToken, grace: Duration) {
        let Self { listener, limits } = self;
        let write_timeout = limits.write_timeout;
        let connections = TaskTracker::new();
        let places = Arc::new(Places::new(limits));
        let cut = CancellationToken::new();
        while let Some((stream, peer)) = stop.run_until_cancelled(accept(&listener)).await {
            let place = match stop.run_until_cancelled(place_for(&places, peer)).await {
                Some(Some(place)) => place,
                Some(None) => continue,
                None => break,
            };
            let (router, stop, cut) = (router.clone(), stop.clone(), cut.clone());
            connections.spawn(async move {
                let given_up = place.given_up();
                let conversation = converse(stream, peer, &place, router, &stop, write_timeout);
                tokio::select! {
                    () = conversation => {}
                    () = cut.cancelled() => {}
                    () = given_up.cancelled() => {}
                }
            });
        }
        drop(listener);
        connections.close();
        if timeout(grace, connections.wait()).await.is_err() {
            cut.cancel();
            connections.wait().await;
        }
    }
}

/// `None` when the peer has all that it may have.
async fn place_for(places: &Arc<Places>, peer: SocketAddr) -> Option<Place> {
    loop {
        match places.take(peer.ip()) {
            Taken::Place(place) => return Some(place),
            Taken::TooManyOfPeer => return None,
            Taken::Full => sleep(LOOK_AGAIN).await,
        }
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
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
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    place: &Place,
    router: Router,
    stop: &CancellationToken,
    write_timeout: Duration,
) {
    // Events are small and must not wait for more.
    let _as_it_is = stream.set_nodelay(true);
    let (state, answered) = (place.state(), place.state());
    let stream = PacedStream::new(stream, write_timeout, place.state());
    let service = router
        .map_request(move |request: Request<Incoming>| {
            state.works();
            let mut request = request.map(|body| request_body(body, &state));
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        })
        .map_response(move |response: axum::response::Response| {
            response.map(|body| response_body(body, &answered))
        });
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
