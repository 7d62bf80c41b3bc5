//! Which target a run is for: the one that a person named, or the only one that fits.

use job_queue::Target;

use crate::{import::error::SyncError, report::target::list};

/// The target that a person named: one of a live consumer, or the run's own. A run for an unknown
/// id would wait for ever.
pub(crate) fn find(id: &str, live: &[Target], own: Option<&Target>) -> Result<Target, SyncError> {
    let mut known: Vec<&Target> = live.iter().chain(own).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_run_is_given_the_target_of_a_living_consumer_or_keeps_its_own() {
        let ledger = sample::ledger("nightly");
        let (live, own) = ([sample::leads(), sample::other_mapping()], ledger.target.as_ref());

        assert_eq!(find(&sample::leads().id()[..8], &live, own).unwrap(), sample::leads());
        assert_eq!(find(&sample::target().id(), &live, own).unwrap(), sample::target());
        let unknown = find("0000", &live, own).unwrap_err().to_string();
        assert!(
            unknown.contains(&format!("{}: {}", sample::leads().id(), sample::leads())),
            "{unknown}"
        );
    }
}
