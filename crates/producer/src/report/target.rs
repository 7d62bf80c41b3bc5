//! Who is to deliver a run: what a person asks for, and what a run waits for.

use clap::Args;
use job_queue::{Ledger, Target, Wanted};
use serde::Serialize;
use service::few;

use crate::{import::error::SyncError, report::status::Status};

/// Who is to deliver the runs that are started; without any of it the consumers that are alive, when
/// all of them do the same.
#[derive(Clone, Debug, Default, Args)]
pub struct TargetArgs {
    /// Only consumers of this object deliver the run.
    #[arg(long, env = "SALESFORCE_OBJECT", value_name = "NAME")]
    pub object: Option<String>,

    /// Only consumers that do this with rows deliver it [default: upsert, when an object is given].
    #[arg(long, env = "SALESFORCE_OPERATION", value_name = "OPERATION", value_parser = ["upsert", "insert", "update", "delete"])]
    pub operation: Option<String>,

    /// Only consumers that find records by this field deliver it.
    #[arg(long, env = "SALESFORCE_EXTERNAL_ID", value_name = "FIELD")]
    pub external_id: Option<String>,

    /// Only consumers of this target deliver it, whatever the other settings say: its id, or how
    /// that begins. `producer show` and a start that is not clear name them.
    #[arg(long, value_name = "ID", value_parser = target_id)]
    pub target: Option<String>,
}

impl TargetArgs {
    /// The same as a question to the living consumers.
    pub(crate) fn wanted(&self) -> Wanted {
        if let Some(id) = &self.target {
            return Wanted { id: Some(id.clone()), ..Wanted::default() };
        }
        let usual = self.object.as_ref().map(|_| "upsert".to_owned());
        let operation = self.operation.clone().or(usual);
        // Settings are shared with consumers, and an insert finds no record, whatever they say.
        let finds = operation.as_deref() != Some("insert");
        let external_id = self.external_id.clone().filter(|_| finds);
        Wanted { id: None, object: self.object.clone(), operation, external_id }
    }
}

/// As much of a target's id as tells it from others.
pub(crate) fn target_id(text: &str) -> Result<String, String> {
    let id = text.to_ascii_lowercase();
    let is_hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_hex && (4..=12).contains(&id.len()) {
        true => Ok(id),
        false => {
            Err("not the id of a target; these have 12 hexadecimal digits, of which the first \
                      4 or more will do"
                .to_owned())
        }
    }
}

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

/// The target that a person named, for a run that begins or goes on: one of a living consumer, or
/// the run's own. A run for an id that nobody has would wait for ever.
pub(crate) fn find(id: &str, living: &[Target], own: Option<&Target>) -> Result<Target, SyncError> {
    let mut known: Vec<&Target> = living.iter().chain(own).collect();
    known.sort();
    known.dedup();
    let fitting: Vec<&Target> =
        known.iter().copied().filter(|target| target.id().starts_with(id)).collect();
    match fitting[..] {
        [target] => Ok(target.clone()),
        [] => Err(no_such(id, &known)),
        _ => {
            let how = "--target and more of its id";
            Err(SyncError::SeveralTargets { how, known: list(fitting) })
        }
    }
}

fn no_such(id: &str, known: &[&Target]) -> SyncError {
    // Both look alike.
    let of_mapping = known.iter().find(|target| target.mapping.starts_with(id));
    let hint = of_mapping
        .map(|target| format!(" ({id} is how the mapping of target {} begins)", target.id()));
    let known = match known {
        [] => "none; start a consumer first: make consumer".to_owned(),
        known => list(known.iter().copied()),
    };
    SyncError::NoSuchTarget { id: id.to_owned(), hint: hint.unwrap_or_default(), known }
}

/// Consumers of all of these could deliver a run that begins.
pub(crate) fn several(targets: &[Target]) -> SyncError {
    let asked_for = |target: &Target| {
        (target.object.clone(), target.operation.clone(), target.external_id.clone())
    };
    let mut kinds: Vec<_> = targets.iter().map(asked_for).collect();
    kinds.sort();
    kinds.dedup();
    let how = match kinds.len() == targets.len() {
        true => "--object, --operation and --external-id, or by --target and its id",
        false => "--target and its id",
    };
    SyncError::SeveralTargets { how, known: list(targets) }
}

/// Targets with their ids, in words.
fn list<'a>(targets: impl IntoIterator<Item = &'a Target>) -> String {
    few(targets.into_iter().map(|target| format!("target {}: {target}", target.id())), "; ")
}

/// Why nothing of a run is delivered at this moment, by the targets of the consumers that are alive;
/// nothing when somebody delivers it, or when it waits for something else.
pub(crate) fn waiting_for(ledger: &Ledger, living: &[Target]) -> Option<String> {
    match Status::of(ledger) {
        Status::Feeding | Status::Waiting | Status::Draining => {}
        Status::Queued | Status::Interrupted if ledger.batches_queued > 0 => {}
        _ => return None,
    }
    if living.is_empty() {
        return Some(NO_CONSUMER.to_owned());
    }
    let Some(target) = &ledger.target else {
        let fits = living.iter().any(|target| ledger.wanted.fits(target));
        return (!fits).then(|| nobody_fits(&in_words(&ledger.wanted), living));
    };
    if living.contains(target) {
        return None;
    }
    let others: Vec<&Target> =
        living.iter().filter(|other| target.differs_in_mapping_only(other)).collect();
    if others.is_empty() {
        return Some(nobody_fits(&target.to_string(), living));
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

fn nobody_fits(wanted: &str, living: &[Target]) -> String {
    format!(
        "no consumer that is alive delivers this run, which is for {wanted}; they deliver {}",
        list(living)
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
    use job_queue::{Choice, Held, RunState};

    use super::*;
    use crate::report::sample;

    fn args(object: &str, operation: &str, external_id: &str, target: &str) -> TargetArgs {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        TargetArgs {
            object: given(object),
            operation: given(operation),
            external_id: given(external_id),
            target: given(target),
        }
    }

    fn other_mapping() -> Target {
        Target { mapping: "e3b0c44298fc1c14".to_owned(), ..sample::target() }
    }

    fn leads() -> Target {
        Target { object: "Lead".to_owned(), ..sample::target() }
    }

    #[test]
    fn what_is_not_given_may_be_anything_and_an_object_is_upserted() {
        let contact = sample::target();
        let deletes = Target { operation: "delete".to_owned(), ..sample::target() };
        let inserts =
            Target { operation: "insert".to_owned(), external_id: None, ..sample::target() };
        let living = [contact.clone(), deletes.clone(), inserts.clone()];
        let cases = [
            (args("contact", "", "", ""), Choice::Known(contact.clone())),
            (args("contact", "", "ExternalId__c", ""), Choice::Known(contact.clone())),
            (args("Contact", "", "Other__c", ""), Choice::Open),
            (args("", "delete", "", ""), Choice::Known(deletes.clone())),
            (args("Contact", "insert", "ExternalId__c", ""), Choice::Known(inserts)),
            (args("Lead", "upsert", "", &deletes.id()[..6]), Choice::Known(deletes)),
        ];

        for (args, choice) in cases {
            assert_eq!(args.wanted().choose(&living), choice, "{args:?}");
        }
    }

    #[test]
    fn a_target_is_named_by_the_beginning_of_its_id() {
        assert_eq!(target_id("0A1b"), Ok("0a1b".to_owned()));
        for wrong in ["", "0a1", "0a1g", "0123456789abc"] {
            assert!(target_id(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_run_is_given_the_target_of_a_living_consumer_or_keeps_its_own() {
        let ledger = sample::ledger("nightly");
        let (living, own) = ([leads(), other_mapping()], ledger.target.as_ref());

        assert_eq!(find(&leads().id()[..8], &living, own).unwrap(), leads());
        assert_eq!(find(&sample::target().id(), &living, own).unwrap(), sample::target());
        let unknown = find("0000", &living, own).unwrap_err().to_string();
        assert!(unknown.contains(&format!("{}: {}", leads().id(), leads())), "{unknown}");
    }

    #[test]
    fn a_run_waits_for_consumers_that_fit_and_names_what_is_there() {
        let ledger = sample::ledger("nightly");
        let says = |ledger: &Ledger, living: &[Target]| waiting_for(ledger, living);

        assert_eq!(says(&ledger, &[leads(), sample::target()]), None);
        assert_eq!(says(&ledger, &[]).unwrap(), NO_CONSUMER);
        assert_eq!(
            says(&ledger, &[leads()]).unwrap(),
            format!(
                "no consumer that is alive delivers this run, which is for {}; they deliver target {}: {}",
                sample::target(),
                leads().id(),
                leads()
            )
        );
        assert_eq!(
            says(&ledger, &[leads(), other_mapping()]).unwrap(),
            format!(
                "the run is for mapping 9f86d081884c7d65, and the consumers that are alive have \
                 another: start one with the mapping of before, or go on with another: producer \
                 resume nightly --target {} (mapping e3b0c44298fc1c14)",
                other_mapping().id()
            )
        );
    }

    #[test]
    fn a_run_without_a_target_waits_for_what_it_wants() {
        let wanted = args("Contact", "", "", "").wanted();
        let ledger = Ledger { target: None, wanted, ..sample::ledger("nightly") };

        assert_eq!(waiting_for(&ledger, &[leads(), sample::target()]), None);
        let waits = waiting_for(&ledger, &[leads()]).unwrap();
        assert!(waits.contains("which is for upsert Contact; they deliver"), "{waits}");
        let anything = Ledger { wanted: Wanted::default(), ..ledger };
        assert_eq!(waiting_for(&anything, &[leads()]), None);
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
            assert_eq!(waiting_for(&ledger, &[]).is_some(), waits, "{}", Status::of(&ledger));
        }
    }
}
