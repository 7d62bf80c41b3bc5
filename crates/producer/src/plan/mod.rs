//! `producer plan`: what loading a file will take, before it is loaded.

mod dates;
mod estimate;
#[cfg(test)]
mod estimate_tests;
mod measured;
mod planned_load;
mod quota;
mod repeats;
mod rounds;
mod text;

use std::{io::Write, process::ExitCode};

use anyhow::bail;
use blob_store::{BlobProperties, BlobStore};
use job_queue::{LoadSummary, OrgLimits, Queue};
use load::{Api, ApiChoice, DateOrder};
use serde::Serialize;

use self::{
    dates::{DateColumn, DateColumns},
    estimate::{Assumed, Estimate, Given, estimate, keys_per_lookup},
    planned_load::PlannedLoad,
    quota::Quota,
    repeats::{Repeated, Repeats},
    rounds::{ForRepeats, Sending},
};
use crate::{
    cli::plan_args::PlanArgs,
    import::{
        error::ReadError,
        known_loads::KnownLoads,
        open_file::FileOpener,
        read_settings::ReadSettings,
        source::{ReadProgress, Source, Transfer},
    },
};

/// What loading a file will take.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    /// What becomes of the rows, if anybody says it.
    load: Option<LoadSummary>,
    file: String,
    file_bytes: u64,
    rows: u64,
    rows_are_counted: bool,
    row_bytes: u64,
    #[serde(skip)]
    bytes_read: u64,
    /// Of the rows read, those that write a quote inside quotes behind a backslash, and are rejected
    /// for it.
    rows_with_backslash_quotes: u64,
    /// By which API a run goes with its batches, if the org has room for it.
    api: Api,
    /// The column that was asked for, there or not.
    #[serde(skip)]
    key: Option<String>,
    /// Rows that repeat a key, in batches as they are set now.
    keys: Option<Repeated>,
    /// The same for the column by which rows are kept together.
    kept_together: Option<Repeated>,
    dates_assumed: DateOrder,
    /// Columns with dates like 1/5/2026.
    dates: Vec<DateColumn>,
    /// What the org has left today, as a consumer heard it.
    limits: Option<OrgLimits>,
    /// The calls of it; the Bulk batches are asked for less often.
    limits_seen_at_ms: Option<u64>,
    #[serde(skip)]
    batches_seen_at_ms: Option<u64>,
    assumed: Assumed,
    #[serde(flatten)]
    estimate: Estimate,
}

/// Rows as they are, or as the beginning of the file suggests.
struct Rows {
    rows: u64,
    row_bytes: u64,
    bytes_read: u64,
    with_backslash_quotes: u64,
    are_counted: bool,
    keys: Option<Repeated>,
    /// What rows take that repeat a key, one for each way of sending them.
    for_repeats: Vec<ForRepeats>,
    kept_together: Option<Repeated>,
    dates: Vec<DateColumn>,
}

/// So much of a file is read for an estimate.
const SAMPLE_BYTES: u64 = 4 << 20;

/// How many runs are searched for one whose pace is known.
const RUNS_LOOKED_AT: usize = 50;

pub(crate) async fn plan(args: PlanArgs) -> anyhow::Result<ExitCode> {
    let loads = KnownLoads::read_beside(&args.load)?;
    let settings = ReadSettings::new(&args.read)?;
    let store = BlobStore::connect(&args.blob)?;
    let queue = Queue::connect_for_a_person(&args.queue).await?;
    let blob = store.properties(&args.file).await?;
    let load = PlannedLoad::of(&blob.name, &args.load, &queue, &loads).await?;
    let key = args.key.as_deref().or(load.key_column.as_deref());
    let transfer = Transfer::default();
    let files = FileOpener { store: &store, queue: Some(&queue), transfer };
    let as_set = settings.clone();
    let settings = Box::pin(files.in_batches_for(&blob, settings, load.calls)).await?;
    let size_by = |api, rows| {
        as_set.clone().in_batches_for(load.calls.with(Some(api), None), rows).batch_size()
    };
    // How many rows there are makes a difference to `auto` alone.
    let by_calls = size_by(ApiChoice::Collections, 0);
    let by_jobs = size_by(ApiChoice::Bulk, 0);
    let sent = load.sent_in([(Api::Collections, by_calls), (Api::Bulk, by_jobs)], &settings);
    let rows = Box::pin(look(&store, &blob, &settings, (key, &sent), args.count)).await?;
    let quota = Quota::newest(queue.org_limits().await?, queue.api_usage().await?);
    let assumed =
        Assumed::after(&queue.runs(RUNS_LOOKED_AT).await?).with_call_rows(load.calls.rows);
    let for_repeats = |way: usize| rows.for_repeats.get(way).copied().unwrap_or_default();
    let given = Given {
        rows: rows.rows,
        row_bytes: rows.row_bytes,
        by_calls,
        by_jobs,
        by_auto: match load.calls.api {
            ApiChoice::Auto => settings.batch_size(),
            _ => size_by(ApiChoice::Auto, rows.rows),
        },
        limits: quota.map(|quota| quota.limits),
        keys_per_lookup: load
            .looks_records_up
            .then(|| keys_per_lookup(rows.keys.as_ref().map_or(0, |keys| keys.key_bytes))),
        repeats_by_calls: for_repeats(0),
        repeats_by_jobs: for_repeats(1),
        assumed,
    };
    let estimate = estimate(&given);
    let plan = Plan {
        api: match load.calls.api {
            ApiChoice::Collections => Api::Collections,
            ApiChoice::Bulk => Api::Bulk,
            ApiChoice::Auto => estimate.auto.api,
        },
        load: load.summary,
        file: blob.name,
        file_bytes: blob.bytes,
        rows: rows.rows,
        rows_are_counted: rows.are_counted,
        row_bytes: rows.row_bytes,
        bytes_read: rows.bytes_read,
        rows_with_backslash_quotes: rows.with_backslash_quotes,
        key: args.key.or(load.key_column),
        keys: rows.keys,
        kept_together: rows.kept_together,
        dates_assumed: load.dates,
        dates: rows.dates,
        limits: given.limits,
        limits_seen_at_ms: quota.map(|quota| quota.calls_seen_at_ms),
        batches_seen_at_ms: quota.map(|quota| quota.batches_seen_at_ms),
        assumed,
        estimate,
    };
    let mut out = service::stdout();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &plan)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", plan.text())?;
    }
    out.flush()?;
    let wrong = plan.dates.iter().filter(|column| column.contradicts(plan.dates_assumed));
    let wrong: Vec<String> = wrong.map(|column| column.text(plan.dates_assumed)).collect();
    if !wrong.is_empty() {
        bail!(
            "dates would be rejected or stored wrongly, if these columns fill dates: {}",
            wrong.join("; ")
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads as much of a file as it takes to say how many rows it has.
async fn look(
    store: &BlobStore,
    blob: &BlobProperties,
    settings: &ReadSettings,
    (key, sent): (Option<&str>, &[Sending]),
    counts: bool,
) -> Result<Rows, ReadError> {
    let progress = ReadProgress::default();
    let mut source = Source::start(store, blob, settings, Transfer::default(), &progress);
    let header = source.header().await?;
    // Only of a plain file is it known how much of it the rows read so far are.
    let enough = if counts || !source.keeps_bytes() { u64::MAX } else { SAMPLE_BYTES };
    let repeats = |column: Option<&str>| column.and_then(|name| Repeats::of(&header, name));
    let mut keys = repeats(key).map(|keys| keys.sent(sent));
    let mut kept_together = repeats(settings.keep_together());
    let mut dates = DateColumns::new(&header);
    let (mut rows, mut bytes, mut with_backslash_quotes) = (0, 0, 0);
    let mut are_counted = true;
    while let Some(batch) = source.next_batch().await? {
        for repeats in keys.iter_mut().chain(&mut kept_together) {
            repeats.look(&batch.rows);
        }
        dates.look(&batch.rows);
        rows += batch.records();
        with_backslash_quotes +=
            batch.rejects.iter().filter(|reject| reject.asks_for_escape()).count() as u64;
        bytes = batch.end.byte;
        if bytes >= enough && bytes < blob.bytes {
            are_counted = false;
            break;
        }
    }
    let row_bytes = bytes.checked_div(rows).unwrap_or_default();
    let keys = keys.map(Repeats::result);
    let for_repeats = keys.iter().flat_map(|keys| keys.for_repeats.iter().copied());
    let for_repeats = for_repeats
        .map(|of_sample| match are_counted {
            true => of_sample,
            false => ForRepeats {
                calls: extrapolate(of_sample.calls, bytes, blob.bytes),
                jobs: extrapolate(of_sample.jobs, bytes, blob.bytes),
                ..of_sample
            },
        })
        .collect();
    let rows = if are_counted { rows } else { extrapolate(rows, bytes, blob.bytes) };
    Ok(Rows {
        rows,
        row_bytes,
        bytes_read: bytes,
        with_backslash_quotes,
        are_counted,
        keys,
        for_repeats,
        kept_together: kept_together.map(Repeats::result),
        dates: dates.result(),
    })
}

/// As many rows as there would be if the rest of the file was like its beginning.
fn extrapolate(rows: u64, bytes: u64, file_bytes: u64) -> u64 {
    let rows = u128::from(rows) * u128::from(file_bytes) / u128::from(bytes.max(1));
    u64::try_from(rows).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_file_is_taken_to_be_like_its_beginning() {
        assert_eq!(extrapolate(50_000, 4_000_000, 8_000_000), 100_000);
        assert_eq!(extrapolate(0, 0, 8_000_000), 0);
        assert_eq!(extrapolate(u64::MAX, 1, u64::MAX), u64::MAX);
    }
}
