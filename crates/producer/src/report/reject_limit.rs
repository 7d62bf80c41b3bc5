//! Whether a run has more rejected rows than its limit allows.

use job_queue::{Ledger, RunState};
use serde::Deserialize;

use crate::cli::reject_limit::RejectLimit;

/// A share of rejected rows is only meaningful from this many rows on.
const SHARE_ROWS_MIN: u64 = 1_000;

/// What the settings of a run say of its limit.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    rejects_max: Option<RejectLimit>,
}

impl RejectLimit {
    /// The run has more rejected rows than this allows.
    pub(crate) fn is_exceeded(self, ledger: &Ledger) -> bool {
        let rejected = ledger.rejected;
        match self {
            Self::Rows(most) => rejected > most,
            Self::Percent(most) => {
                let with_outcome = rejected + ledger.delivered();
                #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
                let share = rejected as f64 * 100.0 / with_outcome.max(1) as f64;
                with_outcome >= SHARE_ROWS_MIN && share > most
            }
        }
    }

    /// Why the run is stopped, in words for people.
    pub(crate) fn reason(self, ledger: &Ledger) -> String {
        let rows = ledger.rejected;
        let so_many = if rows == 1 { "1 row was".to_owned() } else { format!("{rows} rows were") };
        format!("{so_many} rejected, more than --max-rejects {self} allows")
    }
}

/// That a run has more rejected rows than its limit allows, and what became of that: it may have
/// come too late to stop anything.
pub(crate) fn passed(ledger: &Ledger) -> Option<String> {
    let limit = exceeded(ledger)?;
    let outcome = match ledger.state {
        RunState::Feeding => "reading stops, and what is queued is delivered",
        RunState::Draining | RunState::Completed => {
            "all of the file had been queued by then, and is delivered"
        }
        RunState::Failed => "the run failed",
        RunState::Cancelling | RunState::Cancelled => "the run was cancelled",
    };
    Some(format!("{}; {outcome}", limit.reason(ledger)))
}

/// Why a run has failed that would fail again at once: its limit is still exceeded.
pub(crate) fn that_failed(ledger: &Ledger) -> Option<String> {
    let limit = exceeded(ledger).filter(|_| ledger.state == RunState::Failed)?;
    Some(limit.reason(ledger))
}

fn exceeded(ledger: &Ledger) -> Option<RejectLimit> {
    let limit = serde_json::from_str::<Kept>(&ledger.settings).ok()?.rejects_max?;
    limit.is_exceeded(ledger).then_some(limit)
}

#[cfg(test)]
mod tests {
    use ingest_core::Tally;

    use super::*;
    use crate::report::sample;

    fn ledger(rejected: u64, created: u64) -> Ledger {
        let tally = Tally { created, ..Tally::default() };
        Ledger { rejected, tally, ..sample::ledger("nightly") }
    }

    #[test]
    fn it_is_exceeded_by_one_more_and_a_share_needs_rows_to_go_by() {
        let cases = [
            ("0", 0, 10, false),
            ("0", 1, 0, true),
            ("10", 10, 0, false),
            ("10", 11, 0, true),
            ("5%", 999, 0, false),
            ("5%", 50, 950, false),
            ("5%", 51, 949, true),
        ];

        for (limit, rejected, created, exceeded) in cases {
            let limit: RejectLimit = limit.parse().unwrap();
            assert_eq!(
                limit.is_exceeded(&ledger(rejected, created)),
                exceeded,
                "{limit} {rejected} {created}"
            );
        }
    }
    #[test]
    fn what_became_of_a_limit_that_was_passed_goes_by_where_the_run_stands() {
        let settings = r#"{"delimiter":44,"quote":34,"encoding":"utf-8","recordBytesMax":1048576,
            "batchRows":100,"batchBytesMax":1048576,"rejectsMax":"1"}"#;
        let passed = |state, rejected| {
            let settings = settings.to_owned();
            passed(&Ledger { state, settings, ..ledger(rejected, 0) })
        };
        let outcomes = [
            (RunState::Feeding, "reading stops, and what is queued is delivered"),
            (RunState::Completed, "all of the file had been queued by then, and is delivered"),
            (RunState::Failed, "the run failed"),
            (RunState::Cancelled, "the run was cancelled"),
        ];

        for (state, outcome) in outcomes {
            let words =
                format!("2 rows were rejected, more than --max-rejects 1 allows; {outcome}");
            assert_eq!(passed(state, 2), Some(words));
            assert_eq!(passed(state, 1), None);
        }
    }
}
