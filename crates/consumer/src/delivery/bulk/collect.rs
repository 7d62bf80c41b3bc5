//! What became of the rows of a job that has ended.

use csv::ByteRecord;
use job_queue::QueueError;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{
    Load, Step,
    checkpoint::Note,
    matcher::Matcher,
    request::{About, Asked},
    result_file::{Records, Unreadable, result},
};
use crate::retry::{Failure, Refused, failure_code, judge_failure, judge_refusal};
use crate::{
    delivery::batch_state::Progress,
    delivery::{Deliverer, Delivery, End, Looked, Results, reject_unknown},
    retry::{BETWEEN_POLLS, Blocker},
};
use load::Operation;
use salesforce::{IngestJob, IngestState, Refusal, ResultBody, ResultFile};

/// How often a result file is read that came whole and does not fit its job.
const READS_MAX: u32 = 5;

/// What follows for rows of a job, beside what [`Progress`] keeps.
#[derive(Debug, Default)]
pub(super) struct Taken {
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

    /// Tells of a file that is taken as it is, though there is more or less in it than in its job.
    fn warn_of_misfits(&self, job: &IngestJob, read: Read, fits: bool) {
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

impl Deliverer {
    /// Reads what became of the rows of a job, ours or that of somebody before us. An end is one that
    /// came first.
    pub(super) async fn take_in_results(
        &self,
        load: &Load<'_>,
        job: &IngestJob,
        is_ours: bool,
        progress: &mut Progress,
    ) -> Result<Step<Taken>, QueueError> {
        let mut matcher = Matcher::new(load.pack(), self.plans.sent_key());
        let mut said = Said::default();
        for (file, expected) in files(job, load.rows.len() as u64) {
            match self.read(load.delivery, job, file, expected, &mut matcher, progress).await {
                Asked::Done(of_file) => said.add(of_file),
                // What it would have said is not known; its rows are without a result.
                Asked::Refused(refusal) => {
                    warn!(error = %refusal, "a result file of ingest job {} is gone", job.id);
                }
                Asked::End(end) => {
                    let note = Note { closing: true, ..Note::new(&job.id, &self.plans.target) };
                    return self.leave_under_way(load, &note, progress, end).await;
                }
            }
        }
        self.count_delivered(load.delivery, &said.results);
        if !is_ours {
            // It says how things were before its run was held, or before its consumer ended.
            said.results.leave_rows_refused_for_a_field();
        }
        let blocker = self.blocker_in(load.delivery, &mut said.results, progress).await;
        if let Some(trouble) = said.results.trouble {
            let pass = load.delivery.wait_for(self.gate.pass()).await;
            self.gate.failed(pass, trouble, None, fastrand::f64(), &"so it says of a row");
        }
        let silent: Vec<usize> = matcher.not_found().collect();
        let since = Instant::now();
        let blocker = match (blocker, self.judge_the_others(job, said, silent, is_ours, progress)) {
            (None, Ok(taken)) => return Ok(Step::Next(taken)),
            (Some(blocker), _) => blocker,
            (None, Err(blocker)) => match Box::pin(self.look_again(load.delivery, since)).await {
                Looked::Same => blocker,
                // Whoever takes the batch next writes its rows the new way.
                Looked::Changed(_) => return Ok(Step::End(End::Interrupted)),
                // It is held for what the org says of its fields.
                Looked::End(end) => return Ok(Step::End(end)),
            },
        };
        load.delivery.hold_run(blocker);
        Ok(Step::End(End::Interrupted))
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
        progress: &mut Progress,
    ) -> Asked<Said> {
        let (mut tries, mut misfits) = (0, 0);
        loop {
            let get = || self.client.ingest_results(&job.id, file);
            match self.ask(delivery, progress, About::Job, get).await {
                Asked::Done(body) => {
                    matcher.next_file();
                    let operation = self.limits.operation;
                    let (said, read) = read_whole(body, file, matcher, operation, progress).await;
                    let is_whole = expected.is_none_or(|expected| expected == said.records);
                    let fits = read == Read::Whole && is_whole;
                    misfits += u32::from(!fits && read != Read::BrokeOff);
                    if fits || misfits == READS_MAX {
                        said.warn_of_misfits(job, read, fits);
                        return Asked::Done(said);
                    }
                    take_back(matcher, &said, progress);
                }
                Asked::Refused(refusal) if is_gone(&refusal) => return Asked::Refused(refusal),
                Asked::Refused(_) => (),
                Asked::End(end) => return Asked::End(end),
            }
            tries += 1;
            let pause = sleep(BETWEEN_POLLS.delay(tries, fastrand::f64()));
            if delivery.stop().run_until_cancelled(pause).await.is_none() {
                return Asked::End(End::Interrupted);
            }
        }
    }

    /// Rows without a verdict: those that were not processed, those of which no file says anything,
    /// and those that were too much together. That is no fault of a row, so none is rejected for it.
    fn judge_the_others(
        &self,
        job: &IngestJob,
        said: Said,
        mut silent: Vec<usize>,
        is_ours: bool,
        progress: &mut Progress,
    ) -> Result<Taken, Blocker> {
        if !self.limits.operation.is_idempotent() && job.number_records_processed > 0 {
            reject_unknown(silent.drain(..), "its ingest job says nothing of it", progress);
        }
        let mut by_calls: Vec<usize> = said.results.too_much.iter().map(|(row, _)| *row).collect();
        if job.state == IngestState::JobComplete {
            by_calls.extend(said.unprocessed.into_iter().chain(silent));
            return Ok(Taken { by_calls, in_vain: false });
        }
        warn!(
            rows = said.unprocessed.len() + silent.len(),
            state = ?job.state,
            code = failure_code(job.error_message.as_deref()),
            "ingest job {} ended early; the rest is sent again", job.id
        );
        let failure = match judge_failure(job.error_message.as_deref()) {
            // It says how things were when it was made: another one shows whether they still are.
            Failure::Hold(_) if !is_ours => Failure::Again,
            failure => failure,
        };
        match failure {
            // Rows that were not processed go into the next job.
            Failure::Again if job.number_records_processed > 0 => {
                by_calls.extend(silent);
                Ok(Taken { by_calls, in_vain: false })
            }
            Failure::Again => Ok(Taken { by_calls, in_vain: true }),
            Failure::BulkIsSpent => {
                self.bulk.is_spent();
                Ok(Taken::default())
            }
            Failure::Hold(blocker) => Err(blocker),
        }
    }
}

/// Reads a file to its end, or to where it breaks off.
async fn read_whole(
    mut body: ResultBody,
    file: ResultFile,
    matcher: &mut Matcher,
    operation: Operation,
    progress: &mut Progress,
) -> (Said, Read) {
    let (mut records, mut said) = (Records::default(), Said::default());
    let mut each = |header: &ByteRecord, record: &ByteRecord| {
        said.records += 1;
        let Some(row) = matcher.row(header, record) else {
            said.unknown += 1;
            return;
        };
        said.named.push(row);
        match result(file, header, record) {
            Some(result) => said.results.take_in(row, &result, operation, progress),
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
    matches!(judge_refusal(refusal), Refused::NoSuchJob | Refused::OtherState)
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
fn take_back(matcher: &mut Matcher, said: &Said, progress: &mut Progress) {
    matcher.take_back(&said.named);
    said.named.iter().for_each(|row| progress.take_back(*row));
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
