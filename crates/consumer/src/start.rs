//! Preflight, and the parts of a consumer, before its first batch.

use std::{sync::Arc, time::Duration};

use job_queue::{OrgClaim, Queue, RunLoad};
use load::DEFAULT_LOAD;
use salesforce::Client;
use service::Metrics;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    commands::{Fitted, SignedIn, WaitLimit, fit, limits, sign_in},
    config::Config,
    counters::Counters,
    delivery::{Bulk, BulkAccess, Deliverer, Holds, Lookup, Planner, Rest, Sender},
    error::ConsumerError,
    plan::{DescribedObjects, PlanCache},
    shutdown::Shutdown,
    throttle::{Bounds, CircuitBreaker, ClaimLimit, Concurrency, OutagePublisher, Quota, Throttle},
};

/// Calls at once in the whole org, before it is known what it takes.
const START_CALLS: u32 = 4;

/// How long Redis may take at the end.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Compares the settings with the org, and puts the parts together; each adds what it measures to
/// `metrics`. The load is that of runs that were started without one.
pub(crate) async fn start(
    config: &Config,
    queue: &Queue,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) -> anyhow::Result<(Deliverer, Option<RunLoad>)> {
    for warning in queue.settings_warnings().await? {
        warn!("{warning}");
    }
    let (consumer, salesforce) = (&config.consumer, &config.salesforce);
    let client = Client::new(salesforce.connection.clone())?;
    let concurrency = Arc::new(Concurrency::new(Bounds {
        start: START_CALLS,
        max: consumer.salesforce_concurrency_max.get(),
    }));
    concurrency.publish(queue).await?;
    let reserve = consumer.reserve.salesforce_api_reserve;
    let throttle = Arc::new(Throttle {
        quota: Quota::new(reserve, &client),
        breaker: CircuitBreaker::new(consumer.salesforce_limit_check),
        concurrency: Arc::clone(&concurrency),
        claims: Arc::new(ClaimLimit::new(consumer.concurrency.get(), Arc::clone(&concurrency))),
    });
    let counters = Counters::default();
    metrics.register(|registry| {
        client.metrics().register(registry);
        throttle.register(registry);
        counters.register(registry);
    });
    let mut publisher = OutagePublisher::default();
    let starting = queue.starting();
    let passed = tokio::select! {
        passed = Box::pin(preflight(&client, queue, config, WaitLimit::None(&throttle))) => passed,
        shown = Box::pin(starting.keep_showing()) => match shown? {},
        broken = Box::pin(publisher.keep_publishing(queue, &throttle.breaker)) => match broken? {},
        // Its place among the calls at once, which consumers at work have to leave to it.
        synced = Box::pin(concurrency.keep_in_sync(queue)) => return Err(synced.expect_err("it never ends").into()),
    };
    // What is not taken back by then expires.
    drop(timeout(LAST_WORD, starting.end()).await);
    let (signed_in, fitted) = match passed {
        Ok(passed) => passed,
        Err(error) => {
            if let Some(ConsumerError::Login(refusal)) = error.downcast_ref() {
                tell_of_refused_sign_in(queue, &refusal.to_string()).await;
            }
            return Err(error);
        }
    };
    publisher.publish(queue, &[]).await?;
    queue.clear_refused_sign_in().await?;
    log_start(config, &signed_in, fitted.as_ref());
    let default = salesforce.load.as_ref().map(|load| RunLoad::new(DEFAULT_LOAD, load));
    if let Some(RunLoad { summary, .. }) = &default {
        if summary.deletes() {
            warn!(
                "{summary} is given to no run: nothing is deleted for somebody who did not say so when \
                 the run was started"
            );
        } else if !summary.may_be_given_unasked() {
            warn!(
                "{summary} is given only to runs that start while this consumer is alive, and whose \
                 start confirms it: rows that are inserted twice are there twice"
            );
        }
    }
    if let [first, rest @ ..] = salesforce.without_effect.as_slice() {
        let names = rest.iter().fold((*first).to_owned(), |names, name| names + ", " + name);
        warn!(
            "{names}: no effect, because SALESFORCE_OBJECT is not set, so this consumer has no default \
             load; set it, or say these settings where runs are started"
        );
    }
    let access = BulkAccess::new(reserve);
    access.update(&client, queue).await;
    let shutdown = Shutdown::after(shutdown);
    let holds = Holds::new(&shutdown.stop);
    let sender = Arc::new(Sender { client, throttle, counters, shutdown });
    let planner = Arc::new(Planner {
        sender: Arc::clone(&sender),
        queue: queue.clone(),
        org: signed_in.org,
        cache: PlanCache::default(),
        objects: DescribedObjects::default(),
    });
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
    Ok((deliverer, default))
}

/// This consumer ends since it is not let in: who looks at the queue learns why.
pub(crate) async fn tell_of_refused_sign_in(queue: &Queue, why: &str) {
    let published = timeout(LAST_WORD, queue.publish_refused_sign_in(why)).await;
    if let Ok(Err(error)) = published {
        warn!(error = %error, "could not publish that this consumer was not let in");
    }
}

/// Signs in, makes sure that the queue is that org's, and compares the default load with it.
async fn preflight(
    client: &Client,
    queue: &Queue,
    config: &Config,
    wait: WaitLimit<'_>,
) -> anyhow::Result<(SignedIn, Option<Fitted>)> {
    let salesforce = &config.salesforce;
    for warning in salesforce.connection.credentials.warnings() {
        warn!("{warning}");
    }
    let signed_in = sign_in(client, wait).await?;
    claim(queue, &signed_in.org, config.consumer.adopt_org).await?;
    let fitted = match &salesforce.load {
        Some(load) => Some(fit(client, load, wait).await?),
        None => None,
    };
    let of_load = fitted.iter().flat_map(|fitted| &fitted.warnings);
    for warning in limits(client).await.warning.iter().chain(of_load) {
        warn!("{warning}");
    }
    Ok((signed_in, fitted))
}

/// Makes sure that all that is queued is meant for this org.
async fn claim(queue: &Queue, org: &str, adopt: bool) -> anyhow::Result<()> {
    let before = if adopt { queue.org().await? } else { None };
    let signed_in = org.to_owned();
    match queue.claim_for_org(org, adopt).await? {
        OrgClaim::Given => {}
        OrgClaim::OfOther { org: queue } => {
            return Err(ConsumerError::QueueOfOtherOrg { queue, signed_in }.into());
        }
        OrgClaim::InUse { org: queue, consumers } => {
            return Err(ConsumerError::QueueInUse { queue, signed_in, consumers }.into());
        }
    }
    match before {
        Some(before) if before != org => warn!(
            "the queue belonged to org {before}; all that is queued goes to org {org} from now on"
        ),
        _ if adopt => warn!(
            "--adopt-org (ADOPT_ORG) had nothing to do; take it away, for with it rows can go to an org \
             that they are not meant for"
        ),
        _ => (),
    }
    Ok(())
}

fn log_start(config: &Config, signed_in: &SignedIn, fitted: Option<&Fitted>) {
    let SignedIn { org, instance } = signed_in;
    let default = match fitted.map(|fitted| fitted.mapping.rules()) {
        None => "no load for runs that were started without one".to_owned(),
        Some(rules) => {
            let by = rules.key.as_ref().map(|key| format!(" by {}", key.field)).unwrap_or_default();
            format!("{} {}{by}", rules.operation.as_str(), rules.describe.name)
        }
    };
    info!(
        batches_max = config.consumer.concurrency,
        org = %org,
        "worker started: {default} at {instance}"
    );
}
