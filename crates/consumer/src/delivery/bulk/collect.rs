//! What became of the rows of a job that has ended.

use csv::ByteRecord;
use load::Operation;
use salesforce::{IngestJob, IngestState, Refusal, ResultBody, ResultFile};
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{
    checkpoint::Checkpoint,
    matcher::Matcher,
    request::About,
    result_file::{Records, RowResults, Unreadable},
    step::{Bulk, Load, StepEnd},
};
use crate::{
    delivery::{
        batch::Delivery, batch_state::BatchState, planner::Refreshed, results::Results,
        sender::Interruption,
    },
    retry::{
        BETWEEN_POLLS, Blocker, CallVerdict, FailedJob, JobProblem, classify_failed_job,
        classify_job_call, failure_code, for_operation,
    },
};

/// How often a result file is read that came whole and does not fit its job.
const READS_MAX: u32 = 5;

/// What follows for rows of a job, beside what [`BatchState`] keeps.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// Rows that go by calls: the job says nothing of them, or together they were too much for it.
    pub(super) by_calls: Vec<usize>,
    /// It ended before any row was processed.
    pub(super) in_vain: bool,
}

/// What result files say.
#[derive(Default)]
struct Said {
    results: Results,
    /// Rows that they name.
    named: Vec<usize>,
    /// Those of them that were not processed.
    unprocessed: Vec<usize>,
    records: u64,
    unknown: u64,
}

impl Said {
    fn add(&mut self, other: Self) {
        self.results.add(other.results);
        self.unprocessed.extend(other.unprocessed);
    }

    /// Warns of a file that is used as it is, though there is more or less in it than in its job.
    fn warn_of_mismatch(&self, job: &IngestJob, read: Read, fits: bool) {
        if self.unknown > 0 || !fits {
            let (records, unknown) = (self.records, self.unknown);
            warn!(records, unknown, ?read, "a result file of {} does not fit its rows", job.id);
        }
    }
}

/// How far a result file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    Whole,
    /// It came whole, and is not what it should be.
    Unreadable(Unreadable),
    /// The rest of it did not come.
    BrokeOff,
}

impl Bulk {
    /// Reads what became of the rows of a job, ours or that of an earlier consumer of the batch.
    pub(super) async fn collect_results(
        &self,
        load: &Load<'_>,
        job: &IngestJob,
        is_ours: bool,
        state: &mut BatchState,
    ) -> Result<Collected, StepEnd> {
        let (delivery, planner) = (load.delivery, &self.planner);
        let mut matcher = match load.plan.sent_key() {
            Some((field, sameness)) => Matcher::by_key(load.rows.clone(), field, sameness),
            None => Matcher::by_all_cells(load.upload()),
        };
        let mut said = Said::default();
        for (file, expected) in files(job, load.rows.indexes.len() as u64) {
            match self.read(delivery, job, file, expected, &mut matcher, state).await {
                Ok(Ok(of_file)) => said.add(of_file),
                // What it would have said is not known; its rows are without a result.
                Ok(Err(refusal)) => {
                    warn!(error = %refusal, "a result file of ingest job {} is gone", job.id);
                }
                Err(interruption) => {
                    let purpose = planner.purpose(delivery.claimed);
                    let checkpoint = Checkpoint::new(&job.id, &purpose);
                    let checkpoint = Checkpoint { closing: true, ..checkpoint };
                    return Err(self.leave_open(load, &checkpoint, state, interruption).await);
                }
            }
        }
        said.results.count_delivered(planner, delivery);
        if !is_ours {
            // It says how things were before its run was held, or before its consumer ended.
            said.results.retry_rows_refused_for_a_field();
        }
        let blocker = said.results.blocker(planner, delivery, state).await;
        if let Some(reason) = said.results.backoff {
            delivery.wait_for(self.sender.throttle.row_of_a_job_failed(reason)).await;
        }
        let unmentioned: Vec<usize> = matcher.not_found().collect();
        let since = Instant::now();
        let others = self.classify_others(delivery, job, said, unmentioned, is_ours, state);
        let blocker = match (blocker, others) {
            (None, Ok(collected)) => return Ok(collected),
            (Some(blocker), _) => blocker,
            (None, Err(blocker)) => match Box::pin(planner.refresh(delivery, since)).await {
                Refreshed::Unchanged => blocker,
                // The next consumer of the batch writes its rows the new way.
                Refreshed::Changed(_) => return Err(Interruption::Stopped.into()),
                // It is held for what the org says of its fields.
                Refreshed::Interrupted(interruption) => return Err(interruption.into()),
            },
        };
        delivery.hold_run(blocker);
        Err(Interruption::Stopped.into())
    }

    /// Reads one result file. It alone says which rows are stored, and Salesforce keeps it for a
    /// week: one that does not come now is asked for until it does.
    async fn read(
        &self,
        delivery: &Delivery<'_>,
        job: &IngestJob,
        file: ResultFile,
        expected: Option<u64>,
        matcher: &mut Matcher,
        state: &mut BatchState,
    ) -> Result<Result<Said, Refusal>, Interruption> {
        let operation = delivery.load().operation;
        let (mut tries, mut mismatches) = (0, 0);
        loop {
            let get = || self.sender.client.ingest_results(&job.id, file);
            match self.ask(delivery, state, About::Job, get).await? {
                Ok(body) => {
                    matcher.next_file();
                    let (said, read) = read_whole(body, file, matcher, operation, state).await;
                    let is_whole = expected.is_none_or(|expected| expected == said.records);
                    let fits = read == Read::Whole && is_whole;
                    mismatches += u32::from(!fits && read != Read::BrokeOff);
                    if fits || mismatches == READS_MAX {
                        said.warn_of_mismatch(job, read, fits);
                        return Ok(Ok(said));
                    }
                    reset(matcher, &said, state);
                }
                Err(refusal) if is_gone(&refusal) => return Ok(Err(refusal)),
                Err(_) => (),
            }
            tries += 1;
            let delay = sleep(BETWEEN_POLLS.delay(tries, fastrand::f64()));
            if delivery.stop().run_until_cancelled(delay).await.is_none() {
                return Err(Interruption::Stopped);
            }
        }
    }

    /// Rows without a verdict: those that were not processed, those of which no file says anything,
    /// and those that were too much together. That is no fault of a row, so none is rejected for it.
    fn classify_others(
        &self,
        delivery: &Delivery<'_>,
        job: &IngestJob,
        said: Said,
        mut unmentioned: Vec<usize>,
        is_ours: bool,
        state: &mut BatchState,
    ) -> Result<Collected, Blocker> {
        if !delivery.load().operation.is_idempotent() && job.number_records_processed > 0 {
            state.reject_unknown(unmentioned.drain(..), "its ingest job says nothing of it");
        }
        let mut by_calls: Vec<usize> = said.results.too_much.iter().map(|(row, _)| *row).collect();
        if job.state == IngestState::JobComplete {
            by_calls.extend(said.unprocessed.into_iter().chain(unmentioned));
            return Ok(Collected { by_calls, in_vain: false });
        }
        warn!(
            rows = said.unprocessed.len() + unmentioned.len(),
            state = ?job.state,
            code = failure_code(job.error_message.as_deref()),
            "ingest job {} ended early; the rest is sent again", job.id
        );
        let failure = match classify_failed_job(job.error_message.as_deref()) {
            // It says how things were when it was made: another one shows whether they still are.
            FailedJob::Hold(_) if !is_ours => FailedJob::Retry,
            failure => failure,
        };
        match failure {
            // Rows that were not processed go into the next job.
            FailedJob::Retry if job.number_records_processed > 0 => {
                by_calls.extend(unmentioned);
                Ok(Collected { by_calls, in_vain: false })
            }
            FailedJob::Retry => Ok(Collected { by_calls, in_vain: true }),
            FailedJob::NoBatchesLeft => {
                self.access.is_spent();
                Ok(Collected::default())
            }
            FailedJob::Hold(blocker) => Err(for_operation(blocker, delivery.load().operation)),
        }
    }
}

/// Reads a file to its end, or to where it breaks off.
async fn read_whole(
    mut body: ResultBody,
    file: ResultFile,
    matcher: &mut Matcher,
    operation: Operation,
    state: &mut BatchState,
) -> (Said, Read) {
    let (mut records, mut said) = (Records::default(), Said::default());
    let (mut results, is_id_wanted) = (None, state.keeps_ids());
    let mut each = |header: &ByteRecord, record: &ByteRecord| {
        said.records += 1;
        let Some(row) = matcher.row(header, record) else {
            said.unknown += 1;
            return;
        };
        said.named.push(row);
        let results = results.get_or_insert_with(|| RowResults::of(file, header, is_id_wanted));
        match results.read(record) {
            Some(result) => said.results.apply(row, &result, operation, state),
            None => said.unprocessed.push(row),
        }
    };
    let read = loop {
        match body.chunk().await {
            Ok(Some(piece)) => {
                if let Err(why) = records.push(&piece, &mut each) {
                    break Read::Unreadable(why);
                }
            }
            Ok(None) => {
                break records.finish(&mut each).map_or_else(Read::Unreadable, |()| Read::Whole);
            }
            Err(_) => break Read::BrokeOff,
        }
    };
    (said, read)
}

/// Whether Salesforce says that there is no such file (any more).
fn is_gone(refusal: &Refusal) -> bool {
    matches!(
        classify_job_call(refusal),
        CallVerdict::Job(JobProblem::NotFound | JobProblem::OtherState)
    )
}

/// The result files that say something, with the number of their records where it is known.
fn files(job: &IngestJob, sent: u64) -> Vec<(ResultFile, Option<u64>)> {
    let (processed, failed) = (job.number_records_processed, job.number_records_failed);
    let mut files = Vec::new();
    if processed > failed {
        files.push((ResultFile::Successful, Some(processed - failed)));
    }
    if failed > 0 {
        files.push((ResultFile::Failed, Some(failed)));
    }
    if processed < sent {
        files.push((ResultFile::Unprocessed, None));
    }
    files
}

/// As if the file had not been read.
fn reset(matcher: &mut Matcher, said: &Said, state: &mut BatchState) {
    matcher.reset(&said.named);
    said.named.iter().for_each(|row| state.reset(*row));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_say_something_are_read() {
        use ResultFile::{Failed, Successful, Unprocessed};
        let job = |processed, failed| IngestJob {
            id: String::new(),
            state: IngestState::JobComplete,
            number_records_processed: processed,
            number_records_failed: failed,
            error_message: None,
        };
        for (processed, failed, expected) in [
            (10, 0, vec![(Successful, Some(10))]),
            (10, 3, vec![(Successful, Some(7)), (Failed, Some(3))]),
            (10, 10, vec![(Failed, Some(10))]),
            (4, 1, vec![(Successful, Some(3)), (Failed, Some(1)), (Unprocessed, None)]),
            (0, 0, vec![(Unprocessed, None)]),
        ] {
            assert_eq!(files(&job(processed, failed), 10), expected, "{processed} {failed}");
        }
    }
}
