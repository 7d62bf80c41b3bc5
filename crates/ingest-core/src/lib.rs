//! Turns the bytes of a CSV file into batches of records, in bounded memory.
//!
//! ```text
//! chunks ──Transcoder──▶ UTF-8 ──────────Ingest──────────▶ batches ──▶ BatchJob ──▶ queue
//!         (only if it is not)   Opening · RecordDecoder · Batcher
//! ```
//!
//! Nothing here does I/O: [`Ingest`] is a plain state machine. It is given chunks, cut anywhere,
//! and gives [`Batch`]es, which hold the records **as they came**, byte for byte. A record that
//! cannot become a row is a [`Reject`] in the batch and does not end the reading; only an unusable
//! header does ([`IngestError`]).
//!
//! ```
//! use ingest_core::{BatchLimits, Ingest, IngestSettings};
//!
//! let mut ingest = Ingest::start(IngestSettings {
//!     delimiter: None,
//!     quote: b'"',
//!     escape: None,
//!     record_bytes_max: 1 << 20,
//!     batch: BatchLimits { rows_max: 2, bytes_max: 1 << 20 },
//! });
//!
//! ingest.push("id,note\n1,\"two\nlines\"\n2,pl".into());
//! assert!(ingest.next_batch()?.is_none()); // the second record may go on
//! ingest.push("ain\n3,one,too many\n".into());
//!
//! let first = ingest.next_batch()?.expect("two records were read");
//! let rows: Vec<_> = first.rows.iter().collect();
//! assert_eq!(rows, [(1, &b"1,\"two\nlines\""[..]), (2, &b"2,plain"[..])]);
//!
//! let last = ingest.finish()?.expect("one record is left");
//! assert_eq!(
//!     last.rejects[0].message,
//!     "record 3 (line 5, byte 30): found 3 fields, but the header has 2"
//! );
//! assert_eq!(ingest.finish()?, None);
//! # Ok::<(), ingest_core::IngestError>(())
//! ```
//!
//! A record is fields between delimiters. A field that starts with a quote may hold delimiters and
//! line breaks, and quotes that are doubled (or escaped, see [`Dialect::escape`]), and has nothing
//! but blanks behind its closing quote. A quote anywhere else is a character; LF, CRLF and a lone CR
//! end a record; blank lines are no records.
//!
//! A missing closing quote would join lines into one record. So a record ends with the line on which
//! a quote opens that is not closed: neither within the limit nor before the end of the input, or
//! only by a quote that stands where one opens (`"open⏎2,"closed"`). It is a reject, and reading
//! goes on behind that line.

mod batch;
mod cell;
mod code;
pub mod commands;
mod decode;
mod dialect;
mod error;
mod escape;
mod fast_path;
mod first_record;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod header;
mod ids_columns;
mod ids_file;
mod ingest;
mod input;
mod job;
mod key;
mod lines;
mod nearest;
mod position;
mod preamble;
mod record;
mod record_id;
mod reject;
mod reject_class;
mod reject_code;
mod reject_columns;
mod rejects_file;
mod replay;
mod rows;
mod run;
mod scan;
mod sep_line;
mod settings;
mod short_list;
mod skip_limit;
mod spreadsheet;
mod tally;
mod transcode;
mod utf_8_look;

pub use batch::{Batch, BatchLimits};
pub use cell::Cells;
pub use code::{CODES_MAX, code_and_message, is_code};
pub use dialect::Dialect;
pub use error::{DataKind, IngestError, PackedFormat};
pub use escape::{is_control, push_shown, shown};
pub use header::{Header, RepeatedName};
pub use ids_file::{IdLine, IdLines, ids_header, ids_key_name};
pub use ingest::Ingest;
pub use job::{BatchJob, DecodeJobError};
pub use key::{is_record_id, number_by_value, read_exponent, trimmed};
pub use lines::Lines;
pub use nearest::{nearest, nearest_within};
pub use position::{Position, ResumePoint};
pub use record_id::RecordId;
pub use reject::Reject;
pub use reject_class::RejectClass;
pub use reject_code::{RejectCode, http_code, may_be_done};
pub use rejects_file::{reject_line, rejects_header, strip_reject_columns};
pub use replay::Replay;
pub use rows::Rows;
pub use run::{InvalidRunId, RunId};
pub use settings::{HeaderLimits, IngestSettings};
pub use short_list::few;
pub use spreadsheet::SpreadsheetCopy;
pub use tally::Tally;
pub use transcode::{Transcoder, UnknownEncoding, is_utf_8};
