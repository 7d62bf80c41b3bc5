//! The rows of a batch that one ingest job carries, as the CSV that is uploaded.

use load::{CsvRows, EncodedRow};

use crate::delivery::rest::chunk_rows;

/// What one ingest job carries.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    /// Header and rows, each with its line end.
    pub(crate) csv: Vec<u8>,
    /// Names in the header.
    pub(crate) columns: Vec<String>,
    pub(crate) rows: JobRows,
    /// Rows that Bulk cannot carry as they are.
    pub(crate) by_calls: Vec<usize>,
    /// Rows that repeat a key of these, in rounds in which no key comes twice. Of a job that could not
    /// carry all of the first round there are none: the next one goes on with it.
    pub(crate) repeats: Vec<Vec<usize>>,
}

/// The rows of one ingest job, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JobRows {
    /// Index of each in the batch.
    pub(crate) indexes: Vec<usize>,
    /// Fingerprint of the key of each; 0 without one.
    pub(crate) key_prints: Vec<u64>,
}

/// Bytes of one upload; Salesforce takes 100 MB. Rows beyond it wait for the next job.
pub(crate) const UPLOAD_BYTES_MAX: usize = 32 << 20;

/// Rows of one internal batch of Salesforce.
const JOB_ROWS_MAX: usize = 10_000;

impl Upload {
    /// The first of the jobs that carry these rows, up to so many bytes, without rows that repeat a key.
    /// The same rows give the same upload each time: a consumer that continues with the job of another
    /// one knows what is in it.
    pub(crate) fn of(rows: CsvRows, bytes_max: usize) -> Self {
        let mut rounds = chunk_rows(rows.rows(), usize::MAX);
        let first = rounds.pop_front().unwrap_or_default().rows;
        let (mut indexes, mut by_calls) = (Vec::with_capacity(first.len()), Vec::new());
        let mut bytes = rows.header_bytes();
        for index in &first {
            let index = *index;
            let EncodedRow::Ready { text, .. } = &rows.rows()[index] else {
                by_calls.push(index);
                continue;
            };
            bytes += text.len();
            if bytes > bytes_max && !indexes.is_empty() {
                break;
            }
            indexes.push(index);
            if indexes.len() == JOB_ROWS_MAX {
                break;
            }
        }
        let is_whole = indexes.len() + by_calls.len() == first.len();
        let repeats = rounds.into_iter().map(|round| round.rows).filter(|_| is_whole).collect();
        let key_prints = indexes.iter().map(|index| rows.key_prints()[*index]).collect();
        let columns = rows.columns().to_vec();
        let csv = rows.into_csv(&indexes);
        Self { csv, columns, rows: JobRows { indexes, key_prints }, by_calls, repeats }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::csv_rows;

    #[test]
    fn rows_that_repeat_a_key_are_in_no_job_and_what_csv_cannot_say_goes_by_calls() {
        let upload = Upload::of(csv_rows(&["a", "b", "A", "c\r\nd", "", "e"]), UPLOAD_BYTES_MAX);

        assert_eq!(upload.csv, b"Key__c\na\nb\ne\n");
        assert_eq!((&upload.rows.indexes[..], &upload.by_calls[..]), (&[0, 1, 5][..], &[3][..]));
        assert_eq!(upload.repeats, [[2]]);
    }

    #[test]
    fn rows_that_repeat_a_key_come_in_rounds_behind_a_job_that_has_all_keys() {
        let upload = |bytes_max| Upload::of(csv_rows(&["a", "b", "a", "A", "b", "a"]), bytes_max);

        assert_eq!(upload(UPLOAD_BYTES_MAX).repeats, [vec![2, 4], vec![3], vec![5]]);
        assert_eq!(upload(1).repeats, Vec::<Vec<usize>>::new(), "`b` was not sent yet");
    }

    #[test]
    fn an_upload_is_bounded_and_the_rest_waits() {
        let rows = |bytes_max| Upload::of(csv_rows(&["aaaa", "bbbb", "cccc"]), bytes_max);

        assert_eq!(rows(17).rows.indexes, [0, 1]);
        assert_eq!(rows(1).rows.indexes, [0], "one always goes");
        assert_eq!(rows(17).csv, b"Key__c\naaaa\nbbbb\n");
    }
}
