//! A consumer from start to stop.

use std::{
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context;
use job_queue::{Queue, Target};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    commands::check::check,
    commands::count::count,
    commands::preflight::{Patience, Preflight, preflight},
    config::{Cli, Config, SalesforceConfig, Task},
    counters::{Snapshot, Totals},
    delivery::bulk::{self, BulkAccess},
    delivery::{Deliverer, Holds, Limits},
    error::StoppedBy,
    metrics,
    other_runs::tell_of_runs_of_others,
    plan::plan_cache::Plans,
    shutdown::Stopping,
    throttle::api_quota::{Budget, keep_books},
    throttle::circuit_breaker::Gate,
    throttle::concurrency::{Bounds, Window, keep_in_step},
    throttle::outage::Told,
    workers::run_workers,
};
use load::Operation;
use salesforce::{Client, Destination};

/// How often the log says how far it is.
const BETWEEN_REPORTS: Duration = Duration::from_secs(10);

/// Calls at once in the whole org, before it is known what it takes.
const START_CALLS: u32 = 4;

/// After calls were given up, so long may it take to put their batches back.
const PUT_BACK_MAX: Duration = Duration::from_secs(3);

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
        Task::Completions(args) => Ok(service::print_completions::<Cli>(args)?),
        Task::Count(config) => {
            let counted = shutdown.run_until_cancelled(Box::pin(count(&config))).await;
            counted.unwrap_or_else(|| Ok(service::interrupted()))
        }
        Task::Check { salesforce, json, header } => {
            let check = Box::pin(check(&salesforce, json, &header));
            let checked = shutdown.run_until_cancelled(check).await;
            checked.map_or_else(
                || Ok(service::interrupted()),
                |checked| checked.map(|()| ExitCode::SUCCESS),
            )
        }
    }
}

async fn deliver(config: &Config, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let mut beside = JoinSet::new();
    // From the start: a probe must not end a consumer that waits for Salesforce.
    let watched = Arc::new(OnceLock::new());
    if let Some(address) = config.consumer.metrics_listen {
        let server = metrics::listen(address)?;
        beside.spawn(metrics::serve(server, Arc::clone(&watched), CancellationToken::new()));
    }
    let Some(started) = shutdown.run_until_cancelled(start(config, &shutdown)).await else {
        return Ok(ExitCode::SUCCESS);
    };
    let (queue, deliverer, target) = started?;
    let deliverer = Arc::new(deliverer);
    let _first = watched.set(Arc::clone(&deliverer));
    let start = Instant::now();
    beside.spawn(report_regularly(Arc::clone(&deliverer)));
    beside.spawn(keep_in_step(Arc::clone(&deliverer.window), queue.clone()));
    beside.spawn(keep_looking_at_limits(
        Arc::clone(&deliverer),
        config.consumer.salesforce_limit_check,
    ));
    beside.spawn(keep_books_of(Arc::clone(&deliverer), config.consumer.salesforce_limit_check));
    beside.spawn(tell_of_runs_of_others(queue.clone(), target.clone()));
    let workers = deliver_until_stopped(queue.clone(), &deliverer, &target, config).await;
    beside.shutdown().await;
    give_share_back(&deliverer.window, &queue).await;
    let totals = deliverer.totals.snapshot();
    info!(duration_ms = start.elapsed().as_millis(), "worker stopped; {totals}");
    workers.context("the worker broke off")?;
    match deliverer.stopping.take_reason() {
        Some(blocker) => Err(StoppedBy(blocker).into()),
        None => Ok(ExitCode::SUCCESS),
    }
}

async fn start(
    config: &Config,
    shutdown: &CancellationToken,
) -> anyhow::Result<(Queue, Deliverer, Target)> {
    let queue = Queue::connect(&config.queue).await?;
    for warning in queue.settings_warnings().await? {
        warn!("{warning}");
    }
    let salesforce = &config.salesforce;
    let client = Client::new(salesforce.connection.clone())?;
    let gate = Gate::new(config.consumer.salesforce_limit_check);
    let mut told = Told::default();
    let preflight = tokio::select! {
        preflight = preflight(&client, salesforce, Patience::AsLongAsItTakes(&gate)) => preflight?,
        broken = told.keep(&queue, &gate) => match broken? {},
    };
    told.tell(&queue, None).await?;
    preflight.log_warnings();
    let destination = log_start(config, &preflight);
    let target = preflight.target;
    let window = Arc::new(Window::new(Bounds {
        start: START_CALLS,
        max: config.consumer.salesforce_concurrency_max.get(),
    }));
    window.say(&queue).await?;
    let budget = Budget::new(config.consumer.reserve.salesforce_api_reserve, &client);
    let bulk = BulkAccess::new(salesforce.api, config.consumer.reserve.salesforce_api_reserve);
    bulk.look(&client, &queue).await;
    let rules = preflight.mapping.rules();
    let plans = Plans::new(preflight.blueprint, rules, target.id());
    let key = rules.key.as_ref().map(|key| key.field.as_str());
    let (object, rule) = (&rules.describe.name, salesforce.assignment_rule.as_ref());
    let order = bulk::order(salesforce.operation, object, key, rule);
    let stopping = Stopping::after(shutdown);
    let deliverer = Deliverer {
        queue: queue.clone(),
        client,
        destination,
        order,
        bulk,
        plans,
        limits: Limits {
            operation: salesforce.operation,
            call_rows_max: salesforce.call_rows_max,
            row_retries: config.consumer.row_retries,
            deliveries_max: config.consumer.deliveries_max.get(),
        },
        gate,
        window,
        budget,
        totals: Totals::default(),
        holds: Holds::new(&stopping.stop),
        stopping,
    };
    Ok((queue, deliverer, target))
}

fn log_start(config: &Config, preflight: &Preflight) -> Destination {
    let rules = preflight.mapping.rules();
    let (object, key) = (&rules.describe.name, rules.key.as_ref().map(|key| key.field.as_str()));
    let SalesforceConfig { operation, assignment_rule, allow_duplicates, .. } = &config.salesforce;
    let by = key.map(|field| format!(" by {field}")).unwrap_or_default();
    info!(
        concurrency = config.consumer.concurrency(),
        target = %preflight.target,
        "worker started: {} {object}{by} at {}; target {}",
        operation.as_str(),
        preflight.instance,
        preflight.target.id()
    );
    let mut destination = match operation {
        Operation::Upsert => Destination::upsert(object, key.unwrap_or_default()),
        Operation::Insert => Destination::insert(),
        Operation::Update => Destination::update(),
        Operation::Delete => Destination::delete(),
    };
    if let Some(rule) = assignment_rule {
        destination = destination.assigned_by(rule);
    }
    if *allow_duplicates {
        destination = destination.with_duplicates();
    }
    destination
}

/// Calls under way may end after the stop; those that take too long are given up.
async fn deliver_until_stopped(
    queue: Queue,
    deliverer: &Arc<Deliverer>,
    target: &Target,
    config: &Config,
) -> Result<(), apalis::prelude::WorkerError> {
    let Stopping { stop, give_up, .. } = &deliverer.stopping;
    let concurrency = config.consumer.concurrency();
    let mut workers =
        Box::pin(run_workers(queue, Arc::clone(deliverer), target, concurrency, stop.clone()));
    let grace_is_over = async {
        stop.cancelled().await;
        info!("stopping: no more batches are claimed, calls under way end");
        sleep(config.consumer.shutdown_grace).await;
    };
    tokio::select! {
        ended = &mut workers => return ended,
        () = grace_is_over => give_up.cancel(),
    }
    // Batches that cannot be put back, since Redis is away, come back when their leases end.
    timeout(PUT_BACK_MAX, workers).await.unwrap_or(Ok(()))
}

async fn keep_books_of(deliverer: Arc<Deliverer>, check: Duration) {
    let Deliverer { budget, gate, client, queue, .. } = &*deliverer;
    if let Err(error) = keep_books(budget, gate, client, queue, check).await {
        warn!(error = %error, "the day's api calls, and what deliveries wait for, are no longer told");
    }
}

async fn keep_looking_at_limits(deliverer: Arc<Deliverer>, check: Duration) {
    deliverer.bulk.keep_looking(&deliverer.client, &deliverer.queue, check).await;
}

/// The others need not wait until it is clear that this consumer is gone.
async fn give_share_back(window: &Window, queue: &Queue) {
    if let Ok(Err(error)) = timeout(PUT_BACK_MAX, window.leave(queue)).await {
        warn!(error = %error, "the share of calls at once is given back late");
    }
}

async fn report_regularly(deliverer: Arc<Deliverer>) {
    let mut ticks = interval(BETWEEN_REPORTS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = Snapshot::default();
    loop {
        ticks.tick().await;
        let totals = deliverer.totals.snapshot();
        if totals.batches_settled > before.batches_settled {
            let rows = totals.rows_delivered - before.rows_delivered;
            let (calls_at_once, own_calls_at_once) = deliverer.window.limit_and_share();
            info!(
                rows_per_second = rows / BETWEEN_REPORTS.as_secs(),
                calls_at_once, own_calls_at_once, "{totals}"
            );
        }
        before = totals;
    }
}
