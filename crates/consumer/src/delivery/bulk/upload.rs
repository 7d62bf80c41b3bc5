//! The rows of a batch that one ingest job carries, as the CSV that is uploaded.
//!
//! The CSV is made of the JSON that Collections would be sent: there is one conversion of values,
//! and so both APIs store the same. What CSV cannot say exactly as JSON does goes by Collections.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use serde::Deserialize;
use serde_json::value::RawValue;

use load::{EncodedRows, NULL_CELL};

/// What one ingest job carries.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    /// Header and rows, each with its line end.
    pub(crate) csv: Vec<u8>,
    /// Names in the header.
    pub(crate) columns: Vec<String>,
    /// Index in the batch of each row, in order.
    pub(crate) rows: Vec<usize>,
    /// Rows that Bulk cannot carry as they are.
    pub(crate) by_calls: Vec<usize>,
}

/// Fields of a record as it is sent by Collections.
#[derive(Deserialize)]
struct Fields<'a>(#[serde(borrow)] BTreeMap<&'a str, &'a RawValue>);

/// Limits of Bulk API 2.0: characters of a cell, of a record, of the header; number of fields.
const CELL_CHARACTERS_MAX: usize = 131_072;
const RECORD_CHARACTERS_MAX: usize = 400_000;
const HEADER_CHARACTERS_MAX: usize = 32_000;
const FIELDS_MAX: usize = 5_000;

/// Bytes of one upload; Salesforce takes 100 MB. Rows beyond it wait for the next job.
pub(crate) const UPLOAD_BYTES_MAX: usize = 32 << 20;

/// Rows of one internal batch of Salesforce.
pub(crate) const JOB_ROWS_MAX: usize = 10_000;

impl Upload {
    /// Encodes these rows, up to so many bytes. The same rows give the same upload each time: a consumer
    /// that continues with the job of another one knows what is in it.
    pub(crate) fn encode(rows: &EncodedRows, indexes: &[usize], bytes_max: usize) -> Self {
        let columns = columns(rows, indexes);
        let header_characters: usize = columns.iter().map(|name| name.len() + 1).sum();
        let is_empty = columns.is_empty();
        if is_empty || columns.len() > FIELDS_MAX || header_characters > HEADER_CHARACTERS_MAX {
            return Self { by_calls: indexes.to_vec(), ..Self::default() };
        }
        let place: HashMap<&str, usize> =
            columns.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        // CSV is shorter than the JSON it is made of; what is not written takes no memory.
        let bytes = indexes.iter().map(|index| rows.json(*index).len()).sum::<usize>();
        let mut csv = Vec::with_capacity(header_characters + bytes.min(bytes_max));
        csv.extend_from_slice(columns.join(",").as_bytes());
        csv.push(b'\n');
        let (mut encoded, mut by_calls) = (Vec::with_capacity(indexes.len()), Vec::new());
        for index in indexes.iter().copied() {
            let start = csv.len();
            let Some(cells) = cells(rows.json(index), &place) else {
                by_calls.push(index);
                continue;
            };
            write_record(&cells, &mut csv);
            if csv.len() > bytes_max && !encoded.is_empty() {
                csv.truncate(start);
                break;
            }
            encoded.push(index);
            if encoded.len() == JOB_ROWS_MAX {
                break;
            }
        }
        Self { csv, columns, rows: encoded, by_calls }
    }
}

/// Names of all fields that any row has, in the order in which they turn up.
fn columns(rows: &EncodedRows, indexes: &[usize]) -> Vec<String> {
    let (mut names, mut known) = (Vec::new(), HashMap::new());
    for index in indexes {
        each_cell(rows.json(*index), &mut |name, _| {
            if !known.contains_key(name.as_ref()) {
                known.insert(name.clone().into_owned(), names.len());
                names.push(name.into_owned());
            }
        });
    }
    names
}

/// The cells of one record; nothing, when CSV cannot say what its JSON says.
fn cells(json: &[u8], place: &HashMap<&str, usize>) -> Option<Vec<String>> {
    let mut cells = vec![String::new(); place.len()];
    let (mut fits, mut characters) = (true, 0);
    each_cell(json, &mut |name, value| match cell(value) {
        Some(text) => {
            let length = text.chars().count();
            characters += length;
            fits &= length <= CELL_CHARACTERS_MAX;
            cells[place[name.as_ref()]] = text.into_owned();
        }
        None => fits = false,
    });
    (fits && characters <= RECORD_CHARACTERS_MAX).then_some(cells)
}

/// Calls `each` with the column and the JSON of each field of a record.
fn each_cell<'a>(json: &'a [u8], each: &mut dyn FnMut(Cow<'a, str>, &'a RawValue)) {
    let Ok(Fields(fields)) = serde_json::from_slice(json) else { return };
    for (name, value) in fields {
        match value.get().starts_with('{') {
            _ if name == "attributes" => (),
            // In records an id is spelled in lower case.
            _ if name == "id" => each(Cow::Borrowed("Id"), value),
            false => each(Cow::Borrowed(name), value),
            true => each_cell_of_parent(name, value, each),
        }
    }
}

/// A record that the row refers to: `Account.ErpKey__c`, or `Lead:Who.Key__c` where the
/// relationship may lead to several objects.
fn each_cell_of_parent<'a>(
    relationship: &'a str,
    parent: &'a RawValue,
    each: &mut dyn FnMut(Cow<'a, str>, &'a RawValue),
) {
    #[derive(Deserialize)]
    struct Attributes<'a> {
        #[serde(rename = "type")]
        object: &'a str,
    }
    let Ok(Fields(fields)) = serde_json::from_str(parent.get()) else { return };
    let attributes = fields.get("attributes").map(|attributes| attributes.get());
    let object = attributes.and_then(|json| serde_json::from_str::<Attributes<'_>>(json).ok());
    let object = object.map(|attributes| format!("{}:", attributes.object)).unwrap_or_default();
    for (field, value) in fields.into_iter().filter(|(field, _)| *field != "attributes") {
        each(Cow::Owned(format!("{object}{relationship}.{field}")), value);
    }
}

/// The cell of a JSON value; nothing, when a cell would say something else.
fn cell(value: &RawValue) -> Option<Cow<'_, str>> {
    let json = value.get();
    if json == "null" {
        return Some(Cow::Borrowed(NULL_CELL));
    }
    if !json.starts_with('"') {
        return Some(Cow::Borrowed(json));
    }
    let text: String = serde_json::from_str(json).ok()?;
    // A file has one kind of line end, also in its cells.
    let says_something_else = text.is_empty() || text == NULL_CELL || text.contains('\r');
    (!says_something_else).then_some(Cow::Owned(text))
}

fn write_record(cells: &[String], csv: &mut Vec<u8>) {
    for (n, cell) in cells.iter().enumerate() {
        if n > 0 {
            csv.push(b',');
        }
        let is_plain =
            |byte: u8| !matches!(byte, b',' | b'"' | b'\n') && !byte.is_ascii_whitespace();
        if cell.bytes().all(|byte| is_plain(byte) || byte == b' ') && cell.trim() == cell {
            csv.extend_from_slice(cell.as_bytes());
        } else {
            csv.push(b'"');
            csv.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            csv.push(b'"');
        }
    }
    // A record of one empty cell would be a blank line.
    if cells.len() == 1 && cells[0].is_empty() {
        csv.extend_from_slice(b"\"\"");
    }
    csv.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(json: &[&str]) -> Upload {
        let indexes: Vec<usize> = (0..json.len()).collect();
        Upload::encode(&EncodedRows::from_json(json), &indexes, UPLOAD_BYTES_MAX)
    }

    fn csv(upload: &Upload) -> &str {
        std::str::from_utf8(&upload.csv).unwrap()
    }

    #[test]
    fn values_are_written_as_bulk_reads_them() {
        for (json, columns, record) in [
            (r#"{"K":"a","Seats__c":12,"Score__c":1.500}"#, "K,Score__c,Seats__c", "a,1.500,12"),
            (r#"{"K":"a","On__c":true,"Off__c":false}"#, "K,Off__c,On__c", "a,false,true"),
            (r#"{"K":"a","Email":null}"#, "Email,K", "#N/A,a"),
            (r#"{"K":"a","Day__c":"2026-11-23"}"#, "Day__c,K", "2026-11-23,a"),
            (r#"{"K":"a, \"b\"\nc"}"#, "K", "\"a, \"\"b\"\"\nc\""),
            (r#"{"K":" a b "}"#, "K", "\" a b \""),
            (r#"{"K":"a","Account":{"ErpKey__c":"A-9"}}"#, "Account.ErpKey__c,K", "A-9,a"),
            (r#"{"K":"a","AccountId":null}"#, "AccountId,K", "#N/A,a"),
            (
                r#"{"Who":{"attributes":{"type":"Lead"},"Key__c":"L-1"},"K":"a"}"#,
                "K,Lead:Who.Key__c",
                "a,L-1",
            ),
            (r#"{"attributes":{"type":"Lead"},"id":"00Q000000000001"}"#, "Id", "00Q000000000001"),
        ] {
            let upload = upload(&[json]);

            assert_eq!(csv(&upload), format!("{columns}\n{record}\n"), "{json}");
        }
    }

    #[test]
    fn a_field_that_only_some_rows_have_is_left_as_it_is_in_the_others() {
        let upload =
            upload(&[r#"{"K":"a"}"#, r#"{"K":"b","Email":"x"}"#, r#"{"K":"c","Email":null}"#]);

        assert_eq!(csv(&upload), "K,Email\na,\nb,x\nc,#N/A\n");
    }

    #[test]
    fn what_csv_cannot_say_goes_by_calls() {
        let long = format!(r#"{{"K":"{}"}}"#, "ü".repeat(CELL_CHARACTERS_MAX + 1));
        let fits = format!(r#"{{"K":"{}"}}"#, "ü".repeat(CELL_CHARACTERS_MAX));
        let record = ["A", "B", "C", "D"].map(|k| format!("\"{k}\":\"{}\"", "x".repeat(110_000)));
        let record = format!("{{{}}}", record.join(","));

        let upload = upload(&[
            r##"{"K":"#N/A"}"##,
            r#"{"K":"a\r\nb"}"#,
            r#"{"K":""}"#,
            &long,
            &record,
            &fits,
            r#"{"K":"good"}"#,
        ]);

        assert_eq!(upload.by_calls, [0, 1, 2, 3, 4]);
        assert_eq!(upload.rows, [5, 6]);
    }

    #[test]
    fn an_upload_is_bounded_and_the_rest_waits() {
        let rows =
            EncodedRows::from_json(&[r#"{"K":"aaaa"}"#, r#"{"K":"bbbb"}"#, r#"{"K":"cccc"}"#]);

        assert_eq!(Upload::encode(&rows, &[0, 1, 2], 12).rows, [0, 1]);
        assert_eq!(Upload::encode(&rows, &[0, 1, 2], 1).rows, [0], "one always goes");
    }
}
