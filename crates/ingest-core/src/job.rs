//! What crosses the queue.
//!
//! A job is one version byte, then [postcard](https://postcard.jamesmunns.com/wire-format): records
//! stay the raw bytes they are, in one piece, and a row costs its length (1 or 2 bytes) and the
//! distance of its record number from the row before (mostly 1 byte). A job that comes back has a byte
//! more for each row: how often it was tried. The header is kept once with the run, and a job has its
//! checksum only: a header may be as large as a thousand rows.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Dialect, IdLines, Reject, Rows, RunId, Tally};

/// Changes with every change of [`WireJob`] or [`WireReject`].
const VERSION: u8 = 5;

/// The same with [`WireIds`] behind it: what comes back of a run that writes an ids file, once rows of
/// it are delivered. No other job is a byte larger for it.
const VERSION_WITH_IDS: u8 = 6;

/// One batch of one run, on its way to Salesforce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchJob {
    /// The run it belongs to.
    pub run: RunId,
    /// Number of the batch in the run, from 0.
    pub sequence: u64,
    /// How many passes ended with rows that have to be tried again.
    pub passes: u32,
    /// Raw header record, without its line end.
    pub header: Bytes,
    /// How header and rows are written.
    pub dialect: Dialect,
    /// What is still to be delivered.
    pub rows: Rows,
    /// What will not be delivered: found while reading, or refused by Salesforce.
    pub rejects: Vec<Reject>,
    /// What was delivered in earlier passes. Counts reach the ledger once, with the last row:
    /// rows + rejects + [`Tally::delivered`] are the records of the batch.
    pub tally: Tally,
    /// Which records those are, where the run writes an ids file: a line for each.
    pub ids: IdLines,
}

/// Bytes that are not a [`BatchJob`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeJobError {
    /// Programs of two versions use one queue, and the older one met a batch of the newer one:
    /// [Upgrading](upgrading.md).
    #[error(
        "batch job has encoding version {found}, and this program reads version {known}; run producer and consumer of the same version"
    )]
    UnknownVersion {
        /// Version of the bytes.
        found: u8,
        /// Version of this program.
        known: u8,
    },
    /// The batch and the run on the queue do not belong together: mostly keys of Redis were
    /// restored from different times. Cancel the run and load the file again.
    #[error("batch job has another header than its run; it was cut from another file")]
    OtherHeader,
    /// What is on the queue is damaged, or another program wrote it. Cancel the run and load the
    /// file again.
    #[error("not a batch job: {reason}")]
    Malformed {
        /// What does not fit.
        reason: &'static str,
    },
}

/// The job as it is written. Everything but the two lists is borrowed from the job or the bytes.
#[derive(Serialize, Deserialize)]
struct WireJob<'a> {
    run: &'a str,
    sequence: u64,
    passes: u32,
    delimiter: u8,
    quote: u8,
    /// 0 is none.
    escape: u8,
    /// CRC-32 of the header.
    header: u32,
    /// Of each row: its record number less that of the row before (0 at first), and its bytes.
    /// The difference wraps, so that rows may come in any order.
    spans: Vec<(u64, u64)>,
    #[serde(with = "serde_bytes")]
    raw: &'a [u8],
    #[serde(borrow)]
    rejects: Vec<WireReject<'a>>,
    tally: Tally,
    /// Of each row, how often it was tried; nothing when none was.
    #[serde(with = "serde_bytes")]
    tries: &'a [u8],
}

#[derive(Serialize, Deserialize)]
struct WireIds<'a> {
    lines: u64,
    #[serde(borrow)]
    pieces: Vec<&'a serde_bytes::Bytes>,
}

#[derive(Serialize, Deserialize)]
struct WireReject<'a> {
    record: u64,
    code: &'a str,
    message: &'a str,
    #[serde(with = "serde_bytes")]
    raw: &'a [u8],
}

impl BatchJob {
    /// The job as bytes, without its header.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let wire = WireJob {
            run: self.run.as_str(),
            sequence: self.sequence,
            passes: self.passes,
            delimiter: self.dialect.delimiter,
            quote: self.dialect.quote,
            escape: self.dialect.escape.unwrap_or(0),
            header: crc32fast::hash(&self.header),
            spans: spans(&self.rows),
            raw: self.rows.raw(),
            rejects: self.rejects.iter().map(WireReject::of).collect(),
            tally: self.tally,
            tries: self.rows.all_tries(),
        };
        let mut bytes = Vec::with_capacity(self.encoded_bytes_about());
        bytes.push(if self.ids.is_empty() { VERSION } else { VERSION_WITH_IDS });
        let bytes = to_extend(&wire, bytes);
        if self.ids.is_empty() {
            return bytes;
        }
        let pieces = self.ids.pieces().iter().map(|piece| serde_bytes::Bytes::new(piece)).collect();
        to_extend(&WireIds { lines: self.ids.len(), pieces }, bytes)
    }

    /// Reads what [`encode`](Self::encode) wrote, of a run with this header. Hostile bytes take no
    /// more memory than a small multiple of their own length.
    ///
    /// # Errors
    ///
    /// When the bytes are of another version, of a run with another header, cut, or not a job at all.
    pub fn decode(bytes: &[u8], header: &Bytes) -> Result<Self, DecodeJobError> {
        let (&found, bytes) = bytes.split_first().ok_or(malformed("it is empty"))?;
        if ![VERSION, VERSION_WITH_IDS].contains(&found) {
            return Err(DecodeJobError::UnknownVersion { found, known: VERSION });
        }
        let (wire, rest): (WireJob<'_>, _) = take(bytes)?;
        let (ids, rest) = match found {
            VERSION_WITH_IDS => take(rest)?,
            _ => (WireIds { lines: 0, pieces: Vec::new() }, rest),
        };
        if !rest.is_empty() {
            return Err(malformed("something follows it"));
        }
        let escape = Some(wire.escape).filter(|escape| *escape != 0);
        let dialect = Dialect { delimiter: wire.delimiter, quote: wire.quote, escape };
        if !dialect.is_usable() {
            return Err(malformed("its delimiter, quote or escape cannot be used"));
        }
        let mut rows = rows(&wire.spans, wire.raw)?;
        match wire.tries.len() {
            count if count == 0 || count == rows.len() => rows.set_all_tries(wire.tries.to_vec()),
            _ => return Err(malformed("its rows are not as many as their tries")),
        }
        let run = wire.run.parse().map_err(|_| malformed("its run id is not one"))?;
        if wire.header != crc32fast::hash(header) {
            return Err(DecodeJobError::OtherHeader);
        }
        Ok(Self {
            run,
            sequence: wire.sequence,
            passes: wire.passes,
            header: header.clone(),
            dialect,
            rows,
            rejects: wire.rejects.into_iter().map(WireReject::into_reject).collect(),
            tally: wire.tally,
            ids: IdLines::of(ids.lines, ids.pieces.into_iter().map(|piece| piece.to_vec())),
        })
    }

    fn encoded_bytes_about(&self) -> usize {
        let rejects: usize = self.rejects.iter().map(|reject| reject.bytes() + 16).sum();
        128 + self.rows.bytes() + 4 * self.rows.len() + rejects + self.ids.bytes()
    }
}

impl<'a> WireReject<'a> {
    fn of(reject: &'a Reject) -> Self {
        let Reject { record, code, message, raw } = reject;
        Self { record: *record, code, message, raw }
    }

    fn into_reject(self) -> Reject {
        Reject {
            record: self.record,
            code: self.code.to_owned(),
            message: self.message.to_owned(),
            raw: Bytes::copy_from_slice(self.raw),
        }
    }
}

fn to_extend(wire: &impl Serialize, bytes: Vec<u8>) -> Vec<u8> {
    postcard::to_extend(wire, bytes).expect("a Vec takes everything, and every length is known")
}

fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), DecodeJobError> {
    postcard::take_from_bytes(bytes).map_err(|error| match error {
        postcard::Error::DeserializeUnexpectedEnd => CUT,
        _ => malformed("it cannot be decoded"),
    })
}

fn spans(rows: &Rows) -> Vec<(u64, u64)> {
    let mut before = 0;
    let span = |(record, raw): (u64, &[u8])| {
        let distance = record.wrapping_sub(before);
        before = record;
        (distance, raw.len() as u64)
    };
    rows.iter().map(span).collect()
}

fn rows(spans: &[(u64, u64)], mut raw: &[u8]) -> Result<Rows, DecodeJobError> {
    const UNEQUAL: DecodeJobError = malformed("its rows are not as long as it says");
    let mut rows = Rows::with_capacity(spans.len(), raw.len());
    let mut record = 0_u64;
    for &(distance, bytes) in spans {
        let bytes = usize::try_from(bytes).map_err(|_| UNEQUAL)?;
        let (row, rest) = raw.split_at_checked(bytes).ok_or(UNEQUAL)?;
        record = record.wrapping_add(distance);
        rows.push(record, row);
        raw = rest;
    }
    if raw.is_empty() { Ok(rows) } else { Err(UNEQUAL) }
}

const CUT: DecodeJobError = malformed("its end is missing");

const fn malformed(reason: &'static str) -> DecodeJobError {
    DecodeJobError::Malformed { reason }
}
