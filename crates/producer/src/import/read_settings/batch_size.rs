//! How large the batches of a run are: as large as a call of its API. Pure.

use job_queue::RunLoad;
use load::{Api, ApiChoice, Load};

use super::ReadSettings;

/// Rows of a call of Collections, at most.
const CALL_ROWS: usize = 200;

/// Rows of an ingest job that are one of the day's Bulk batches, at most.
const JOB_ROWS: usize = 10_000;

/// What a call may have: 200 rows of 5 KB each.
const CALL_BYTES: usize = 1 << 20;

/// A consumer has four batches at a time, and of a batch that becomes a job it has the rows, their JSON
/// and its CSV: measured, 79 MiB with this, and 103 MiB with twice as much, more than the 96 MiB of a
/// container. Ten thousand rows of 400 bytes fit in.
const JOB_BYTES: usize = 4 << 20;

/// A packed file has so many bytes for each one that is stored, about: CSV is packed to a fifth.
const UNPACKED: u64 = 5;

/// The size of batches: one ends with whichever it reaches first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchSize {
    pub(crate) rows: usize,
    pub(crate) bytes_max: usize,
}

/// What a run says of its API, as far as it is known when its file is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) api: ApiChoice,
    /// Rows of one call of Collections.
    pub(crate) rows: usize,
}

impl Default for Calls {
    /// Of a run without a load, which the consumers decide later: whatever API it is by, no call of
    /// Collections is half empty.
    fn default() -> Self {
        Self { api: ApiChoice::Collections, rows: CALL_ROWS }
    }
}

impl Calls {
    /// Those of a run with this load, which may be of a consumer that knows more.
    pub(crate) fn of(load: &RunLoad) -> Self {
        Load::from_json(&load.text).map(|load| Self::of_load(&load)).unwrap_or_default()
    }

    pub(crate) fn of_load(load: &Load) -> Self {
        let api = if load.operation.is_by_bulk_only() { ApiChoice::Bulk } else { load.api };
        Self { api, rows: load.call_rows_max }
    }

    /// With another API, or other rows of a call, where they are said.
    pub(crate) fn with(self, api: Option<ApiChoice>, rows: Option<usize>) -> Self {
        Self { api: api.unwrap_or(self.api), rows: rows.unwrap_or(self.rows) }
    }

    /// By which API a run goes that has about so many rows, if all of its batches are as large as they
    /// may be.
    pub(crate) fn api_for(self, rows: u64) -> Api {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        match self.api {
            ApiChoice::Collections => Api::Collections,
            ApiChoice::Bulk => Api::Bulk,
            ApiChoice::Auto => Api::for_batch(rows, true),
        }
    }
}

impl BatchSize {
    /// Batches of which each is a call of this API, or several full ones.
    pub(crate) fn for_api(api: Api, call_rows: usize) -> Self {
        match api {
            Api::Collections => {
                let call_rows = call_rows.clamp(1, CALL_ROWS);
                Self { rows: CALL_ROWS / call_rows * call_rows, bytes_max: CALL_BYTES }
            }
            Api::Bulk => Self { rows: JOB_ROWS, bytes_max: JOB_BYTES },
        }
    }
}

impl ReadSettings {
    /// Whether the size of batches depends on how many rows the file has.
    pub(crate) fn asks_for_rows(&self, calls: Calls) -> bool {
        calls.api == ApiChoice::Auto && self.batch_rows.is_none()
    }

    /// The same with the size of batches of a run of about so many rows. What is set stays.
    pub(crate) fn in_batches_for(self, calls: Calls, rows: u64) -> Self {
        let set = self.batch_rows.map(|rows| u64::try_from(rows).unwrap_or(u64::MAX));
        let size = BatchSize::for_api(calls.api_for(set.unwrap_or(rows)), calls.rows);
        Self {
            batch_rows: self.batch_rows.or(Some(size.rows)),
            batch_bytes_max: self.batch_bytes_max.or(Some(size.bytes_max)),
            ..self
        }
    }

    /// The size of batches. Before it is decided it is that of a run without a load.
    pub(crate) fn batch_size(&self) -> BatchSize {
        let Calls { rows, .. } = Calls::default();
        let default = BatchSize::for_api(Api::Collections, rows);
        BatchSize {
            rows: self.batch_rows.unwrap_or(default.rows),
            bytes_max: self.batch_bytes_max.unwrap_or(default.bytes_max),
        }
    }
}

/// How many rows a file has if all of it is like its beginning.
pub(crate) fn guess_rows(beginning: Beginning, file_bytes: u64) -> u64 {
    let Beginning { rows, bytes, is_all, is_packed } = beginning;
    if is_all {
        return rows;
    }
    let text_bytes = if is_packed { file_bytes.saturating_mul(UNPACKED) } else { file_bytes };
    let rows = u128::from(rows) * u128::from(text_bytes) / u128::from(bytes.max(1));
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// The first rows of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beginning {
    pub(crate) rows: u64,
    /// Of these rows, decoded.
    pub(crate) bytes: u64,
    /// The file has no more.
    pub(crate) is_all: bool,
    /// The file's bytes are fewer than those of its text.
    pub(crate) is_packed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(api: ApiChoice, rows: usize) -> Calls {
        Calls { api, rows }
    }

    #[test]
    fn batches_are_as_large_as_a_call_of_the_api() {
        use ApiChoice::{Auto, Bulk, Collections};
        let (call, job) = ((200, 1 << 20), (10_000, 4 << 20));
        for (api, rows, expected) in [
            (Collections, 1, call),
            (Collections, 1_000_000, call),
            (Bulk, 1, job),
            (Bulk, 1_000_000, job),
            (Auto, 0, call),
            (Auto, 2_000, call),
            (Auto, 2_001, job),
            (Auto, u64::MAX, job),
        ] {
            let size = ReadSettings::default_for_tests()
                .in_batches_for(calls(api, 200), rows)
                .batch_size();
            assert_eq!((size.rows, size.bytes_max), expected, "{api:?}, {rows} rows");
        }
    }

    #[test]
    fn a_batch_of_a_load_with_smaller_calls_is_full_calls() {
        for (call_rows, expected) in
            [(200, 200), (150, 150), (100, 200), (60, 180), (7, 196), (1, 200), (0, 200)]
        {
            let size = BatchSize::for_api(Api::Collections, call_rows);
            assert_eq!(size.rows, expected, "{call_rows} rows a call");
        }
    }

    #[test]
    fn what_is_set_stays_and_decides_the_rest() {
        use ApiChoice::{Auto, Bulk, Collections};
        let mib = 1 << 20;
        for (api, rows, bytes_max, expected) in [
            (Collections, Some(10_000), None, (10_000, mib)),
            (Bulk, Some(100), None, (100, 4 * mib)),
            (Bulk, None, Some(4_096), (10_000, 4_096)),
            (Auto, Some(2_000), None, (2_000, mib)),
            (Auto, Some(2_001), None, (2_001, 4 * mib)),
            (Auto, Some(100), Some(4_096), (100, 4_096)),
        ] {
            let settings = ReadSettings {
                batch_rows: rows,
                batch_bytes_max: bytes_max,
                ..ReadSettings::default_for_tests()
            };
            assert_eq!(settings.asks_for_rows(calls(api, 200)), rows.is_none() && api == Auto);
            let size = settings.in_batches_for(calls(api, 200), 50_000).batch_size();
            assert_eq!((size.rows, size.bytes_max), expected, "{api:?} {rows:?} {bytes_max:?}");
        }
    }

    #[test]
    fn rows_are_guessed_from_the_beginning_of_the_file() {
        let beginning = Beginning { rows: 640, bytes: 64_000, is_all: false, is_packed: false };
        for (beginning, file_bytes, expected) in [
            (beginning, 200_000, 2_000),
            (Beginning { is_packed: true, ..beginning }, 200_000, 10_000),
            (Beginning { is_all: true, is_packed: true, ..beginning }, 9_000, 640),
            (Beginning::default(), 200_000, 0),
            (Beginning { rows: u64::MAX, bytes: 1, ..beginning }, u64::MAX, u64::MAX),
        ] {
            assert_eq!(guess_rows(beginning, file_bytes), expected, "{beginning:?}");
        }
    }
}
