//! What past runs reached. Pure.

use std::time::Duration;

use job_queue::{Ledger, RunState};
use load::JOB_CALLS;

use super::estimate::Assumed;
use crate::report::format::per_second;

/// Smaller runs say nothing of the pace of a large one.
const ROWS_MIN: u64 = 5_000;

/// More rows than one call of Collections can have: they went as ingest jobs.
const ROWS_PER_CALL_MAX: u64 = 200;

impl Assumed {
    /// What is assumed of an org that nobody has loaded yet, and what past runs reached.
    pub(crate) fn new(measured_by_calls: Option<u64>, measured_by_jobs: Option<u64>) -> Self {
        Self {
            rows_per_call: 200,
            calls_at_once: 10,
            seconds_per_call: 1.0,
            jobs_at_once: 4,
            seconds_per_job: 60.0,
            calls_per_job: JOB_CALLS as u64,
            reserve_percent: 10,
            measured_by_calls,
            measured_by_jobs,
        }
    }

    /// With so many rows a call, as a load says.
    pub(crate) fn with_call_rows(self, call_rows: usize) -> Self {
        Self { rows_per_call: u64::try_from(call_rows).unwrap_or(u64::MAX), ..self }
    }

    /// With what the newest of these runs reached by either API; they come newest first.
    pub(crate) fn after(runs: &[Ledger]) -> Self {
        let newest = |by_jobs: bool| {
            let large = runs.iter().filter(|run| {
                run.state == RunState::Completed && run.read >= ROWS_MIN && run.tally.api_calls > 0
            });
            large
                .filter(|run| {
                    (run.delivered() / run.tally.api_calls > ROWS_PER_CALL_MAX) == by_jobs
                })
                .find_map(pace)
        };
        Self::new(newest(false), newest(true))
    }
}

/// Rows a second from the first row to the last one.
fn pace(run: &Ledger) -> Option<u64> {
    let took = run.finished_at_ms?.checked_sub(run.started_at_ms)?;
    Some(per_second(run.read, Duration::from_millis(took.max(1)))).filter(|pace| *pace > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{completed, ledger};

    fn run(read: u64, api_calls: u64, seconds: u64) -> Ledger {
        let mut run = completed("a");
        (run.read, run.tally.created, run.tally.updated, run.tally.api_calls) =
            (read, read, 0, api_calls);
        run.finished_at_ms = Some(run.started_at_ms + seconds * 1_000);
        run
    }

    #[test]
    fn the_newest_large_run_by_either_api_counts() {
        let runs = [
            run(100, 1, 1),
            ledger("under-way"),
            run(100_000, 500, 50),
            run(100_000, 500, 1),
            run(100_000, 100, 200),
        ];

        let assumed = Assumed::after(&runs);

        assert_eq!(assumed.measured_by_calls, Some(2_000));
        assert_eq!(assumed.measured_by_jobs, Some(500));
        assert_eq!(Assumed::after(&[]), Assumed::new(None, None));
    }
}
