//! `producer serve`: the HTTP API, the page, and the runs that are started there.

use std::{io, net::SocketAddr, num::NonZero, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use apalis::prelude::WorkerError;
use blob_store::BlobStore;
use load::LoadSettings;
use secrecy::ExposeSecret;
use service::{HttpLimits, HttpServer};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::connect::connect;
use crate::{
    cli::{invalid_setting::InvalidSetting, serve_args::ServeArgs},
    import::{
        backpressure::Watermarks,
        known_loads::KnownLoads,
        metrics::{ImportMetrics, StartedBy},
        places::Places,
        read_settings::ReadSettings,
        run_store::RunStore,
        source::Transfer,
    },
    org::Precheck,
    server::{
        lines_sweeper::sweep_lines,
        middleware::auth::is_public,
        router,
        state::{Api, Parts},
        worker::{ImportWorker, run_worker},
    },
};

/// Fewer can be tried out from elsewhere.
const TOKEN_CHARS_MIN: usize = 16;

/// Serves until `shutdown`.
pub(super) async fn run(args: ServeArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    service::init_logging(io::stderr);
    let (watermarks, settings, store) = checked(&args)?;
    let loads = KnownLoads::read(&args.loads)?;
    loads.warn_of_what_has_no_effect(&LoadSettings::default());
    let Some(queue) = connect(&args.queue, &shutdown).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let server = HttpServer::bind(args.http_listen, args.http.limits())
        .with_context(|| format!("could not listen on {} (HTTP_LISTEN)", args.http_listen))?;
    let metrics_server = metrics_server(args.metrics_listen)?;
    let address = server.address()?;
    let runs = RunStore {
        store,
        queue,
        transfer: transfer(args.import_concurrency),
        keep: args.guards.run_keep,
        precheck: Precheck::new(&args.salesforce),
        started_by: StartedBy::Api,
        metrics: ImportMetrics::default(),
    };
    let worker = Arc::new(ImportWorker {
        runs: runs.clone(),
        watermarks,
        places: Places::new(args.import_concurrency as usize),
        shutdown: shutdown.clone(),
    });
    let lines_sweeper = sweep_lines(runs.clone(), shutdown.clone());
    // Whoever asks the server waits for an answer; its own work waits for Redis.
    let runs = RunStore { queue: runs.queue.for_a_person(), ..runs };
    let parts = Parts { runs, loads, settings, watermarks, stop: shutdown.clone() };
    let api = Arc::new(Api::new(parts, &args, address));
    say_where(address, args.api_token.is_some());
    let grace = args.http_shutdown_grace;
    let metrics_router = router::metrics_router(Arc::clone(&api));
    let metrics = async {
        if let Some(server) = metrics_server {
            server.serve(metrics_router, &shutdown, grace).await;
        }
    };
    let imports = run_worker(worker);
    let imports = import_until_stopped(imports, &shutdown, grace);
    let serving = server.serve(router::router(api), &shutdown, grace);
    let (imported, (), (), ()) = tokio::join!(imports, serving, metrics, lines_sweeper);
    imported.context("the worker broke off")?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

fn metrics_server(listen: Option<SocketAddr>) -> anyhow::Result<Option<HttpServer>> {
    let Some(address) = listen else { return Ok(None) };
    let server = HttpServer::bind(address, HttpLimits::of_metrics()).with_context(|| {
        format!(
            "could not listen on {address} for health and metrics; choose another METRICS_LISTEN"
        )
    })?;
    info!("health and metrics at http://{}/metrics", server.address()?);
    Ok(Some(server))
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
    check_token(args)?;
    let watermarks = Watermarks::new(&args.watermarks)?;
    let settings = ReadSettings::new(&args.read)?.with_rejects_max(args.guards.reject_limit());
    let store = BlobStore::connect(&args.blob)
        .map_err(|error| InvalidSetting(service::with_causes(&error)))?;
    Ok((watermarks, settings, store))
}

/// Not for clap to say: it repeats what it refuses.
fn check_token(args: &ServeArgs) -> Result<(), InvalidSetting> {
    let listen = args.http_listen;
    let public = args.http_allowed_hosts.0.iter().find(|name| is_public(name));
    let is_open = !listen.ip().is_loopback() || public.is_some();
    let Some(token) = &args.api_token else {
        return match public {
            _ if !listen.ip().is_loopback() => Err(InvalidSetting(format!(
                "HTTP_LISTEN={listen} can be reached from other machines: set API_TOKEN, or listen \
                 on 127.0.0.1:{}",
                listen.port()
            ))),
            Some(name) => Err(InvalidSetting(format!(
                "HTTP_ALLOWED_HOSTS={name:?} opens the API to whoever can reach that name: set \
                 API_TOKEN, or leave the name out"
            ))),
            None => Ok(()),
        };
    };
    let token = token.expose_secret();
    if !fits_a_header(token) {
        let problem = "API_TOKEN must be one or more visible characters of ASCII";
        return Err(InvalidSetting(problem.to_owned()));
    }
    if is_open && token.len() < TOKEN_CHARS_MIN {
        return Err(InvalidSetting(format!(
            "API_TOKEN has fewer than {TOKEN_CHARS_MIN} characters, and other machines can try \
             them: take what `openssl rand -hex 24` prints"
        )));
    }
    Ok(())
}

fn fits_a_header(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// For people, and for programs that asked for any free port.
fn say_where(address: SocketAddr, wants_token: bool) {
    let who = match wants_token {
        true => "every call of the API wants the API_TOKEN",
        false => "no token is wanted, and only this machine is answered",
    };
    service::say(&format!(
        "listening on http://{address}; the page is at http://{address}/batch-sync; {who}"
    ));
}
