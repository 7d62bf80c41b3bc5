//! Which consumers a run waits for.

use job_queue::{Ledger, Target, Wanted};
use serde::Serialize;
use service::few;

use crate::report::run_status::RunStatus;

/// A target as it is shown to programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownTarget {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) target: Target,
}

impl From<Target> for ShownTarget {
    fn from(target: Target) -> Self {
        Self { id: target.id(), target }
    }
}

/// Targets with their ids, in words.
pub(crate) fn list<'a>(targets: impl IntoIterator<Item = &'a Target>) -> String {
    few(targets.into_iter().map(|target| format!("target {}: {target}", target.id())), "; ")
}

/// Why no consumer delivers a run now, given the targets of the live consumers; `None` when one
/// does, or when the run waits for something else.
pub(crate) fn waiting_for(ledger: &Ledger, live: &[Target]) -> Option<String> {
    match RunStatus::of(ledger) {
        RunStatus::Feeding | RunStatus::Waiting | RunStatus::Draining => {}
        RunStatus::Queued | RunStatus::Interrupted if ledger.batches_queued > 0 => {}
        _ => return None,
    }
    if live.is_empty() {
        return Some(NO_CONSUMER.to_owned());
    }
    let Some(target) = &ledger.target else {
        let fits = live.iter().any(|target| ledger.wanted.fits(target));
        return (!fits).then(|| nobody_fits(&in_words(&ledger.wanted), live));
    };
    if live.contains(target) {
        return None;
    }
    let others: Vec<&Target> =
        live.iter().filter(|other| target.differs_in_mapping_only(other)).collect();
    if others.is_empty() {
        return Some(nobody_fits(&target.to_string(), live));
    }
    let (run, mapping) = (&ledger.run, &target.mapping);
    let ways = others.iter().map(|other| {
        format!("producer resume {run} --target {} (mapping {})", other.id(), other.mapping)
    });
    Some(format!(
        "the run is for mapping {mapping}, and the consumers that are alive have another: start one \
         with the mapping of before, or go on with another: {}",
        few(ways, "; ")
    ))
}

const NO_CONSUMER: &str =
    "no consumer is running, so nothing is delivered yet; start one: make consumer";

fn nobody_fits(wanted: &str, live: &[Target]) -> String {
    format!(
        "no consumer that is alive delivers this run, which is for {wanted}; they deliver {}",
        list(live)
    )
}

/// What a run without a target asks for.
pub(crate) fn in_words(wanted: &Wanted) -> String {
    let Wanted { id, object, operation, external_id } = wanted;
    if let Some(id) = id {
        return format!("target {id}");
    }
    let operation = operation.as_deref().unwrap_or("any operation on");
    let object = object.as_deref().unwrap_or("any object");
    let by = external_id.as_ref().map(|field| format!(" by {field}")).unwrap_or_default();
    format!("{operation} {object}{by}")
}

#[cfg(test)]
mod tests {
    use job_queue::{Held, RunState};

    use super::*;
    use crate::{cli::target_args::TargetArgs, report::sample};

    #[test]
    fn a_run_waits_for_consumers_that_fit_and_names_what_is_there() {
        let ledger = sample::ledger("nightly");
        let says = |ledger: &Ledger, live: &[Target]| waiting_for(ledger, live);

        assert_eq!(says(&ledger, &[sample::leads(), sample::target()]), None);
        assert_eq!(says(&ledger, &[]).unwrap(), NO_CONSUMER);
        assert_eq!(
            says(&ledger, &[sample::leads()]).unwrap(),
            format!(
                "no consumer that is alive delivers this run, which is for {}; they deliver target {}: {}",
                sample::target(),
                sample::leads().id(),
                sample::leads()
            )
        );
        assert_eq!(
            says(&ledger, &[sample::leads(), sample::other_mapping()]).unwrap(),
            format!(
                "the run is for mapping 9f86d081884c7d65, and the consumers that are alive have \
                 another: start one with the mapping of before, or go on with another: producer \
                 resume nightly --target {} (mapping e3b0c44298fc1c14)",
                sample::other_mapping().id()
            )
        );
    }

    #[test]
    fn a_run_without_a_target_waits_for_what_it_wants() {
        let wanted = TargetArgs { object: Some("Contact".to_owned()), ..TargetArgs::default() };
        let wanted = wanted.wanted();
        let ledger = Ledger { target: None, wanted, ..sample::ledger("nightly") };

        assert_eq!(waiting_for(&ledger, &[sample::leads(), sample::target()]), None);
        let waits = waiting_for(&ledger, &[sample::leads()]).unwrap();
        assert!(waits.contains("which is for upsert Contact; they deliver"), "{waits}");
        let anything = Ledger { wanted: Wanted::default(), ..ledger };
        assert_eq!(waiting_for(&anything, &[sample::leads()]), None);
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
            assert_eq!(waiting_for(&ledger, &[]).is_some(), waits, "{}", RunStatus::of(&ledger));
        }
    }
}
