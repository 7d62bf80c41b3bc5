//! `producer serve`: the HTTP API, the page, and the runs that are started there.

use std::{
    io::{self, Write},
    net::SocketAddr,
    num::NonZero,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use apalis::prelude::WorkerError;
use blob_store::BlobStore;
use job_queue::Queue;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    ServeArgs,
    error::InvalidSetting,
    http::{self, Api, Parts},
    imports::{Importer, run_imports},
    late_rejects::write_late_rejects,
    places::Places,
    read_settings::ReadSettings,
    run::rejects_max,
    source::Transfer,
    start::Start,
    totals::Totals,
    watermark::Watermarks,
};

/// Serves until `shutdown`.
pub(crate) async fn run(args: ServeArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    service::init_logging(io::stderr);
    let (watermarks, settings, store) = checked(&args)?;
    let queue = Queue::connect(&args.queue).await?;
    for warning in queue.settings_warnings().await? {
        warn!("{warning}");
    }
    let listener = TcpListener::bind(args.http_listen).await;
    let listener = listener
        .with_context(|| format!("could not listen on {} (HTTP_LISTEN)", args.http_listen))?;
    let address = listener.local_addr()?;
    let start = Start {
        store,
        queue,
        transfer: transfer(args.import_concurrency),
        keep: args.guards.run_keep,
    };
    let totals = Arc::new(Totals::default());
    let importer = Arc::new(Importer {
        start: start.clone(),
        watermarks,
        places: Places::new(args.import_concurrency as usize),
        totals: Arc::clone(&totals),
        shutdown: shutdown.clone(),
    });
    let late_rejects = write_late_rejects(start.clone(), shutdown.clone());
    let parts = Parts { start, settings, watermarks, totals, stop: shutdown.clone() };
    let router = http::router(Api::new(parts, &args, address));
    say_where(address);
    let imports = run_imports(importer);
    let imports = import_until_stopped(imports, &shutdown, args.http_shutdown_grace);
    let serving = http::serve(listener, router, &shutdown, args.http_shutdown_grace);
    let (imported, (), ()) = tokio::join!(imports, serving, late_rejects);
    imported.context("the worker broke off")?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// What is not put back in time goes on elsewhere when its lease ends.
async fn import_until_stopped(
    imports: impl Future<Output = Result<(), WorkerError>>,
    shutdown: &CancellationToken,
    grace: Duration,
) -> Result<(), WorkerError> {
    let grace_is_over = async {
        shutdown.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        ended = imports => ended,
        () = grace_is_over => Ok(()),
    }
}

/// How far each import reads ahead: all together take half the memory of `producer sync`, for a
/// server also holds a push of each, and what it shows to hundreds of pages.
fn transfer(imports: u32) -> Transfer {
    let usual = Transfer::default();
    // One chunk is read while one is fetched.
    let all = u64::from(usual.chunk_bytes.get()) * u64::from(usual.window.get() - 1);
    let chunk = u32::try_from(all / (2 * u64::from(imports))).unwrap_or(u32::MAX);
    let chunk_bytes = NonZero::new(chunk).unwrap_or(usual.chunk_bytes).min(usual.chunk_bytes);
    Transfer { window: NonZero::<u32>::MIN, chunk_bytes, ..usual }
}

fn checked(args: &ServeArgs) -> anyhow::Result<(Watermarks, ReadSettings, BlobStore)> {
    if args.api_token.is_none() && !args.http_listen.ip().is_loopback() {
        return Err(InvalidSetting(format!(
            "HTTP_LISTEN={} can be reached from other machines: set API_TOKEN, or listen on \
             127.0.0.1:{}",
            args.http_listen,
            args.http_listen.port()
        ))
        .into());
    }
    // Not for clap to say: it repeats what it refuses.
    if args.api_token.as_ref().is_some_and(|token| !fits_a_header(token.expose_secret())) {
        let problem = "API_TOKEN must be one or more visible characters of ASCII";
        return Err(InvalidSetting(problem.to_owned()).into());
    }
    let watermarks = Watermarks::new(&args.watermarks)?;
    let settings = ReadSettings::new(&args.read)?.with_rejects_max(rejects_max(&args.guards));
    let store = BlobStore::connect(&args.blob)
        .map_err(|error| InvalidSetting(format!("{:#}", anyhow::Error::from(error))))?;
    Ok((watermarks, settings, store))
}

fn fits_a_header(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// For people, and for programs that asked for any free port.
fn say_where(address: SocketAddr) {
    // A closed stderr is no reason not to serve.
    let _closed = writeln!(
        service::stderr(),
        "listening on http://{address}; the page is at http://{address}/batch-sync"
    );
}
