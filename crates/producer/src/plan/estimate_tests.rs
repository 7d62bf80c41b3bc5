//! What a load will take, as tables.

use job_queue::{Allowance, OrgLimits};
use load::Api;

use super::{estimate::*, rounds::ForRepeats};
use crate::import::read_settings::BatchSize;

fn given(rows: u64) -> Given {
    Given {
        rows,
        row_bytes: 75,
        by_calls: BatchSize::for_api(Api::Collections, 200),
        by_jobs: BatchSize::for_api(Api::Bulk, 200),
        by_auto: BatchSize::for_api(Api::Bulk, 200),
        limits: Some(limits(100_000, 15_000)),
        keys_per_lookup: None,
        repeats_by_calls: ForRepeats::default(),
        repeats_by_jobs: ForRepeats::default(),
        assumed: Assumed::new(None, None),
    }
}

fn limits(calls: u64, bulk: u64) -> OrgLimits {
    OrgLimits {
        calls: Allowance { max: 100_000, left: calls },
        bulk_batches: Some(Allowance { max: 15_000, left: bulk }),
    }
}

#[test]
fn calls_and_jobs_are_counted() {
    for (rows, calls, jobs, calls_of_jobs) in
        [(0, 0, 0, 0), (1, 1, 1, 10), (200_000, 1_000, 20, 200), (10_001, 51, 2, 20)]
    {
        let estimate = estimate(&given(rows));

        let way = |way: &Way| (way.batches, way.api_calls, way.bulk_batches);
        assert_eq!(way(&estimate.collections), (calls, calls, 0), "{rows} rows");
        assert_eq!(way(&estimate.bulk), (jobs, calls_of_jobs, jobs), "{rows} rows");
    }
}

#[test]
fn batches_are_as_they_are_set_and_each_has_calls_of_its_own() {
    let set = |rows| BatchSize { rows, bytes_max: 1 << 20 };
    for (rows, calls_of_batches, jobs) in
        [(100, 2_000, 2_000), (200, 1_000, 1_000), (250, 1_600, 800), (10_000, 1_000, 20)]
    {
        let given = Given { by_calls: set(rows), by_jobs: set(rows), ..given(200_000) };

        let Estimate { collections, bulk, advice, .. } = estimate(&given);

        assert_eq!((collections.api_calls, bulk.bulk_batches), (calls_of_batches, jobs));
        assert_eq!((advice.batch_rows, advice.has_batch_rows), (200, rows == 200));
    }
    let long = estimate(&Given { row_bytes: 10_000, ..given(200_000) }).collections;
    assert_eq!((long.batch_rows, long.api_calls), (104, 1_924), "of a MiB each");
}

#[test]
fn calls_that_look_records_up_are_counted_as_all_others() {
    for (rows, keys, collections, bulk) in [
        (0, 200, (0, 0), (0, 0)),
        (1, 200, (2, 1), (11, 1)),
        (200, 200, (2, 1), (11, 1)),
        (1_000, 200, (10, 5), (15, 5)),
        (10_001, 200, (102, 51), (71, 51)),
        (1_000, 45, (30, 25), (33, 23)),
    ] {
        let estimate = estimate(&Given { keys_per_lookup: Some(keys), ..given(rows) });

        let way = |way: &Way| (way.api_calls, way.lookups);
        assert_eq!(way(&estimate.collections), collections, "{rows} rows, {keys} keys");
        assert_eq!(way(&estimate.bulk), bulk, "{rows} rows, {keys} keys");
    }
    let given = Given { keys_per_lookup: Some(200), ..given(200_000) };
    assert_eq!((estimate(&given).collections.seconds, estimate(&given).bulk.seconds), (200, 400));
    assert_eq!(
        [0, 10, 59, 60, 264, 3_069, 99_999].map(keys_per_lookup),
        [200, 200, 200, 197, 44, 3, 1]
    );
}

#[test]
fn auto_goes_by_the_batches_as_they_are_set_and_by_what_is_left() {
    let full = 15_000;
    for (batch_rows, batch_bytes_max, row_bytes, bulk_left, expected) in [
        (100, 1 << 20, 75, full, Api::Collections),
        (10_000, 1 << 20, 75, full, Api::Bulk),
        (10_000, 1 << 20, 75, 1_500, Api::Collections),
        (10_000, 1 << 20, 600, full, Api::Collections),
        (10_000, 8 << 20, 600, full, Api::Bulk),
    ] {
        let limits = Some(limits(100_000, bulk_left));
        let by_auto = BatchSize { rows: batch_rows, bytes_max: batch_bytes_max };
        let given = Given { by_auto, row_bytes, limits, ..given(200_000) };

        let choice = estimate(&given).auto;

        assert_eq!(choice.api, expected, "{given:?}: {}", choice.why);
    }
}

#[test]
fn the_faster_way_of_those_that_fit_is_advised() {
    // Of 10,000 calls that are kept for others, 500 more are left than that.
    let few_calls = Some(limits(10_500, 15_000));
    for (rows, row_bytes, limits, api, batch_rows, batch_bytes_max) in [
        (200_000, 75, Some(limits(100_000, 15_000)), Api::Collections, 200, 1 << 20),
        (200_000, 75, None, Api::Collections, 200, 1 << 20),
        (20_000, 75, few_calls, Api::Collections, 200, 1 << 20),
        (200_000, 75, few_calls, Api::Bulk, 10_000, 4 << 20),
        (200_000, 300, few_calls, Api::Bulk, 10_000, 4 << 20),
        (200_000, 1_600, few_calls, Api::Bulk, 10_000, 16 << 20),
        (30_000, 75, Some(limits(1_400, 15_000)), Api::Bulk, 10_000, 4 << 20),
        (200_000, 75, Some(limits(100_000, 1_510)), Api::Collections, 200, 1 << 20),
        (200_000, 9_000, Some(limits(100_000, 15_000)), Api::Collections, 200, 4 << 20),
        (200_000, 9_000, few_calls, Api::Collections, 200, 4 << 20),
    ] {
        let given = Given { row_bytes, limits, ..given(rows) };

        let advice = estimate(&given).advice;

        let found = (advice.api, advice.batch_rows, advice.batch_bytes_max);
        assert_eq!(found, (api, batch_rows, batch_bytes_max), "{given:?}: {}", advice.why);
    }
}

#[test]
fn what_was_measured_decides_which_way_is_the_faster_one() {
    for (by_calls, by_jobs, api) in
        [(100, 2_000, Api::Bulk), (2_000, 100, Api::Collections), (500, 500, Api::Collections)]
    {
        let assumed = Assumed::new(Some(by_calls), Some(by_jobs));

        let estimate = estimate(&Given { assumed, ..given(200_000) });

        assert_eq!(estimate.advice.api, api, "{by_calls} {by_jobs}");
    }
}

#[test]
fn a_consumer_holds_no_more_large_batches_than_it_has_memory_for() {
    for (row_bytes, batch_bytes_max, consumer_concurrency) in
        [(75, 4 << 20, 12), (300, 4 << 20, 3), (600, 8 << 20, 1), (1_600, 16 << 20, 1)]
    {
        let limits = Some(limits(10_500, 15_000));
        let advice = estimate(&Given { row_bytes, limits, ..given(200_000) }).advice;

        let found = (advice.batch_bytes_max, advice.consumer_concurrency);
        assert_eq!(found, (batch_bytes_max, consumer_concurrency), "rows of {row_bytes} bytes");
    }
}

#[test]
fn what_the_org_has_left_is_compared_with_what_is_needed() {
    let fit = |limits| {
        let estimate = estimate(&Given { limits, ..given(200_000) });
        (estimate.collections.fits_today, estimate.bulk.fits_today)
    };

    assert_eq!(fit(None), (None, None));
    assert_eq!(fit(Some(limits(11_000, 1_520))), (Some(true), Some(true)));
    assert_eq!(fit(Some(limits(10_999, 1_519))), (Some(false), Some(false)));
}

#[test]
fn time_is_measured_where_it_was_and_else_assumed() {
    let assumed = estimate(&given(200_000));
    let measured =
        estimate(&Given { assumed: Assumed::new(Some(2_000), Some(500)), ..given(200_000) });

    assert_eq!((assumed.collections.seconds, assumed.bulk.seconds), (100, 300));
    assert!(!assumed.collections.is_measured && !assumed.bulk.is_measured);
    assert_eq!((measured.collections.seconds, measured.bulk.seconds), (100, 400));
    assert!(measured.collections.is_measured && measured.bulk.is_measured);
}

#[test]
fn rows_that_repeat_a_key_take_calls_and_jobs_of_their_own() {
    let repeats_by_calls = ForRepeats { calls: 70, jobs: 0, in_a_row: 60 };
    let repeats_by_jobs = ForRepeats { calls: 30, jobs: 2, in_a_row: 25 };
    let given = Given { repeats_by_calls, repeats_by_jobs, ..given(2_000) };

    let Estimate { collections, bulk, .. } = estimate(&given);

    let way = |way: &Way| (way.batches, way.api_calls, way.for_repeats, way.bulk_batches);
    assert_eq!(way(&collections), (10, 80, 70, 0));
    assert_eq!(way(&bulk), (1, 10 + 20 + 30, 50, 3));
    assert_eq!(
        (collections.seconds, bulk.seconds),
        (60, 60 + 25),
        "of one batch, one after another"
    );
}
