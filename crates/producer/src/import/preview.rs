//! The first records of a file, for somebody who wants to see what it is.

use std::num::NonZero;

use blob_store::BlobProperties;
use ingest_core::{Header, Rows};
use serde::Serialize;

use crate::import::{
    compression::Packing,
    error::{ReadError, SyncError},
    open_file::FileOpener,
    read_settings::ReadSettings,
    source::{ReadProgress, Source, Step, Transfer},
};

/// Records that are shown, at most.
const RECORDS_MAX: usize = 20;

/// Decoded bytes in which they have to be, and the header before them.
const BYTES_MAX: u64 = 4 << 20;

/// So many decoded bytes are read in any case: the number of rows is estimated from them.
const SAMPLE_BYTES: u64 = 256 << 10;

/// Characters of a cell, and bytes of all cells together. What does not fit is not shown.
const CELL_CHARACTERS_MAX: usize = 200;
const CELLS_BYTES_MAX: usize = 1 << 20;

/// What a file is and has, as its first bytes tell.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Preview {
    file: String,
    bytes: u64,
    etag: String,
    /// How the file is stored.
    packing: Option<Packing>,
    encoding: String,
    delimiter: char,
    quote: char,
    escape: Option<char>,
    columns: Vec<String>,
    rows: Vec<PreviewRow>,
    /// Those of the first records that are no rows.
    rejects: Vec<PreviewReject>,
    /// Whether there are no other records than these.
    is_all: bool,
    /// How many rows there are if the rest of the file is like its beginning; unknown for a file whose
    /// bytes are not those of its text.
    rows_about: Option<u64>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct PreviewRow {
    /// From 1.
    record: u64,
    cells: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct PreviewReject {
    record: u64,
    code: String,
    message: String,
}

/// What was read of a file.
struct Look {
    source: Source,
    header: Header,
    rows: Vec<PreviewRow>,
    rejects: Vec<PreviewReject>,
    /// How many records there were, shown or not.
    records: u64,
    /// Whether the file has no more.
    ended: bool,
    /// Where the last of them ended.
    end_byte: u64,
}

impl FileOpener<'_> {
    /// Reads the beginning of a file as a run would. `None`: there is no header in it.
    pub(crate) async fn preview(
        &self,
        file: &str,
        settings: &ReadSettings,
    ) -> Result<Option<Preview>, SyncError> {
        let blob = self.store.properties(file).await.map_err(ReadError::from)?;
        let settings = self.settings_of_ids(&blob, settings.clone().by_record()).await?;
        let (as_rejects, is_of_known_run) = self.settings_of_rejects(&blob, &settings).await?;
        let settings = if is_of_known_run { as_rejects.clone().of_all_columns() } else { settings };
        let Some(look) = self.look(&blob, &settings).await? else { return Ok(None) };
        if !look.header.is_of_rejects_file() {
            return Ok(Some(look.preview(blob, settings)));
        }
        let look = self.look(&blob, &as_rejects).await?;
        Ok(look.map(|look| look.preview(blob, as_rejects)))
    }

    async fn look(
        &self,
        blob: &BlobProperties,
        settings: &ReadSettings,
    ) -> Result<Option<Look>, SyncError> {
        let transfer = Transfer {
            chunk_bytes: const { NonZero::new(256 << 10).expect("not zero") },
            window: NonZero::<u32>::MIN,
            ..self.transfer
        };
        let progress = ReadProgress::default();
        let mut source = Source::start(self.store, blob, settings, transfer, &progress);
        let (mut rows, mut rejects) = (Vec::new(), Vec::new());
        let (mut records, mut end_byte, mut cells_bytes) = (0_u64, 0, 0);
        let mut ended = false;
        // All that was decoded before a chunk has been given out when the chunk comes.
        let mut decoded_before = 0;
        loop {
            match source.step().await? {
                Step::End => {
                    ended = true;
                    break;
                }
                Step::Chunk(_) => {
                    let is_enough =
                        rows.len() + rejects.len() >= RECORDS_MAX && decoded_before >= SAMPLE_BYTES;
                    if is_enough || decoded_before >= BYTES_MAX {
                        break;
                    }
                    decoded_before = source.decoded();
                }
                Step::Batch(batch) => {
                    records += batch.records();
                    end_byte = batch.end.byte;
                    if rows.len() + rejects.len() >= RECORDS_MAX || cells_bytes >= CELLS_BYTES_MAX {
                        continue;
                    }
                    let header = source.header_so_far().expect("it is before the records");
                    let shown = shown_rows(&batch.rows, header);
                    let bytes = |row: &PreviewRow| row.cells.iter().map(String::len).sum::<usize>();
                    cells_bytes += shown.iter().map(bytes).sum::<usize>();
                    rows.extend(shown);
                    rejects.extend(batch.rejects.into_iter().map(|reject| PreviewReject {
                        record: reject.record,
                        code: reject.code,
                        message: reject.message,
                    }));
                }
            }
        }
        let Some(header) = source.header_so_far().cloned() else { return Ok(None) };
        Ok(Some(Look { source, header, rows, rejects, records, ended, end_byte }))
    }
}

impl Look {
    fn preview(self, blob: BlobProperties, settings: ReadSettings) -> Preview {
        let Self { source, header, rows, rejects, records, ended, end_byte } = self;
        let is_all = ended && (rows.len() + rejects.len()) as u64 == records;
        let rows_about = match ended {
            true => Some(records),
            false if source.keeps_bytes() && records > 0 => {
                Some(extrapolate(records, end_byte, blob.bytes))
            }
            false => None,
        };
        let dialect = header.dialect();
        let settings = settings.with(dialect, source.packing(), source.told_encoding());
        Preview {
            file: blob.name,
            bytes: blob.bytes,
            etag: blob.etag.to_string(),
            packing: settings.packing,
            encoding: settings.encoding,
            delimiter: dialect.delimiter.into(),
            quote: dialect.quote.into(),
            escape: dialect.escape.map(char::from),
            columns: header.columns().to_vec(),
            rows,
            rejects,
            is_all,
            rows_about,
        }
    }
}

fn shown_rows(rows: &Rows, header: &Header) -> Vec<PreviewRow> {
    let mut text = Vec::new();
    let shown = rows.iter().map(|(record, raw)| {
        let mut cells = Vec::new();
        header.dialect().for_each_cell(raw, &mut text, |cell| cells.push(cut(cell)));
        PreviewRow { record, cells }
    });
    shown.collect()
}

/// A cell, as much of it as is shown.
fn cut(cell: &[u8]) -> String {
    // A character has four bytes at most.
    let beginning = &cell[..cell.len().min(4 * CELL_CHARACTERS_MAX + 4)];
    let text = String::from_utf8_lossy(beginning);
    match text.char_indices().nth(CELL_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// As many as there would be if the rest was like the beginning.
fn extrapolate(records: u64, bytes: u64, of_bytes: u64) -> u64 {
    let records = u128::from(records) * u128::from(of_bytes) / u128::from(bytes.max(1));
    u64::try_from(records).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_cut_between_two_characters_and_says_so() {
        assert_eq!(cut("Zürich".as_bytes()), "Zürich");
        assert_eq!(cut("😀".repeat(200).as_bytes()), "😀".repeat(200));
        assert_eq!(cut("😀".repeat(201).as_bytes()), format!("{}…", "😀".repeat(200)));
        assert_eq!(cut("ä".repeat(1 << 20).as_bytes()), format!("{}…", "ä".repeat(200)));
    }
}
