//! Runs for other consumers: this one passes them by, and logs that once each.

use std::{collections::HashSet, time::Duration};

use ingest_core::RunId;
use job_queue::{Queue, QueueError, Target, Wanted};
use tokio::time::sleep;
use tracing::{info, warn};

/// A consumer that fits no run says so soon after its start.
const FIRST_CHECK: Duration = Duration::from_secs(1);

/// How often to check for new ones.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Checks for runs of others, for as long as this future lives.
pub(crate) async fn log_runs_of_others(queue: Queue, target: Target) {
    if let Err(error) = check_for_ever(&queue, &target).await {
        warn!(error = %error, "could not read the runs of others; they are no longer logged");
    }
}

async fn check_for_ever(queue: &Queue, target: &Target) -> Result<(), QueueError> {
    let mut logged = HashSet::new();
    sleep(FIRST_CHECK).await;
    loop {
        for (run, theirs) in unlogged(&mut logged, queue.runs_of_others(target).await?) {
            match theirs {
                Some(theirs) if theirs.differs_in_mapping_only(target) => warn!(
                    run.id = %run,
                    "passes by run {run}: it is for {theirs}, and the mapping here is {}; if the \
                     rest of it is to go by this one: producer resume {run} --target {}",
                    target.mapping,
                    target.id()
                ),
                Some(theirs) => info!(run.id = %run, "passes by run {run}: it is for {theirs}"),
                None => {
                    let ledger = queue.ledger(&run).await?;
                    let wanted = ledger.map(|ledger| ledger.wanted).unwrap_or_default();
                    info!(run.id = %run, "passes by run {run}: it is for {}", in_words(&wanted));
                }
            }
        }
        sleep(CHECK_INTERVAL).await;
    }
}

/// Those that were not logged before. Runs that are gone are forgotten.
fn unlogged<T>(logged: &mut HashSet<RunId>, runs: Vec<(RunId, T)>) -> Vec<(RunId, T)> {
    let there: HashSet<&RunId> = runs.iter().map(|(run, _)| run).collect();
    logged.retain(|run| there.contains(run));
    runs.into_iter().filter(|(run, _)| logged.insert(run.clone())).collect()
}

/// What a run asks of the consumer that is to deliver it. One that asks for nothing is passed by only
/// where it would be deleted.
fn in_words(wanted: &Wanted) -> String {
    let Wanted { id, object, operation, external_id } = wanted;
    let parts = [
        operation.clone(),
        object.clone(),
        external_id.as_ref().map(|field| format!("by {field}")),
        id.as_ref().map(|id| format!("target {id}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "anything but a delete".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_logged_once_for_as_long_as_it_is_there() {
        let mut logged = HashSet::new();
        let mut look = |runs: &[&str]| {
            let runs = runs.iter().map(|run| (run.parse().unwrap(), ())).collect();
            let news = unlogged(&mut logged, runs).into_iter();
            news.map(|(run, ())| run.to_string()).collect::<Vec<_>>()
        };

        assert_eq!(look(&["a", "b"]), ["a", "b"]);
        assert_eq!(look(&["a", "b", "c"]), ["c"]);
        assert_eq!(look(&[]), [""; 0]);
        assert_eq!(look(&["b"]), ["b"]);
        assert_eq!(logged.len(), 1, "what is gone is forgotten");
    }

    #[test]
    fn what_a_run_asks_for_is_said_in_words() {
        let wanted = |object: Option<&str>, operation: Option<&str>, id: Option<&str>| {
            let text = |text: Option<&str>| text.map(str::to_owned);
            let (object, operation, id) = (text(object), text(operation), text(id));
            in_words(&Wanted { id, object, operation, external_id: text(Some("Key__c")) })
        };

        assert_eq!(wanted(Some("Lead"), Some("update"), None), "update Lead by Key__c");
        assert_eq!(wanted(None, None, Some("1a2b3c")), "by Key__c target 1a2b3c");
        assert_eq!(in_words(&Wanted::default()), "anything but a delete");
    }
}
