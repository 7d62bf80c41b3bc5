//! What a run waits for: a consumer, or one that says what it loads.

use ingest_core::commands::{consumer, producer};
use job_queue::{Ledger, LoadSummary, Queue, QueueError};
use service::few;

use crate::report::run_status::RunStatus;

/// The consumers that are alive, as far as runs depend on them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) consumers: u64,
    /// Where there are none: those that are about to be, once Salesforce has let them in.
    pub(crate) starting: u64,
    /// What they give to runs without a load, each once.
    pub(crate) loads: Vec<LoadSummary>,
}

impl Live {
    /// Those of this moment.
    pub(crate) async fn of(queue: &Queue) -> Result<Self, QueueError> {
        let consumers = queue.live_consumers().await?;
        let starting = if consumers == 0 { queue.starting_consumers().await? } else { 0 };
        let loads = queue.live_loads().await?.into_iter().map(|load| load.summary).collect();
        Ok(Self { consumers, starting, loads })
    }
}

/// Loads in words.
pub(crate) fn list<'a>(loads: impl IntoIterator<Item = &'a LoadSummary>) -> String {
    few(loads.into_iter().map(|load| format!("{load}, mapping {}", load.mapping)), "; ")
}

/// Why no consumer delivers a run now; `None` when one does, or when the run waits for something else.
pub(crate) fn waiting_for(ledger: &Ledger, live: &Live) -> Option<String> {
    match RunStatus::of(ledger) {
        RunStatus::Feeding | RunStatus::Waiting | RunStatus::Draining => {}
        RunStatus::Queued | RunStatus::Interrupted if ledger.batches_queued > 0 => {}
        _ => return None,
    }
    let may_get_one = live.loads.iter().any(LoadSummary::may_be_given_unasked);
    match &ledger.load {
        _ if live.consumers == 0 => Some(no_consumer(live.starting)),
        None if !may_get_one => Some(no_load(ledger, &live.loads)),
        _ => None,
    }
}

fn no_consumer(starting: u64) -> String {
    match starting {
        0 => {
            format!("no consumer is running, so nothing is delivered yet; start one: {}", consumer())
        }
        1 => "a consumer is signing in to salesforce, so nothing is delivered yet; if that lasts, its log \
              says why"
            .to_owned(),
        many => format!(
            "{many} consumers are signing in to salesforce, so nothing is delivered yet; if that lasts, their \
             logs say why"
        ),
    }
}

fn no_load(ledger: &Ledger, loads: &[LoadSummary]) -> String {
    let why = match loads {
        [] => "no consumer that is alive has a default load to give it; start one with \
             SALESFORCE_OBJECT, or"
            .to_owned(),
        given_to_nobody => format!(
            "a default load that inserts or deletes is given to no run of which nobody said it: the \
             consumers have {};",
            few(given_to_nobody.iter().map(ToString::to_string), "; ")
        ),
    };
    format!(
        "the run has no load: its start did not say what rows become, and {why} cancel the run \
         ({} cancel {}) and start it again with --load or --object",
        producer(),
        ledger.run
    )
}

#[cfg(test)]
mod tests {
    use job_queue::{Held, RunState};

    use super::*;
    use crate::report::sample;

    fn live(consumers: u64, loads: &[LoadSummary]) -> Live {
        Live { consumers, starting: 0, loads: loads.to_vec() }
    }

    #[test]
    fn a_consumer_that_waits_for_its_token_is_one_that_runs() {
        let ledger = sample::ledger("nightly");
        let says = |starting| waiting_for(&ledger, &Live { starting, ..live(0, &[]) }).unwrap();

        assert!(says(0).starts_with("no consumer is running"), "{}", says(0));
        assert!(says(1).starts_with("a consumer is signing in to salesforce"), "{}", says(1));
        assert!(says(3).starts_with("3 consumers are signing in"), "{}", says(3));
    }

    #[test]
    fn a_run_waits_for_a_consumer_and_without_a_load_for_one_that_has_one_to_give() {
        let with_load = sample::ledger("nightly");
        let without = Ledger { load: None, ..sample::ledger("nightly") };
        let inserts = LoadSummary { operation: "insert".to_owned(), ..sample::load() };
        let deletes = LoadSummary { operation: "delete".to_owned(), ..sample::load() };
        let cases = [
            (&with_load, live(0, &[]), "no consumer is running"),
            (&with_load, live(1, &[]), ""),
            (&without, live(0, &[]), "no consumer is running"),
            (&without, live(1, &[]), "the run has no load"),
            (&without, live(1, std::slice::from_ref(&deletes)), "the run has no load"),
            (&without, live(1, std::slice::from_ref(&inserts)), "the run has no load"),
            (&without, live(2, &[deletes, sample::leads()]), ""),
        ];

        for (ledger, live, expected) in cases {
            let says = waiting_for(ledger, &live);
            assert_eq!(says.is_some(), !expected.is_empty(), "{live:?}: {says:?}");
            assert!(says.unwrap_or_default().starts_with(expected), "{live:?}");
        }
    }

    #[test]
    fn a_run_without_a_load_is_told_what_would_give_it_one() {
        let without = Ledger { load: None, ..sample::ledger("nightly") };
        let says = |loads: &[LoadSummary]| waiting_for(&without, &live(1, loads)).unwrap();
        let restart = "cancel the run (producer cancel nightly) and start it again with --load or \
                       --object";

        let none = says(&[]);
        assert!(none.contains("start one with SALESFORCE_OBJECT, or cancel the run"), "{none}");
        for operation in ["delete", "hard-delete", "insert"] {
            let load = LoadSummary { operation: operation.to_owned(), ..sample::load() };
            let words = says(std::slice::from_ref(&load));
            assert!(!words.contains("SALESFORCE_OBJECT"), "it would be of no use: {words}");
            assert!(words.contains(&format!("the consumers have {load}; {restart}")), "{words}");
        }
        assert!(none.ends_with(restart), "{none}");
    }

    #[test]
    fn a_run_that_a_consumer_could_not_help_waits_for_none() {
        let interrupted = Ledger { feeder_alive: false, ..sample::ledger("nightly") };
        let held = Held { reason: "because".to_owned(), times: 1 };
        let cases = [
            (Ledger { batches_queued: 0, ..interrupted.clone() }, false),
            (interrupted, true),
            (Ledger { paused: true, ..sample::ledger("nightly") }, false),
            (Ledger { held: Some(held), ..sample::ledger("nightly") }, false),
            (Ledger { state: RunState::Draining, ..sample::ledger("nightly") }, true),
            (Ledger { state: RunState::Failed, ..sample::ledger("nightly") }, false),
            (Ledger { state: RunState::Cancelling, ..sample::ledger("nightly") }, false),
            (sample::completed("nightly"), false),
        ];

        for (ledger, waits) in cases {
            let says = waiting_for(&ledger, &Live::default());
            assert_eq!(says.is_some(), waits, "{}", RunStatus::of(&ledger));
        }
    }
}
