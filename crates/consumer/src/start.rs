//! Preflight, and the parts of a consumer, before its first batch.

use std::sync::Arc;

use job_queue::{Queue, Target};
use salesforce::Client;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    commands::{Preflight, WaitLimit, preflight},
    config::Config,
    counters::Counters,
    delivery::{Bulk, BulkAccess, Deliverer, Holds, Lookup, Planner, Rest, Sender},
    plan::PlanCache,
    shutdown::Shutdown,
    throttle::{Bounds, CircuitBreaker, Concurrency, OutagePublisher, Quota, Throttle},
};

/// Calls at once in the whole org, before it is known what it takes.
const START_CALLS: u32 = 4;

/// Connects, compares the settings with the org, and puts the parts together.
pub(crate) async fn start(
    config: &Config,
    shutdown: &CancellationToken,
) -> anyhow::Result<(Queue, Deliverer, Target)> {
    let queue = Queue::connect(&config.queue).await?;
    for warning in queue.settings_warnings().await? {
        warn!("{warning}");
    }
    let (consumer, salesforce) = (&config.consumer, &config.salesforce);
    let client = Client::new(salesforce.connection.clone())?;
    let concurrency = Arc::new(Concurrency::new(Bounds {
        start: START_CALLS,
        max: consumer.salesforce_concurrency_max.get(),
    }));
    concurrency.publish(&queue).await?;
    let reserve = consumer.reserve.salesforce_api_reserve;
    let throttle = Throttle {
        quota: Quota::new(reserve, &client),
        breaker: CircuitBreaker::new(consumer.salesforce_limit_check),
        concurrency: Arc::clone(&concurrency),
    };
    let mut publisher = OutagePublisher::default();
    let preflight = tokio::select! {
        preflight = Box::pin(preflight(&client, salesforce, WaitLimit::None(&throttle))) => preflight?,
        broken = Box::pin(publisher.keep_publishing(&queue, &throttle.breaker)) => match broken? {},
        // Its place among the calls at once, which consumers at work have to leave to it.
        synced = Box::pin(concurrency.keep_in_sync(&queue)) => return Err(synced.expect_err("it never ends").into()),
    };
    publisher.publish(&queue, None).await?;
    preflight.log_warnings();
    log_start(config, &preflight);
    let access = BulkAccess::new(reserve);
    access.update(&client, &queue).await;
    let target = preflight.target;
    let cache = PlanCache::new(preflight.load, target.id());
    let shutdown = Shutdown::after(shutdown);
    let holds = Holds::new(&shutdown.stop);
    let sender = Arc::new(Sender { client, throttle, counters: Counters::default(), shutdown });
    let planner = Arc::new(Planner { sender: Arc::clone(&sender), queue: queue.clone(), cache });
    let rest = Arc::new(Rest { sender: Arc::clone(&sender), planner: Arc::clone(&planner) });
    let bulk = Bulk {
        sender: Arc::clone(&sender),
        planner: Arc::clone(&planner),
        rest: Arc::clone(&rest),
        queue: queue.clone(),
        access,
    };
    let lookup = Lookup { sender: Arc::clone(&sender), planner: Arc::clone(&planner) };
    let (row_retries, deliveries_max) = (consumer.row_retries, consumer.deliveries_max.get());
    let deliverer =
        Deliverer { sender, planner, lookup, rest, bulk, holds, row_retries, deliveries_max };
    Ok((queue, deliverer, target))
}

fn log_start(config: &Config, preflight: &Preflight) {
    let rules = preflight.mapping.rules();
    let by = rules.key.as_ref().map(|key| format!(" by {}", key.field)).unwrap_or_default();
    info!(
        concurrency = config.consumer.concurrency(),
        target = %preflight.target,
        "worker started: {} {}{by} at {}; target {}",
        rules.operation.as_str(),
        rules.describe.name,
        preflight.instance,
        preflight.target.id()
    );
}
