//! What the result files of an ingest job say, row by row. Pure.

use std::borrow::Cow;

use csv::ByteRecord;
use ingest_core::{Dialect, RecordId, is_code};
use memchr::memchr2_iter;

use salesforce::{ResultFile, RowError, RowResult};

/// Cuts a file that comes in pieces after whole records.
#[derive(Debug, Default)]
pub(crate) struct Records {
    buffer: Vec<u8>,
    /// So much of it was looked at.
    seen: usize,
    in_quotes: bool,
    /// Where whole records end.
    ends: Vec<usize>,
    header: Option<ByteRecord>,
    /// Room for a record, and for a cell of it.
    record: ByteRecord,
    cell: Vec<u8>,
}

/// A record longer than this is none.
const RECORD_BYTES_MAX: usize = 16 << 20;

/// Before the header, in files of some programs.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why a result file cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A record is longer than a result can be: mostly it is the page of a proxy.
    TooLong,
    /// It ends inside quotes.
    BreaksOff,
    /// It is something else.
    NoCsv,
}

impl Records {
    /// Takes a piece in, and hands over the records that are whole now, with the header.
    pub(crate) fn push(
        &mut self,
        piece: &[u8],
        each: &mut impl FnMut(&ByteRecord, &ByteRecord),
    ) -> Result<(), Unreadable> {
        self.buffer.extend_from_slice(piece);
        for at in memchr2_iter(b'"', b'\n', &self.buffer[self.seen..]) {
            let at = self.seen + at;
            match self.buffer[at] {
                // A doubled quote toggles twice.
                b'"' => self.in_quotes = !self.in_quotes,
                _ if !self.in_quotes => self.ends.push(at + 1),
                _ => (),
            }
        }
        self.seen = self.buffer.len();
        self.emit(each)?;
        if self.buffer.len() > RECORD_BYTES_MAX {
            return Err(Unreadable::TooLong);
        }
        Ok(())
    }

    /// The file is over; its last record may lack a line end.
    pub(crate) fn finish(
        mut self,
        each: &mut impl FnMut(&ByteRecord, &ByteRecord),
    ) -> Result<(), Unreadable> {
        if self.in_quotes {
            return Err(Unreadable::BreaksOff);
        }
        self.ends.push(self.buffer.len());
        self.emit(each)
    }

    fn emit(&mut self, each: &mut impl FnMut(&ByteRecord, &ByteRecord)) -> Result<(), Unreadable> {
        let mut start = 0;
        for end in self.ends.drain(..) {
            let raw = &self.buffer[start..end];
            start = end;
            let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
            let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
            if raw.is_empty() {
                continue;
            }
            let raw = match &self.header {
                None => raw.strip_prefix(BYTE_ORDER_MARK).unwrap_or(raw),
                Some(_) => raw,
            };
            let record = &mut self.record;
            record.clear();
            let is_one = Dialect::default()
                .for_each_cell(raw, &mut self.cell, |cell| record.push_field(cell));
            match &self.header {
                _ if !is_one => return Err(Unreadable::NoCsv),
                None => self.header = Some(record.clone()),
                Some(header) if header.len() == record.len() => each(header, record),
                Some(_) => return Err(Unreadable::BreaksOff),
            }
        }
        self.buffer.drain(..start);
        self.seen -= start;
        Ok(())
    }
}

/// Reads what the records of a result file say.
#[derive(Debug)]
pub(crate) struct RowResults {
    file: ResultFile,
    created: Option<usize>,
    error: Option<usize>,
    id: Option<usize>,
}

impl RowResults {
    /// Of a file with this header; which record a row is only where that is wanted.
    pub(crate) fn of(file: ResultFile, header: &ByteRecord, is_id_wanted: bool) -> Self {
        let place = |name: &str| place_of(header, name);
        Self {
            file,
            created: place("sf__Created"),
            error: place("sf__Error"),
            id: place("sf__Id").filter(|_| is_id_wanted),
        }
    }

    /// What a record says of its row; nothing of one that was not processed.
    pub(crate) fn read(&self, record: &ByteRecord) -> Option<RowResult> {
        let cell = |place: Option<usize>| record.get(place?);
        let id = || {
            let id = std::str::from_utf8(cell(self.id)?).ok()?;
            RecordId::parse(id.trim())
        };
        match self.file {
            ResultFile::Successful => {
                let created = cell(self.created).map(|cell| cell.eq_ignore_ascii_case(b"true"));
                Some(RowResult { success: true, errors: Vec::new(), created, id: id() })
            }
            ResultFile::Failed => {
                let text = cell(self.error).map_or(Cow::Borrowed(""), String::from_utf8_lossy);
                Some(RowResult { success: false, errors: errors(&text), created: None, id: id() })
            }
            ResultFile::Unprocessed => None,
        }
    }
}

/// The place of the column with this name, whatever its capitals.
pub(crate) fn place_of(header: &ByteRecord, name: &str) -> Option<usize> {
    header.iter().position(|column| column.eq_ignore_ascii_case(name.as_bytes()))
}

/// Reads `STATUS:message:FIELD[,FIELD] --`, or several of these one behind the other. A message may
/// hold colons and dashes itself.
pub(crate) fn errors(text: &str) -> Vec<RowError> {
    let mut errors = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest
            .match_indices("--")
            .map(|(at, dashes)| at + dashes.len())
            .find(|end| rest[*end..].is_empty() || begins_an_error(rest[*end..].trim_start()));
        let (one, after) = rest.split_at(end.unwrap_or(rest.len()));
        errors.push(error(one));
        rest = after.trim_start();
    }
    errors
}

fn error(text: &str) -> RowError {
    let (code, rest) = text.split_once(':').unwrap_or((text, ""));
    let (message, fields) = match rest.strip_suffix("--").and_then(|rest| rest.rsplit_once(':')) {
        Some((message, fields)) if are_fields(fields) => (message, fields),
        _ => (rest, ""),
    };
    let fields = fields.split(',').map(str::trim).filter(|field| !field.is_empty());
    RowError {
        code: code.trim().to_owned(),
        message: message.trim().to_owned(),
        fields: fields.map(str::to_owned).collect(),
    }
}

fn begins_an_error(text: &str) -> bool {
    text.split_once(':').is_some_and(|(code, _)| code.len() > 2 && is_code(code))
}

fn are_fields(text: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.,: ".contains(&byte);
    text.bytes().all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::{RowVerdict, classify_row};
    use load::Operation;

    #[test]
    fn errors_are_read_with_all_their_parts() {
        let error = |code: &str, message: &str, fields: &[&str]| RowError {
            code: code.to_owned(),
            message: message.to_owned(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        };
        for (text, expected) in [
            (
                "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
                vec![error(
                    "REQUIRED_FIELD_MISSING",
                    "Required fields are missing: [LastName]",
                    &["LastName"],
                )],
            ),
            (
                "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--",
                vec![error("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[])],
            ),
            (
                "INVALID_EMAIL_ADDRESS:Email: invalid email address: a -- b:Email --",
                vec![error(
                    "INVALID_EMAIL_ADDRESS",
                    "Email: invalid email address: a -- b",
                    &["Email"],
                )],
            ),
            (
                "A_B:x:F --REQUIRED_FIELD_MISSING:y: [F, G]:F,G --",
                vec![
                    error("A_B", "x", &["F"]),
                    error("REQUIRED_FIELD_MISSING", "y: [F, G]", &["F", "G"]),
                ],
            ),
            (
                "FIELD_CUSTOM_VALIDATION_EXCEPTION:Ends: 10:30, never later",
                vec![error("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Ends: 10:30, never later", &[])],
            ),
            ("UNKNOWN_EXCEPTION", vec![error("UNKNOWN_EXCEPTION", "", &[])]),
            ("", vec![]),
        ] {
            let read = errors(text);

            let plain = |errors: &[RowError]| -> Vec<_> {
                let parts = |e: &RowError| (e.code.clone(), e.message.clone(), e.fields.clone());
                errors.iter().map(parts).collect()
            };
            assert_eq!(plain(&read), plain(&expected), "{text}");
        }
    }

    #[test]
    fn a_lock_is_known_in_whatever_wraps_it() {
        let lock = "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record: 001";
        for text in [
            format!("CANNOT_EXECUTE_FLOW_TRIGGER:We can't save this record. {lock}:--"),
            format!("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:T: execution of AfterInsert, {lock}:--"),
            format!("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:Trigger failed -- {lock}:--"),
            format!("APEX_ERROR:System.DmlException: {lock}:Name --"),
            format!("{lock}:--"),
        ] {
            let refused =
                RowResult { success: false, errors: errors(&text), created: None, id: None };
            let verdict = classify_row(&refused, Operation::Upsert);
            assert!(matches!(verdict, RowVerdict::Retry { .. }), "{text}: {verdict:?}");
        }
    }

    #[test]
    fn what_is_no_code_in_a_result_file_is_other() {
        let longest = "A".repeat(5_000);
        for (text, told) in [
            ("=cmd:busy:--", "=cmd: busy"),
            ("lock", "lock"),
            ("a\u{1b}[2J:x:--", "a\u{1b}[2J: x"),
            (&format!("{longest}:x:--"), &format!("{}…: x", &longest[..80])),
        ] {
            let refused =
                RowResult { success: false, errors: errors(text), created: None, id: None };
            let RowVerdict::Rejected(reason) = classify_row(&refused, Operation::Upsert) else {
                panic!("{text}")
            };
            assert_eq!((&*reason.code, &*reason.message), ("OTHER", told), "{text}");
        }
    }

    fn read(pieces: &[&str]) -> Result<Vec<Vec<String>>, Unreadable> {
        let (mut records, mut rows) = (Records::default(), Vec::new());
        let mut each = |_: &ByteRecord, record: &ByteRecord| {
            rows.push(record.iter().map(|c| String::from_utf8_lossy(c).into_owned()).collect());
        };
        for piece in pieces {
            records.push(piece.as_bytes(), &mut each)?;
        }
        records.finish(&mut each)?;
        Ok(rows)
    }

    #[test]
    fn records_are_whole_wherever_the_file_is_cut() {
        let file = "\"sf__Id\",\"Name\"\n\"1\",\"a\n\"\"b\"\", c\"\n\"2\",\"ü\"\n\"3\",\"\"";
        let whole = read(&[file]).unwrap();
        assert_eq!(whole, [["1", "a\n\"b\", c"], ["2", "ü"], ["3", ""]]);

        for at in (0..file.len()).filter(|at| file.is_char_boundary(*at)) {
            assert_eq!(read(&[&file[..at], &file[at..]]).unwrap(), whole, "cut at {at}");
        }
    }

    #[test]
    fn a_file_that_breaks_off_is_told_from_a_whole_one() {
        assert_eq!(read(&["\"a\",\"b\"\n\"1\",\"x"]), Err(Unreadable::BreaksOff));
        assert_eq!(read(&["\"a\",\"b\"\n\"1\""]), Err(Unreadable::BreaksOff));
    }

    #[test]
    fn line_ends_of_any_kind_and_a_byte_order_mark_are_no_part_of_a_cell() {
        let file = "\u{feff}\"a\",\"b\"\r\n\r\n\"1\r\n\",2\r\n\n3,\"4\"";

        assert_eq!(read(&[file]).unwrap(), [["1\r\n", "2"], ["3", "4"]]);
        assert_eq!(read(&["a,b\n1,2\"\n3\"\n"]), Err(Unreadable::NoCsv));
    }

    #[test]
    fn columns_are_found_by_their_names_whatever_their_capitals() {
        let header = ByteRecord::from(vec!["SF__ID", "N", "sf__created"]);
        let record = ByteRecord::from(vec!["00Q000000000001AAA", "x", "TRUE"]);

        for is_id_wanted in [true, false] {
            let results = RowResults::of(ResultFile::Successful, &header, is_id_wanted);
            let result = results.read(&record).unwrap();
            assert_eq!((result.created, result.id.is_some()), (Some(true), is_id_wanted));
        }
    }
}
