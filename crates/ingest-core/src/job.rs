//! What crosses the queue.
//!
//! A job is one version byte (and the escape character, if there is one), then
//! [postcard](https://postcard.jamesmunns.com/wire-format): records stay the raw bytes they are, in
//! one piece, and a row costs its length (1 or 2 bytes) and the distance of its record number from
//! the row before (mostly 1 byte). A job that comes back has a byte more for each row: how often it
//! was tried.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Dialect, Reject, Rows, RunId};

/// Changes with every change of [`WireJob`] or [`WireReject`].
const VERSION: u8 = 2;

/// The same with the escape character in front: a program that does not know it must not read such
/// rows, and reads all others.
const VERSION_WITH_ESCAPE: u8 = 3;

/// The same for jobs that come back: the escape character, or 0 for none, in front, and behind it how
/// often each row was tried. In jobs of the versions before, a batch that had so many passes has rows
/// that were tried so often.
const VERSION_WITH_TRIES: u8 = 4;

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
}

/// What a batch has come to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows that Salesforce stored as new.
    pub created: u64,
    /// Rows that Salesforce had and changed.
    pub updated: u64,
    /// Rows whose record Salesforce deleted, or had deleted before.
    pub deleted: u64,
    /// Rows that were sent again.
    pub retried: u64,
    /// Calls to Salesforce's API.
    pub api_calls: u64,
}

impl Tally {
    /// Rows of which Salesforce did what was asked.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.created.saturating_add(self.updated).saturating_add(self.deleted)
    }
}

/// Bytes that are not a [`BatchJob`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeJobError {
    /// Written by a program with another encoding.
    #[error(
        "batch job has encoding version {found}, and this program reads version {known}; run producer and consumer of the same version"
    )]
    UnknownVersion {
        /// Version of the bytes.
        found: u8,
        /// Version of this program.
        known: u8,
    },
    /// Cut, or not a job at all.
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
    #[serde(with = "serde_bytes")]
    header: &'a [u8],
    /// Of each row: its record number less that of the row before (0 at first), and its bytes.
    /// The difference wraps, so that rows may come in any order.
    spans: Vec<(u64, u64)>,
    #[serde(with = "serde_bytes")]
    raw: &'a [u8],
    #[serde(borrow)]
    rejects: Vec<WireReject<'a>>,
    tally: Tally,
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
    /// The job as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let wire = WireJob {
            run: self.run.as_str(),
            sequence: self.sequence,
            passes: self.passes,
            delimiter: self.dialect.delimiter,
            quote: self.dialect.quote,
            header: &self.header,
            spans: spans(&self.rows),
            raw: self.rows.raw(),
            rejects: self.rejects.iter().map(WireReject::of).collect(),
            tally: self.tally,
        };
        let mut bytes = Vec::with_capacity(self.encoded_bytes_about());
        let comes_back = self.passes > 0 || !self.rows.all_tries().is_empty();
        match self.dialect.escape {
            escape if comes_back => bytes.extend([VERSION_WITH_TRIES, escape.unwrap_or(0)]),
            None => bytes.push(VERSION),
            Some(escape) => bytes.extend([VERSION_WITH_ESCAPE, escape]),
        }
        let bytes = postcard::to_extend(&wire, bytes).expect(FITS);
        if !comes_back {
            return bytes;
        }
        postcard::to_extend(serde_bytes::Bytes::new(self.rows.all_tries()), bytes).expect(FITS)
    }

    /// Reads what [`encode`](Self::encode) wrote. Hostile bytes take no more memory than a small
    /// multiple of their own length.
    ///
    /// # Errors
    ///
    /// When the bytes are of another version, cut, or not a job at all.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeJobError> {
        let (&found, bytes) = bytes.split_first().ok_or(malformed("it is empty"))?;
        let (escape, bytes) = match (found, bytes) {
            (VERSION, _) => (None, bytes),
            (VERSION_WITH_ESCAPE, [escape, bytes @ ..]) => (Some(*escape), bytes),
            (VERSION_WITH_TRIES, [0, bytes @ ..]) => (None, bytes),
            (VERSION_WITH_TRIES, [escape, bytes @ ..]) => (Some(*escape), bytes),
            (VERSION_WITH_ESCAPE | VERSION_WITH_TRIES, []) => return Err(CUT),
            _ => {
                let known = VERSION_WITH_TRIES;
                return Err(DecodeJobError::UnknownVersion { found, known });
            }
        };
        let (wire, rest) = take::<WireJob<'_>>(bytes)?;
        let (tries, rest) = match found {
            VERSION_WITH_TRIES => take::<&serde_bytes::Bytes>(rest)?,
            _ => (Default::default(), rest),
        };
        if !rest.is_empty() {
            return Err(malformed("something follows it"));
        }
        let dialect = Dialect { delimiter: wire.delimiter, quote: wire.quote, escape };
        if !dialect.is_usable() {
            return Err(malformed("its delimiter, quote or escape cannot be used"));
        }
        let mut rows = rows(&wire.spans, wire.raw)?;
        match tries.len() {
            0 if found != VERSION_WITH_TRIES => {
                let tries = u8::try_from(wire.passes).unwrap_or(u8::MAX);
                rows.set_all_tries(vec![tries; rows.len()]);
            }
            count if count == 0 || count == rows.len() => rows.set_all_tries(tries.to_vec()),
            _ => return Err(malformed("its rows are not as many as their tries")),
        }
        Ok(Self {
            run: wire.run.parse().map_err(|_| malformed("its run id is not one"))?,
            sequence: wire.sequence,
            passes: wire.passes,
            header: Bytes::copy_from_slice(wire.header),
            dialect,
            rows,
            rejects: wire.rejects.into_iter().map(WireReject::into_reject).collect(),
            tally: wire.tally,
        })
    }

    fn encoded_bytes_about(&self) -> usize {
        let rejects: usize = self.rejects.iter().map(|reject| reject.bytes() + 16).sum();
        128 + self.header.len() + self.rows.bytes() + 4 * self.rows.len() + rejects
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

const FITS: &str = "a Vec takes everything, and every length is known";

const CUT: DecodeJobError = malformed("its end is missing");

const fn malformed(reason: &'static str) -> DecodeJobError {
    DecodeJobError::Malformed { reason }
}
