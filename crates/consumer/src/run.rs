//! A consumer from start to stop.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use ingest_core::IngestError;
use job_queue::{Queue, QueueError, RunLoad};
use load::HeaderMismatch;
use salesforce::NoClient;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    commands::{check, count},
    config::{Config, Task},
    counters::Snapshot,
    delivery::Deliverer,
    error::{ConsumerError, StoppedBy},
    metrics::{self, Observed},
    shutdown::Shutdown,
    start::{start, tell_of_refused_sign_in},
    throttle::{Concurrency, keep_in_sync, track_usage},
    workers::run_workers,
};

/// How often the log says how far it is.
const BETWEEN_REPORTS: Duration = Duration::from_secs(10);

/// After calls were cut off, so long may it take to release their batches.
const RELEASE_MAX: Duration = Duration::from_secs(3);

/// Delivers batches until `shutdown`, checks whether it could, or counts what a run left behind.
///
/// # Errors
///
/// At the start, when Redis does not answer within some seconds, or when settings do not fit the org;
/// later, when this consumer is no longer let in. A Salesforce that is away, or whose calls of the
/// day are used up, is waited for, but for a check only some seconds.
pub async fn run(task: Task, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    match task {
        Task::Deliver(config) => deliver(&config, shutdown).await,
        Task::Health { health, metrics_listen } => {
            let asked = health.ask(metrics_listen, "METRICS_LISTEN");
            shutdown.run_until_cancelled(asked).await.unwrap_or_else(|| Ok(service::interrupted()))
        }
        Task::Count(config) => {
            let counted = shutdown.run_until_cancelled(Box::pin(count(&config))).await;
            counted.unwrap_or_else(|| Ok(service::interrupted()))
        }
        Task::Check { salesforce, load, json, header } => {
            let check = Box::pin(check(&salesforce, load.as_deref(), json, &header));
            let checked = shutdown.run_until_cancelled(check).await;
            checked.map_or_else(
                || Ok(service::interrupted()),
                |checked| checked.map(|()| ExitCode::SUCCESS),
            )
        }
    }
}

/// As [`run`], with the exit code 2 for what passes only when a person acts: a restart is of no use.
///
/// # Errors
///
/// Those that may pass by themselves.
pub async fn run_as_program(task: Task, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    Box::pin(run(task, shutdown)).await.or_else(|error| match is_for_a_person(&error) {
        true => Ok(service::failed(&error, service::USAGE)),
        false => Err(error),
    })
}

fn is_for_a_person(error: &anyhow::Error) -> bool {
    error.is::<NoClient>()
        || error.is::<HeaderMismatch>()
        || error.is::<IngestError>()
        || error.downcast_ref().is_some_and(ConsumerError::is_for_a_person)
        || error.downcast_ref().is_some_and(QueueError::is_for_a_person)
        || error.is::<StoppedBy>()
}

async fn deliver(config: &Config, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let mut background = JoinSet::new();
    // From the start: a probe must not end a consumer that waits for Salesforce.
    let observed = Arc::new(Observed::default());
    if let Some(address) = config.consumer.metrics_listen {
        let server = metrics::listen(address)?;
        background.spawn(metrics::serve(server, Arc::clone(&observed), CancellationToken::new()));
    }
    let started = async {
        let queue = Queue::connect(&config.queue).await?;
        observed.connected(&queue);
        let (deliverer, default) = start(config, &queue, &observed.metrics, &shutdown).await?;
        anyhow::Ok((queue, deliverer, default))
    };
    let Some(started) = shutdown.run_until_cancelled(Box::pin(started)).await else {
        return Ok(ExitCode::SUCCESS);
    };
    let (queue, deliverer, default) = started?;
    let deliverer = Arc::new(deliverer);
    observed.ready(&deliverer);
    let concurrency = Arc::clone(&deliverer.sender.throttle.concurrency);
    let start = Instant::now();
    background.spawn(report_regularly(Arc::clone(&deliverer)));
    background.spawn(keep_in_sync(Arc::clone(&concurrency), queue.clone()));
    let limit_check = config.consumer.salesforce_limit_check;
    background.spawn(keep_updating_limits(Arc::clone(&deliverer), limit_check));
    background.spawn(track_usage_of(Arc::clone(&deliverer), limit_check));
    let workers = deliver_until_stopped(queue.clone(), &deliverer, default.as_ref(), config).await;
    background.shutdown().await;
    deregister(&concurrency, &queue).await;
    let counters = deliverer.sender.counters.snapshot(queue.metrics());
    info!(duration_ms = start.elapsed().as_millis(), "worker stopped; {counters}");
    workers.context("the worker broke off")?;
    match deliverer.sender.shutdown.take_reason() {
        Some(blocker) => {
            let stopped = StoppedBy(blocker);
            tell_of_refused_sign_in(&queue, &stopped.to_string()).await;
            Err(stopped.into())
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Calls in flight may end after the stop; those that take too long are cut off.
async fn deliver_until_stopped(
    queue: Queue,
    deliverer: &Arc<Deliverer>,
    default: Option<&RunLoad>,
    config: &Config,
) -> Result<(), apalis::prelude::WorkerError> {
    let Shutdown { stop, force, .. } = &deliverer.sender.shutdown;
    let workers = run_workers(queue, Arc::clone(deliverer), default, stop.clone());
    let mut workers = Box::pin(workers);
    let grace_is_over = async {
        stop.cancelled().await;
        info!("stopping: no more batches are claimed, calls in flight end");
        sleep(config.consumer.shutdown_grace).await;
    };
    tokio::select! {
        ended = &mut workers => return ended,
        () = grace_is_over => force.cancel(),
    }
    // Batches that cannot be released, since Redis is away, come back when their leases end.
    timeout(RELEASE_MAX, workers).await.unwrap_or(Ok(()))
}

async fn track_usage_of(deliverer: Arc<Deliverer>, check: Duration) {
    let (sender, queue) = (&deliverer.sender, &deliverer.planner.queue);
    let (quota, breaker) = (&sender.throttle.quota, &sender.throttle.breaker);
    if let Err(error) = track_usage(quota, breaker, &sender.client, queue, check).await {
        warn!(error = %error, "could not publish api usage and outages; they are no longer shown");
    }
}

async fn keep_updating_limits(deliverer: Arc<Deliverer>, check: Duration) {
    let (client, queue) = (&deliverer.sender.client, &deliverer.planner.queue);
    deliverer.bulk.access.keep_updating(client, queue, check).await;
}

/// The other consumers need not wait until the heartbeat of this one is missed.
async fn deregister(concurrency: &Concurrency, queue: &Queue) {
    if let Ok(Err(error)) = timeout(RELEASE_MAX, concurrency.deregister(queue)).await {
        warn!(error = %error, "could not deregister; the share of calls is free when it expires");
    }
}

async fn report_regularly(deliverer: Arc<Deliverer>) {
    let mut ticks = interval(BETWEEN_REPORTS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = Snapshot::default();
    loop {
        ticks.tick().await;
        let counters = deliverer.sender.counters.snapshot(deliverer.planner.queue.metrics());
        if counters.batches_settled > before.batches_settled {
            let rows = counters.rows_delivered - before.rows_delivered;
            let (calls_at_once, own_calls_at_once) =
                deliverer.sender.throttle.concurrency.limit_and_share();
            info!(
                rows_per_second = rows / BETWEEN_REPORTS.as_secs(),
                calls_at_once, own_calls_at_once, "{counters}"
            );
        }
        before = counters;
    }
}
