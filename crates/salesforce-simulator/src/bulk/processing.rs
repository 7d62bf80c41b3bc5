//! The work on a job after it was closed: batch after batch, in the background.

use std::{borrow::Cow, sync::Arc, time::Duration};

use csv::StringRecord;

use super::{
    Job, JobOperation, JobState,
    content::Rows,
    job::{Failure, Outcomes, RowOutcome},
};
use crate::{
    barring::{bar_by_faults, bar_repeated_keys},
    faults::{Fault, JobFate},
    id::RecordId,
    org::Org,
    problem::RowError,
    record::{
        Draft,
        cells::{Heading, headings, read_row},
    },
    store::{DeleteTerms, Found, Operation, Outcome, RowsBefore, Terms},
};

/// Rows that Salesforce works off in one go; each such batch counts against the
/// day's budget.
const BATCH_ROWS: usize = 10_000;
/// Rows that are saved together, as in a collections call: a key that is twice
/// among them fails both.
const CHUNK_ROWS: usize = 200;

/// Works a closed job off, until it has ended or the simulator stops.
pub(crate) async fn process(org: Arc<Org>, job: Arc<Job>) {
    let fate = org.faults.job_fate(&format!("/jobs/ingest/{}", job.id));
    let stop = org.stop.clone();
    let work = work_off(&org, &job, fate);
    let ended = async {
        tokio::select! {
            () = work => {}
            () = job.stop.cancelled() => {}
        }
    };
    stop.run_until_cancelled(ended).await;
    org.answered.notify_waiters();
}

async fn work_off(org: &Arc<Org>, job: &Arc<Job>, fate: JobFate) {
    if let Some(fault) = fate.fault {
        org.faults.count(fault);
    }
    tokio::time::sleep(fate.delay).await;
    if fate.fault == Some(Fault::JobLost) {
        org.jobs.remove(job);
        let _ended_before = job.go(JobState::Aborted);
        return;
    }
    if job.go(JobState::InProgress).is_err() {
        return;
    }
    org.answered.notify_waiters();
    if fate.fault == Some(Fault::JobFailed) {
        job.fail(org.faults.faults().job_error);
        return;
    }
    match batches(org, job, fate).await {
        Ok(()) => {
            let _ended_before = job.go(JobState::JobComplete);
        }
        Err(error) => job.fail(error),
    }
}

async fn batches(org: &Arc<Org>, job: &Arc<Job>, fate: JobFate) -> Result<(), String> {
    let half = fate.fault == Some(Fault::JobHalfDone);
    let (opened_by, opened) = (Arc::clone(org), Arc::clone(job));
    let mut work = on_a_thread(move || Work::open(opened_by, opened, half)).await?;
    loop {
        if !org.traffic.spend_bulk_batch(org.config.bulk_batches_daily_max) {
            return Err("ExceededQuota : the batches of this day are used up".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(org.faults.faults().job_batch_ms)).await;
        let lane = org.bulk_lanes.acquire().await.expect("lanes are never closed");
        let (back, step) = on_a_thread(move || {
            let step = work.batch();
            (work, step)
        })
        .await;
        drop(lane);
        work = back;
        org.answered.notify_waiters();
        if step? == Step::End {
            return Ok(());
        }
    }
}

/// Parsing thousands of rows is no work for the runtime's own threads.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("working rows off does not panic")
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// There may be more rows.
    More,
    /// No more rows, or nobody wants them any more.
    End,
}

/// A job under way.
#[derive(Debug)]
struct Work {
    org: Arc<Org>,
    job: Arc<Job>,
    rows: Rows,
    headings: Vec<Heading>,
    /// Which cell names the record: the key of an upsert, else the id.
    naming_place: Option<usize>,
    rows_before: RowsBefore,
    chunk: Vec<StringRecord>,
    stops_half_way: bool,
}

impl Work {
    fn open(org: Arc<Org>, job: Arc<Job>, stops_half_way: bool) -> Result<Self, String> {
        let content = job.progress().content.unwrap_or_default();
        let rows = Rows::open(&content, &job.order)?;
        let object = job.order.object;
        let headings = headings(org.schema(), object, &rows.header)
            .map_err(|name| format!("InvalidBatch : Field name not found : {name}"))?;
        if job.order.operation.names_records_only()
            && headings.iter().any(|heading| *heading != Heading::Id)
        {
            let name = job.order.operation.name();
            return Err(format!("InvalidBatch : The '{name}' batch must contain only ids"));
        }
        let naming = match job.order.operation {
            JobOperation::Upsert { key } => Heading::Field(key),
            _ => Heading::Id,
        };
        let naming_place = headings.iter().position(|heading| *heading == naming);
        let rows_before = org.store.rows_before(object);
        let chunk = vec![StringRecord::new(); CHUNK_ROWS];
        Ok(Self { org, job, rows, headings, naming_place, rows_before, chunk, stops_half_way })
    }

    fn batch(&mut self) -> Result<Step, String> {
        for _ in 0..BATCH_ROWS / CHUNK_ROWS {
            let mut length = 0;
            let mut wrong = None;
            while let Some(row) = self.chunk.get_mut(length) {
                if self.stops_half_way && self.rows.is_past_half() {
                    wrong = Some(self.org.faults.faults().job_error);
                    break;
                }
                match self.rows.read(row) {
                    Ok(true) => length += 1,
                    Ok(false) => break,
                    Err(error) => {
                        wrong = Some(error);
                        break;
                    }
                }
            }
            let goes_on = self.save(&self.chunk[..length]);
            if let Some(error) = wrong {
                return Err(error);
            }
            if !goes_on || length < CHUNK_ROWS {
                return Ok(Step::End);
            }
        }
        // A job of exactly so many rows is one batch, and no second one without a row.
        Ok(if self.rows.is_at_end() { Step::End } else { Step::More })
    }

    /// Stores the rows of a chunk; `false` when the job has been ended meanwhile.
    fn save(&self, rows: &[StringRecord]) -> bool {
        let number = self.job.order.object;
        let schema = self.org.schema();
        let read = |row| read_row(schema, number, &self.headings, row);
        let mut drafts: Vec<Draft<'_>> = rows.iter().map(read).collect();
        let operation = match self.job.order.operation {
            JobOperation::Insert => Operation::Insert,
            JobOperation::Update => Operation::Update,
            JobOperation::Upsert { key } => Operation::Upsert { key, update_only: false },
            JobOperation::Delete | JobOperation::HardDelete => {
                return self.job.proceed(|outcomes| self.note(outcomes, rows, self.delete(drafts)));
            }
        };
        if let Operation::Upsert { key, .. } = operation {
            bar_repeated_keys(schema, &mut drafts, key);
        }
        bar_by_faults(&self.org, &mut drafts, operation, false);
        let terms = Terms {
            operation,
            all_or_none: false,
            rolled_back_has_id: false,
            parents_before: Some(self.rows_before),
        };
        self.job.proceed(|outcomes| {
            let saved = self.org.store.save(schema, terms, drafts);
            self.note(outcomes, rows, saved);
        })
    }

    fn delete(&self, drafts: Vec<Draft<'_>>) -> Vec<Outcome> {
        let schema = self.org.schema();
        let object = schema.object(self.job.order.object);
        let prefix = object.key_prefix;
        let ids: Vec<Cow<'_, str>> =
            drafts.into_iter().map(|draft| draft.id.unwrap_or_default()).collect();
        let is_ours = |id: &Cow<'_, str>| id.is_empty() || id.as_bytes().starts_with(&prefix);
        let texts: Vec<String> =
            ids.iter().filter(|id| is_ours(id)).map(ToString::to_string).collect();
        let past_the_recycle_bin = self.job.order.operation == JobOperation::HardDelete;
        let terms = DeleteTerms { all_or_none: false, past_the_recycle_bin };
        let mut deleted = self.org.store.delete(schema, &texts, terms).into_iter();
        let label = format!("{} ID", object.label);
        ids.iter()
            .map(|id| {
                let ours = is_ours(id).then(|| deleted.next()).flatten();
                ours.unwrap_or_else(|| {
                    Outcome::failed(vec![RowError::malformed_id(&label, "Id", id)])
                })
            })
            .collect()
    }

    fn note(&self, outcomes: &mut Outcomes, rows: &[StringRecord], saved: Vec<Outcome>) {
        for (row, outcome) in rows.iter().zip(saved) {
            let noted = match outcome.id.filter(|_| outcome.is_success()) {
                Some(id) if self.creates(&outcome) => RowOutcome::Created(id.number),
                Some(id) => RowOutcome::Changed(id.number),
                None => {
                    outcomes.failures.push(Failure::new(self.meant(row), &outcome.errors));
                    RowOutcome::Failed(count(outcomes.failures.len()) - 1)
                }
            };
            outcomes.rows.push(noted);
        }
    }

    fn creates(&self, outcome: &Outcome) -> bool {
        self.job.order.operation == JobOperation::Insert || outcome.created == Some(true)
    }

    /// The id of the record that a row was meant for, as far as the row says.
    fn meant(&self, row: &StringRecord) -> String {
        let named = self.naming_place.and_then(|place| row.get(place)).unwrap_or_default();
        if !self.job.order.version.names_failed_records() {
            return String::new();
        }
        match self.job.order.operation {
            JobOperation::Insert => String::new(),
            JobOperation::Update | JobOperation::Delete | JobOperation::HardDelete => {
                RecordId::parse(named).map_or_else(String::new, |id| id.to_string())
            }
            JobOperation::Upsert { key } => {
                match self.org.store.find(self.job.order.object, key, named) {
                    Found::One(id) => id.to_string(),
                    Found::None | Found::Many(_) => String::new(),
                }
            }
        }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("a file has fewer rows")
}
