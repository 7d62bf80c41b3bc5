//! The batches of a file beside what a second reader finds in it.

use bytes::Bytes;
use ingest_core::{Batch, Dialect, Reject};

use super::{
    cells::Digest,
    lines::lines_ended,
    second_reader::{SecondReader, Seen},
};

/// How many differences are named.
const DIFFERENCES_NAMED_MAX: u64 = 10;

/// Reads a file beside the decoder that cuts it into batches.
pub(super) struct Comparison {
    second: SecondReader,
    dialect: Dialect,
    header: Bytes,
    /// Lines of what the batches hold.
    lines_held: u64,
    /// Lines that were lost with records that were too long.
    lines_too_long: u64,
    named: Vec<String>,
    differences: u64,
    /// Room for the text of a cell, and for the lines of a batch.
    text: Vec<u8>,
    lines: Vec<u64>,
}

/// What a second reader says of a file.
pub(super) struct Compared {
    pub(super) lines: u64,
    pub(super) empty_lines: u64,
    /// What is not as the batches say, in words: where, and never a value.
    pub(super) differences: Vec<String>,
}

/// A record as a batch has it.
pub(super) struct Claim<'a> {
    pub(super) record: u64,
    /// With which it was rejected, if it was.
    pub(super) code: Option<&'a str>,
    pub(super) raw: &'a [u8],
}

impl Comparison {
    /// Of a file with this header, that is read in this dialect, with records of so many bytes.
    pub(super) fn new(header: Bytes, dialect: Dialect, record_bytes_max: usize) -> Self {
        Self {
            second: SecondReader::new(dialect, record_bytes_max),
            dialect,
            header,
            lines_held: 0,
            lines_too_long: 0,
            named: Vec::new(),
            differences: 0,
            text: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Takes the next bytes of the decoded file.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.second.push(chunk);
    }

    /// Says that the file ends here.
    pub(super) fn end(&mut self) {
        self.second.end();
    }

    /// Compares the next batch, of which all bytes were taken. The first difference in it is named:
    /// the others follow from that one. Gives the lines on which its records begin, up to there.
    pub(super) fn compare(&mut self, batch: &Batch) -> &[u64] {
        self.lines.clear();
        let mut last = None;
        let mut difference = None;
        for claim in claims(batch) {
            self.lines_held += 1 + lines_ended(claim.raw);
            if difference.is_some() {
                continue;
            }
            let seen = self.second.next_before(batch.end.byte);
            if let (Some(seen), []) = (&seen, claim.raw) {
                self.lines_too_long += seen.lines - 1;
            }
            self.lines.extend(seen.as_ref().map(|seen| seen.at.line));
            difference = self.difference(&claim, seen.as_ref());
            last = seen;
        }
        // Beyond a difference both begin anew with the next batch.
        let unclaimed = self.unclaimed_before(batch.end.byte);
        let difference = difference.or(unclaimed).or_else(|| difference_of_ends(batch, &last?));
        if let Some(difference) = difference {
            self.name(format!("batch {}: {difference}", batch.sequence));
        }
        &self.lines
    }

    /// What begins before this byte, and was not compared.
    fn unclaimed_before(&mut self, byte: u64) -> Option<String> {
        let first = self.second.next_before(byte)?.at;
        let more = std::iter::from_fn(|| self.second.next_before(byte)).count();
        let (line, byte) = (first.line, first.byte);
        Some(format!(
            "line {line}, byte {byte}: {} records from there on are in no batch",
            more + 1
        ))
    }

    fn difference(&mut self, claim: &Claim<'_>, seen: Option<&Seen>) -> Option<String> {
        let Some(seen) = seen else {
            return Some("it has more records than the csv crate finds there".to_owned());
        };
        let what = |code: Option<&str>| match code {
            None => "a row".to_owned(),
            Some(code) => format!("rejected as {code}"),
        };
        if claim.code != seen.code {
            let (batch, csv) = (what(claim.code), what(seen.code));
            return Some(format!("{}: it is {batch}, and to the csv crate {csv}", seen.at));
        }
        let is_same = self.digest(claim) == seen.digest;
        (!is_same).then(|| format!("{}: the csv crate reads other text", seen.at))
    }

    fn digest(&mut self, claim: &Claim<'_>) -> u64 {
        let mut digest = Digest::of(claim.raw, self.dialect);
        if claim.code.is_none() {
            self.dialect.for_each_cell(claim.raw, &mut self.text, |cell| digest.add_cell(cell));
        }
        digest.finish()
    }

    fn name(&mut self, difference: String) {
        self.differences += 1;
        if self.differences <= DIFFERENCES_NAMED_MAX {
            self.named.push(difference);
        }
    }

    /// Looks at what is behind the last batch, and adds everything up; the decoder skipped so many
    /// lines.
    pub(super) fn finish(mut self, skipped: u64) -> Compared {
        if let Some(unclaimed) = self.unclaimed_before(u64::MAX) {
            self.name(unclaimed);
        }
        let header = self.second.header();
        let header_lines = header.map_or(0, |header| header.lines);
        if header.is_none_or(|header| header.raw != self.header) {
            self.name("the csv crate reads another header than the run began with".to_owned());
        }
        let (lines, skipped_lines) = (self.second.lines(), self.second.skipped_lines());
        let empty_lines = self.second.empty_lines();
        let in_records = header_lines + self.lines_held + self.lines_too_long;
        let accounted = in_records + skipped_lines + empty_lines;
        if accounted != lines {
            self.name(format!(
                "the file has {lines} lines, and {accounted} of them are the header, in records, or \
                 skipped"
            ));
        }
        if skipped != skipped_lines {
            self.name(format!(
                "{skipped} lines are without data, and to the csv crate {skipped_lines}"
            ));
        }
        let unnamed = self.differences - self.named.len() as u64;
        if unnamed > 0 {
            self.named.push(format!("… and {unnamed} differences more"));
        }
        Compared { lines, empty_lines, differences: self.named }
    }
}

fn difference_of_ends(batch: &Batch, last: &Seen) -> Option<String> {
    let end = batch.end;
    let found = (last.at.record, last.end_line, last.end_byte);
    ((end.record, end.line, end.byte) != found).then(|| {
        format!(
            "it ends behind record {} at line {}, byte {}, and to the csv crate behind record {} at \
             line {}, byte {}",
            end.record, end.line, end.byte, last.at.record, last.end_line, last.end_byte
        )
    })
}

/// Rows and rejects in the order of the file.
pub(super) fn claims(batch: &Batch) -> Vec<Claim<'_>> {
    let rows = batch.rows.iter().map(|(record, raw)| Claim { record, code: None, raw });
    let rejects = batch.rejects.iter().map(|reject| {
        let Reject { record, code, raw, .. } = reject;
        Claim { record: *record, code: Some(code), raw }
    });
    let mut claims: Vec<_> = rows.chain(rejects).collect();
    claims.sort_by_key(|claim| claim.record);
    claims
}
