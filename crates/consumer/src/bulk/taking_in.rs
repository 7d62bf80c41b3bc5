//! What became of the rows of a job that has ended.

use csv::ByteRecord;
use job_queue::{Claimed, QueueError};
use tokio::time::sleep;
use tracing::warn;

use super::{
    Load, Step,
    asking::Asked,
    judging::{Failure, judge_failure},
    matching::Matcher,
    note::Note,
    outcome::{Records, Unreadable, result},
};
use crate::{
    delivery::{Deliverer, End, reject_unknown},
    progress::Progress,
    salesforce::{IngestJob, IngestState, Refusal, ResultBody, ResultFile, RowResult},
    verdict::{
        AS_OFTEN_AS_SET, BETWEEN_POLLS, Reason, RowVerdict, Stop, Trouble, judge_row,
        no_row_may_be_written,
    },
};

/// How often a result file is read that has another number of rows than the job says.
const READS_MAX: u32 = 5;

/// What a result file says, each with the index of its row in the batch.
#[derive(Default)]
struct Said {
    results: Vec<(usize, Option<RowResult>)>,
    records: u64,
    unknown: u64,
}

impl Deliverer {
    /// Reads what became of the rows of a job. An end is one that came first.
    pub(super) async fn take_in_results(
        &self,
        load: &Load<'_>,
        job: &IngestJob,
        progress: &mut Progress,
    ) -> Result<Step<()>, QueueError> {
        let key = self.plans.key();
        let mut matcher =
            Matcher::new(&load.cargo, key.map(|key| (key.field.as_str(), key.sameness)));
        let (mut results, mut unprocessed) = (Vec::new(), Vec::new());
        for (file, expected) in files(job, load.cargo.rows.len() as u64) {
            let said = match self
                .read(load.claimed, job, file, expected, &mut matcher, progress)
                .await
            {
                Asked::Done(said) => said,
                // What it would have said is not known; its rows are without a result.
                Asked::Refused(refusal) => {
                    warn!(error = %refusal, "a result file of ingest job {} cannot be read", job.id);
                    continue;
                }
                Asked::End(end) => {
                    let note = Note { closing: true, ..Note::new(&job.id) };
                    return self.leave_under_way(load, &note, progress, end).await;
                }
            };
            for (row, result) in said.results {
                match result {
                    Some(result) => results.push((row, result)),
                    None => unprocessed.push(row),
                }
            }
        }
        let (stop, trouble) = self.judge_rows(results, progress);
        if let Some(trouble) = trouble {
            let pass = self.gate.pass().await;
            self.gate.failed(pass, trouble, None, fastrand::f64(), &"so it says of a row");
        }
        let stop = self.judge_the_others(job, &unprocessed, &matcher, progress).or(stop);
        Ok(match stop {
            None => Step::Next(()),
            Some(stop) => {
                self.stopping.stop_because(stop);
                Step::End(End::Interrupted)
            }
        })
    }

    /// Reads one result file, again when it broke off.
    async fn read(
        &self,
        claimed: &Claimed,
        job: &IngestJob,
        file: ResultFile,
        expected: Option<u64>,
        matcher: &mut Matcher<'_>,
        progress: &mut Progress,
    ) -> Asked<Said> {
        let mut reads = 0;
        loop {
            reads += 1;
            let get = || self.client.ingest_results(&job.id, file);
            let body = match self.ask(claimed, progress, None, get).await {
                Asked::Done(body) => body,
                Asked::Refused(refusal) => return Asked::Refused(refusal),
                Asked::End(end) => return Asked::End(end),
            };
            matcher.next_file();
            let (said, read) = read_whole(body, file, matcher).await;
            let is_whole = expected.is_none_or(|expected| expected == said.records);
            match read {
                Ok(()) if is_whole || reads == READS_MAX => {
                    if said.unknown > 0 || !is_whole {
                        let (records, unknown) = (said.records, said.unknown);
                        warn!(
                            records,
                            expected, unknown, "a result file of {} does not fit its rows", job.id
                        );
                    }
                    return Asked::Done(said);
                }
                Err(refusal) if reads == READS_MAX => {
                    take_back(matcher, &said);
                    return Asked::Refused(refusal);
                }
                Ok(()) | Err(_) => take_back(matcher, &said),
            }
            let pause = sleep(BETWEEN_POLLS.delay(reads, fastrand::f64()));
            if self.stopping.stop.run_until_cancelled(pause).await.is_none() {
                return Asked::End(End::Interrupted);
            }
        }
    }

    /// Gives rows their verdicts; the answer is why nobody can deliver,
    /// and what some of them wait for.
    fn judge_rows(
        &self,
        results: Vec<(usize, RowResult)>,
        progress: &mut Progress,
    ) -> (Option<Stop>, Option<Trouble>) {
        let (rows, results): (Vec<usize>, Vec<RowResult>) = results.into_iter().unzip();
        if let Some(stop) = no_row_may_be_written(&results) {
            return (Some(stop), None);
        }
        let (mut stop, mut trouble, mut delivered) = (None, None, 0);
        for (row, result) in rows.into_iter().zip(&results) {
            match judge_row(result, self.limits.operation) {
                RowVerdict::Delivered { created } => {
                    delivered += 1;
                    progress.delivered(row, created);
                }
                RowVerdict::Rejected(reason) => progress.rejected(row, reason),
                RowVerdict::TryAgain { retries_max, reason } => {
                    progress.try_again(row, reason, retries_max);
                }
                // Salesforce cuts a job into its own pieces; the next one has fewer rows at least.
                RowVerdict::Shrink(reason) => progress.try_again(row, reason, SHRINKINGS_MAX),
                // It stays as it is, and goes into the next job.
                RowVerdict::Wait(met) => trouble = Some(met),
                RowVerdict::Stop(met) => stop = Some(met),
            }
        }
        self.totals.delivered(delivered);
        (stop, trouble)
    }

    /// Rows without a result: those that were not processed, and those of which nothing is said.
    fn judge_the_others(
        &self,
        job: &IngestJob,
        unprocessed: &[usize],
        matcher: &Matcher<'_>,
        progress: &mut Progress,
    ) -> Option<Stop> {
        let silent: Vec<usize> =
            matcher.not_found().filter(|row| !progress.is_finished(*row)).collect();
        if unprocessed.is_empty() && silent.is_empty() {
            return None;
        }
        let reason = if job.state == IngestState::JobComplete {
            Reason { code: NO_RESULT.to_owned(), message: NO_RESULT_MESSAGE.to_owned() }
        } else {
            warn!(
                rows = unprocessed.len() + silent.len(),
                state = ?job.state, "ingest job {} ended early; the rest is sent again", job.id
            );
            match judge_failure(job.error_message.as_deref()) {
                Failure::Again(reason) => reason,
                Failure::BulkIsSpent => {
                    self.bulk.is_spent();
                    return None;
                }
                Failure::Stop(stop) => return Some(stop),
            }
        };
        // A job that got somewhere before it gave up is no reason to give up its other rows: they stay
        // as they are, and go into the next one.
        let got_nowhere =
            job.state == IngestState::JobComplete || job.number_records_processed == 0;
        for row in unprocessed.iter().filter(|_| got_nowhere) {
            progress.try_again(*row, reason.clone(), AS_OFTEN_AS_SET);
        }
        if self.limits.operation.is_idempotent() {
            for row in silent {
                progress.try_again(row, reason.clone(), AS_OFTEN_AS_SET);
            }
        } else {
            reject_unknown(&silent, "its ingest job says nothing of it", progress);
        }
        None
    }
}

/// Reads a file to its end, or to where it breaks off.
async fn read_whole(
    mut body: ResultBody,
    file: ResultFile,
    matcher: &mut Matcher<'_>,
) -> (Said, Result<(), Refusal>) {
    let (mut records, mut said) = (Records::default(), Said::default());
    let mut each = |header: &ByteRecord, record: &ByteRecord| {
        said.records += 1;
        match matcher.row(header, record) {
            Some(row) => said.results.push((row, result(file, header, record))),
            None => said.unknown += 1,
        }
    };
    let unreadable = |why: Unreadable| Refusal::OutcomeUnknown { cause: why.to_string() };
    let read = loop {
        match body.chunk().await {
            Ok(Some(piece)) => {
                if let Err(why) = records.push(&piece, &mut each) {
                    break Err(unreadable(why));
                }
            }
            Ok(None) => break records.finish(&mut each).map_err(unreadable),
            Err(refusal) => break Err(refusal),
        }
    };
    (said, read)
}

/// The code of rows that no result file names.
const NO_RESULT: &str = "NO_RESULT";
const NO_RESULT_MESSAGE: &str = "the result files of the ingest job say nothing of the row";

/// As often a batch is halved before it is its rows' own fault.
const SHRINKINGS_MAX: u32 = 2;

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

fn take_back(matcher: &mut Matcher<'_>, said: &Said) {
    let rows: Vec<usize> = said.results.iter().map(|(row, _)| *row).collect();
    matcher.take_back(&rows);
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
