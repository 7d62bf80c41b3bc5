//! What a load will take by either API. Pure: figures in, figures out.

use job_queue::{Allowance, LOOKUP_BYTES_MAX, LOOKUP_KEYS_MAX, OrgLimits};
use load::{AUTO_BULK_ROWS_MIN, Api};
use serde::Serialize;

use super::rounds::ForRepeats;
use crate::import::read_settings::BatchSize;

/// What the plan is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Given {
    pub(crate) rows: u64,
    /// Of a row as it stands in the file, on average.
    pub(crate) row_bytes: u64,
    /// Batches of a run by either API, and of one with `SALESFORCE_API=auto`: as they are set, else as
    /// large as a call.
    pub(crate) by_calls: BatchSize,
    pub(crate) by_jobs: BatchSize,
    pub(crate) by_auto: BatchSize,
    /// What the org has left today; `None` before a consumer has published it.
    pub(crate) limits: Option<OrgLimits>,
    /// Keys of one query, where records have to be looked up.
    pub(crate) keys_per_lookup: Option<u64>,
    /// What rows that repeat a key take beside the others, by either API.
    pub(crate) repeats_by_calls: ForRepeats,
    pub(crate) repeats_by_jobs: ForRepeats,
    pub(crate) assumed: Assumed,
}

/// What is only known after a load, and assumed before it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assumed {
    /// Rows of one call of Collections (`SALESFORCE_BATCH`).
    pub(crate) rows_per_call: u64,
    /// Calls of all consumers at the same time (`SALESFORCE_CONCURRENCY_MAX`).
    pub(crate) calls_at_once: u64,
    pub(crate) seconds_per_call: f64,
    /// Ingest jobs at the same time: a consumer holds so many large batches at once.
    pub(crate) jobs_at_once: u64,
    pub(crate) seconds_per_job: f64,
    /// Calls that one ingest job takes: create, upload, close, results, delete, and some looks at
    /// how far it is.
    pub(crate) calls_per_job: u64,
    /// Percent of the day's calls and batches that are kept for others
    /// (`SALESFORCE_API_RESERVE`).
    pub(crate) reserve_percent: u64,
    /// What past runs reached, in rows a second.
    pub(crate) measured_by_calls: Option<u64>,
    pub(crate) measured_by_jobs: Option<u64>,
}

/// What the load will take.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Estimate {
    pub(crate) collections: Way,
    pub(crate) bulk: Way,
    pub(crate) auto: Choice,
    pub(crate) advice: Advice,
}

/// One way to load the file, with the batches that a run by this API has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Way {
    pub(crate) batch_rows: u64,
    pub(crate) batches: u64,
    pub(crate) api_calls: u64,
    /// Those of them that look records up, when every row has a key of its own.
    pub(crate) lookups: u64,
    /// Those of them that rows take because they repeat a key of their batch.
    pub(crate) for_repeats: u64,
    /// Internal batches of Bulk, which have a daily limit of their own.
    pub(crate) bulk_batches: u64,
    pub(crate) seconds: u64,
    /// From past runs; otherwise from what is assumed.
    pub(crate) is_measured: bool,
    /// Whether the org has so much left today beside the reserve; nothing, when it is not known.
    pub(crate) fits_today: Option<bool>,
}

/// What `SALESFORCE_API=auto` does with its batches.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Choice {
    pub(crate) api: Api,
    pub(crate) batch_rows: u64,
    pub(crate) why: String,
}

/// What to set for this file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Advice {
    pub(crate) api: Api,
    pub(crate) batch_rows: u64,
    pub(crate) batch_bytes_max: u64,
    /// The batches of such a run are that large already.
    #[serde(skip)]
    pub(crate) has_batch_rows: bool,
    #[serde(skip)]
    pub(crate) has_batch_bytes: bool,
    /// Batches of this size that a consumer holds at the same time; it keeps to that by itself.
    pub(crate) consumer_concurrency: u64,
    pub(crate) why: String,
}

/// A batch may have so many bytes at most.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// Rows that a consumer holds at once, as its `throttle::claim_limit` says.
const HELD_BYTES_MAX: u64 = 12 << 20;

/// Estimates what the load will take.
pub(crate) fn estimate(given: &Given) -> Estimate {
    let collections = by_calls(given, fitting(given.by_calls, given.row_bytes));
    let bulk = by_jobs(given, fitting(given.by_jobs, given.row_bytes));
    Estimate { collections, bulk, auto: choice(given), advice: advice(given) }
}

/// Rows of a batch of this size, as far as it may have bytes.
fn fitting(BatchSize { rows, bytes_max }: BatchSize, row_bytes: u64) -> u64 {
    let [rows, bytes_max] = [rows, bytes_max].map(|most| u64::try_from(most).unwrap_or(u64::MAX));
    rows.min(bytes_max / row_bytes.max(1)).max(1)
}

fn by_calls(given: &Given, batch_rows: u64) -> Way {
    let Assumed { calls_at_once, seconds_per_call, measured_by_calls, .. } = given.assumed;
    let batches = given.rows.div_ceil(batch_rows);
    let lookups = of_each_batch(given.rows, batch_rows, given.keys_per_lookup);
    // A call holds rows of one batch.
    let ForRepeats { calls: for_repeats, in_a_row, .. } = given.repeats_by_calls;
    let first = of_each_batch(given.rows, batch_rows, Some(given.assumed.rows_per_call));
    let calls = first + lookups + for_repeats;
    Way {
        batch_rows,
        batches,
        api_calls: calls,
        lookups,
        for_repeats,
        bulk_batches: 0,
        seconds: seconds(given.rows, measured_by_calls, calls, calls_at_once, seconds_per_call)
            .max(seconds(given.rows, None, in_a_row, 1, seconds_per_call)),
        is_measured: measured_by_calls.is_some(),
        fits_today: given.limits.map(|limits| fits(given, limits.calls, calls)),
    }
}

fn by_jobs(given: &Given, batch_rows: u64) -> Way {
    let Assumed { jobs_at_once, seconds_per_job, measured_by_jobs, .. } = given.assumed;
    let Assumed { calls_at_once, seconds_per_call, .. } = given.assumed;
    let ForRepeats { calls: beside, jobs: later, in_a_row } = given.repeats_by_jobs;
    let batches = given.rows.div_ceil(batch_rows);
    let jobs = batches + later;
    let lookups = of_each_batch(given.rows, batch_rows, given.keys_per_lookup);
    let for_repeats = later * given.assumed.calls_per_job + beside;
    let calls = batches * given.assumed.calls_per_job + lookups + for_repeats;
    let fits_today = given.limits.map(|limits| {
        let of_bulk = limits.bulk_batches.is_none_or(|left| fits(given, left, jobs));
        of_bulk && fits(given, limits.calls, calls)
    });
    Way {
        batch_rows,
        batches,
        api_calls: calls,
        lookups,
        for_repeats,
        bulk_batches: jobs,
        seconds: match measured_by_jobs {
            None => {
                let calls = lookups + beside;
                seconds(given.rows, None, jobs, jobs_at_once, seconds_per_job)
                    + seconds(given.rows, None, calls, calls_at_once, seconds_per_call)
                        .max(seconds(given.rows, None, in_a_row, 1, seconds_per_call))
            }
            measured => seconds(given.rows, measured, jobs, jobs_at_once, seconds_per_job),
        },
        is_measured: measured_by_jobs.is_some(),
        fits_today,
    }
}

/// Calls for so many rows each that are made for batches of so many rows, and a last one with the rest.
fn of_each_batch(rows: u64, batch_rows: u64, per_call: Option<u64>) -> u64 {
    let Some(per_call) = per_call else { return 0 };
    let whole = rows / batch_rows;
    whole * batch_rows.div_ceil(per_call) + (rows % batch_rows).div_ceil(per_call)
}

/// Keys of one query that take so many bytes each.
pub(crate) fn keys_per_lookup(key_bytes: u64) -> u64 {
    /// For all of a query but its keys.
    const QUERY_BYTES: u64 = 150;
    let bytes = u64::try_from(LOOKUP_BYTES_MAX).unwrap_or(u64::MAX).saturating_sub(QUERY_BYTES);
    let most = u64::try_from(LOOKUP_KEYS_MAX).unwrap_or(u64::MAX);
    (bytes / key_bytes.max(1)).clamp(1, most)
}

fn fits(given: &Given, allowance: Allowance, wanted: u64) -> bool {
    given.assumed.beside_reserve(allowance) >= wanted
}

impl Assumed {
    /// Whether only what is kept for others is left.
    pub(crate) fn leaves_none(&self, allowance: Allowance) -> bool {
        self.beside_reserve(allowance) == 0
    }

    fn beside_reserve(&self, Allowance { max, left }: Allowance) -> u64 {
        left.saturating_sub(max.saturating_mul(self.reserve_percent).div_ceil(100))
    }
}

fn seconds(rows: u64, measured: Option<u64>, rounds: u64, at_once: u64, each: f64) -> u64 {
    if let Some(per_second) = measured {
        return rows.div_ceil(per_second.max(1));
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate, and not negative"
    )]
    let seconds = (rounds.div_ceil(at_once.max(1)) as f64 * each).ceil() as u64;
    seconds
}

fn choice(given: &Given) -> Choice {
    let batch_rows = fitting(given.by_auto, given.row_bytes);
    let rows = usize::try_from(batch_rows.min(given.rows)).unwrap_or(usize::MAX);
    let left = given.limits.and_then(|limits| limits.bulk_batches);
    let has_room = left.is_none_or(|left| fits(given, left, 1));
    let api = Api::for_batch(rows, has_room);
    let why = match (api, has_room) {
        (Api::Bulk, _) => {
            format!("a batch of {rows} rows is more than {AUTO_BULK_ROWS_MIN}, ten calls of 200")
        }
        (Api::Collections, false) => {
            "only the reserve of the day's Bulk batches is left".to_owned()
        }
        (Api::Collections, true) => {
            format!("a batch of {rows} rows is no more than {AUTO_BULK_ROWS_MIN}, ten calls of 200")
        }
    };
    Choice { api, batch_rows, why }
}

/// The way that takes less time, of those that the org has enough left for today, and why that one.
fn faster_that_fits(collections: &Way, bulk: &Way) -> (Api, &'static str) {
    if bulk.batch_rows <= u64::try_from(AUTO_BULK_ROWS_MIN).unwrap_or(u64::MAX) {
        return (
            Api::Collections,
            "rows are so long that a batch holds too few of them for an ingest job",
        );
    }
    // What is not known is no reason against it.
    let fit = |way: &Way| way.fits_today != Some(false);
    match (fit(collections), fit(bulk)) {
        (true, false) => {
            (Api::Collections, "the org has not enough Bulk batches or calls left today")
        }
        (false, true) => {
            (Api::Bulk, "Collections would take more calls than the org has left today")
        }
        (false, false) if bulk.api_calls < collections.api_calls => {
            (Api::Bulk, "the org has not enough left today for either, and Bulk takes fewer calls")
        }
        (false, false) => (
            Api::Collections,
            "the org has not enough left today for either, and Bulk saves no calls",
        ),
        (true, true) if bulk.seconds < collections.seconds => {
            (Api::Bulk, "it takes less time here, and fewer calls")
        }
        (true, true) => (
            Api::Collections,
            "it takes less time here; Bulk takes fewer calls, if others need them",
        ),
    }
}

/// What to set, if all is as it may be.
fn advice(given: &Given) -> Advice {
    let call_rows = usize::try_from(given.assumed.rows_per_call).unwrap_or(usize::MAX);
    let for_calls = BatchSize::for_api(Api::Collections, call_rows);
    let for_jobs = BatchSize::for_api(Api::Bulk, call_rows);
    let collections = by_calls(given, fitting(for_calls, given.row_bytes));
    let largest = BatchSize { bytes_max: BATCH_BYTES_MAX, ..for_jobs };
    let bulk = by_jobs(given, fitting(largest, given.row_bytes));
    let (api, why) = faster_that_fits(&collections, &bulk);
    let (size, now) = match api {
        Api::Bulk => (for_jobs, given.by_jobs),
        Api::Collections => (for_calls, given.by_calls),
    };
    // A fifth more than the average, so that few batches are closed early.
    let wanted = (size.rows as u64 * given.row_bytes * 6 / 5).next_power_of_two();
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).min(BATCH_BYTES_MAX);
    let size = BatchSize { bytes_max: size.bytes_max.max(wanted), ..size };
    // What most batches hold, whatever they may.
    let held = wanted.min(size.bytes_max) as u64;
    // By the same limit, beside those whose calls are under way some wait their turn.
    let calls = given.assumed.calls_at_once;
    let consumer_concurrency = (HELD_BYTES_MAX / held).clamp(1, calls + calls / 4 + 4);
    Advice {
        api,
        batch_rows: size.rows as u64,
        batch_bytes_max: size.bytes_max as u64,
        has_batch_rows: now.rows == size.rows,
        has_batch_bytes: now.bytes_max >= wanted,
        consumer_concurrency,
        why: why.to_owned(),
    }
}
