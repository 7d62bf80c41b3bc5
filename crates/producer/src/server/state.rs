//! What all requests share.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::serve_args::ServeArgs,
    import::{
        backpressure::Watermarks, known_loads::KnownLoads, read_settings::ReadSettings,
        run_store::RunStore,
    },
    server::{
        checks::Checks,
        client::Proxies,
        lists::Lists,
        live::{broadcaster::Broadcaster, queue_state::QueueWatch},
        metrics::ServerMetrics,
        middleware::{audit::Audit, auth::Auth},
        org::Org,
        readiness::Readiness,
        shares::Shares,
    },
};

/// Event streams at a time, and of one client.
const STREAMS_MAX: usize = 1_000;
const STREAMS_PER_CLIENT_MAX: usize = 100;

/// Downloads of rejected rows and ids at a time, and of one client.
const DOWNLOADS_MAX: usize = 8;
const DOWNLOADS_PER_CLIENT_MAX: usize = 4;

/// Uploads at a time, and of one client. Each takes 3 MiB of memory, and more for more than
/// 48 GiB.
const UPLOADS_MAX: usize = 2;
const UPLOADS_PER_CLIENT_MAX: usize = 1;

/// Bodies of requests with a large load at a time, and of one client. Each takes its bytes twice.
const LARGE_BODIES_MAX: usize = 4;
const LARGE_BODIES_PER_CLIENT_MAX: usize = 2;

/// Starts at a time. Those that wait for Redis hold the first piece of their file.
pub(crate) const STARTS_MAX: usize = 8;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) runs: RunStore,
    pub(crate) settings: ReadSettings,
    /// Which loads a request may name, and what says the load of one that names none.
    pub(crate) loads: KnownLoads,
    pub(crate) proxies: Proxies,
    pub(crate) auth: Auth,
    pub(crate) audit: Audit,
    pub(crate) queue_watch: Arc<QueueWatch>,
    pub(crate) broadcaster: Broadcaster,
    pub(crate) readiness: Readiness,
    pub(crate) metrics: ServerMetrics,
    /// They have an address of their own, and none on that of the API.
    pub(crate) has_metrics_apart: bool,
    pub(crate) streams: Shares,
    pub(crate) downloads: Shares,
    pub(crate) uploads: Shares,
    pub(crate) large_bodies: Shares,
    /// Of a file that is uploaded; 0 for none.
    pub(crate) upload_bytes_max: u64,
    pub(crate) lists: Lists,
    pub(crate) org: Arc<Org>,
    pub(crate) checks: Checks,
    pub(crate) starts: Arc<Semaphore>,
    pub(crate) stop: CancellationToken,
}

/// What an [`Api`] is made of.
pub(crate) struct Parts {
    pub(crate) runs: RunStore,
    pub(crate) loads: KnownLoads,
    pub(crate) settings: ReadSettings,
    pub(crate) watermarks: Watermarks,
    pub(crate) stop: CancellationToken,
}

impl Api {
    /// The API of a server that listens on `address`.
    pub(crate) fn new(parts: Parts, args: &ServeArgs, address: SocketAddr) -> Self {
        let Parts { runs, loads, settings, watermarks, stop } = parts;
        let (queue, store) = (runs.queue.clone(), runs.store.clone());
        let queue_watch = Arc::new(QueueWatch::new(queue.clone(), watermarks));
        Self {
            proxies: Proxies::new(&args.http),
            audit: Audit::default(),
            auth: Auth::new(address, &args.http_allowed_hosts.0, args.api_token.as_ref()),
            broadcaster: Broadcaster::new(queue.clone(), Arc::clone(&queue_watch), stop.clone()),
            metrics: ServerMetrics::new(&runs, watermarks),
            has_metrics_apart: args.metrics_listen.is_some(),
            readiness: Readiness::new(queue, store),
            streams: Shares::new(STREAMS_MAX, STREAMS_PER_CLIENT_MAX),
            downloads: Shares::new(DOWNLOADS_MAX, DOWNLOADS_PER_CLIENT_MAX),
            uploads: Shares::new(UPLOADS_MAX, UPLOADS_PER_CLIENT_MAX),
            upload_bytes_max: args.upload_bytes_max,
            lists: Lists::default(),
            org: Arc::new(Org::new(&args.salesforce)),
            checks: Checks::default(),
            starts: Arc::new(Semaphore::new(STARTS_MAX)),
            large_bodies: Shares::new(LARGE_BODIES_MAX, LARGE_BODIES_PER_CLIENT_MAX),
            runs,
            loads,
            settings,
            queue_watch,
            stop,
        }
    }
}
