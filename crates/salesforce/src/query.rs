//! Asks for records by their keys.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;
use serde_json::value::RawValue;
use url::form_urlencoded;

use crate::{Client, Refusal, request::Call};

/// A query for the records that have one of some keys in a field.
#[derive(Clone)]
pub struct KeyQuery {
    field: String,
    /// Up to the keys, as it stands in the URL.
    head: String,
    /// As they stand there, with commas between.
    keys: String,
    count: usize,
    keys_max: usize,
    bytes_max: usize,
}

/// A key in a query.
#[derive(Clone, Copy)]
pub enum Literal<'a> {
    /// Text: goes in quotes.
    Text(&'a str),
    /// Digits, perhaps with a sign and a point: without.
    Number(&'a str),
}

/// The records that a query found.
#[derive(Debug)]
pub struct FoundRecords {
    /// In no order.
    pub records: Vec<FoundRecord>,
    /// Whether these are all that there are.
    pub are_all: bool,
}

/// One record that was asked for by its key.
#[derive(PartialEq, Eq)]
pub struct FoundRecord {
    /// Its id.
    pub id: String,
    /// Its key, as the JSON that Salesforce has for it.
    pub key: String,
}

/// One page of an answer.
#[derive(Deserialize)]
struct Page<'a> {
    done: bool,
    #[serde(borrow)]
    records: Vec<BTreeMap<&'a str, &'a RawValue>>,
}

/// So many records a key are asked for: enough to see that one has several.
const RECORDS_PER_KEY_MAX: usize = 2;

/// Behind the keys, with a limit of three digits.
const TAIL_BYTES: usize = "%29+LIMIT+000".len();

const COMMA: &str = "%2C";

impl KeyQuery {
    /// For records of this object, by this field; without a key so far. It takes so many keys, and as
    /// many as fit into so many bytes of a URL.
    #[must_use]
    pub fn new(object: &str, field: &str, keys_max: usize, bytes_max: usize) -> Self {
        let head = encoded(&format!("SELECT Id,{field} FROM {object} WHERE {field} IN ("));
        Self { field: field.to_owned(), head, keys: String::new(), count: 0, keys_max, bytes_max }
    }

    /// Adds a key. The answer is whether there was room for it: in a query of one key there always
    /// is.
    pub fn push(&mut self, key: Literal<'_>) -> bool {
        let key = key.encoded();
        let bytes = self.head.len() + self.keys.len() + COMMA.len() + key.len() + TAIL_BYTES;
        if self.count > 0 && (self.count == self.keys_max || bytes > self.bytes_max) {
            return false;
        }
        if self.count > 0 {
            self.keys.push_str(COMMA);
        }
        self.keys.push_str(&key);
        self.count += 1;
        true
    }

    fn records_max(&self) -> usize {
        self.count * RECORDS_PER_KEY_MAX
    }

    fn in_url(&self) -> String {
        let Self { head, keys, .. } = self;
        format!("q={head}{keys}{}", encoded(&format!(") LIMIT {}", self.records_max())))
    }

    fn read(&self, body: &[u8]) -> Option<FoundRecords> {
        let page: Page<'_> = serde_json::from_slice(body).ok()?;
        let records: Option<Vec<_>> = page.records.iter().map(|one| self.record(one)).collect();
        let records = records?;
        let are_all = page.done && records.len() < self.records_max();
        Some(FoundRecords { records, are_all })
    }

    fn record(&self, fields: &BTreeMap<&str, &RawValue>) -> Option<FoundRecord> {
        let value = |name: &str| {
            let (_, value) = fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name))?;
            Some(value.get())
        };
        let id = serde_json::from_str(value("Id")?).ok()?;
        Some(FoundRecord { id, key: value(&self.field)?.to_owned() })
    }
}

impl Literal<'_> {
    fn encoded(self) -> String {
        match self {
            Self::Number(digits) => encoded(digits),
            Self::Text(text) => {
                let mut literal = String::with_capacity(text.len() + 2);
                literal.push('\'');
                for character in text.chars() {
                    match character {
                        '\\' | '\'' | '"' => literal.extend(['\\', character]),
                        '\n' => literal.push_str("\\n"),
                        '\r' => literal.push_str("\\r"),
                        '\t' => literal.push_str("\\t"),
                        other => literal.push(other),
                    }
                }
                literal.push('\'');
                encoded(&literal)
            }
        }
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

impl Client {
    /// The records that a query asks for. Changes nothing, so it may be repeated.
    ///
    /// # Errors
    ///
    /// When there was no answer that can be read.
    pub async fn find(&self, query: &KeyQuery) -> Result<FoundRecords, Refusal> {
        let body = self.call(Call { query: Some(query.in_url()), ..Call::get("query") }).await?;
        query.read(&body).ok_or_else(|| Refusal::OutcomeUnknown {
            cause: "the answer to a query for records is not readable".to_owned(),
        })
    }
}

/// Shows how many keys it has; keys are values of rows.
impl fmt::Debug for KeyQuery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, count, .. } = self;
        write!(formatter, "{count} keys in {field}")
    }
}

impl fmt::Debug for Literal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text(_) => "text",
            Self::Number(_) => "number",
        })
    }
}

impl fmt::Debug for FoundRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FoundRecord").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS_MAX: usize = 200;
    const BYTES_MAX: usize = 12_000;

    fn query() -> KeyQuery {
        KeyQuery::new("Lead", "Key__c", KEYS_MAX, BYTES_MAX)
    }

    /// How many of these keys go into one query.
    fn taken(keys: &[String]) -> usize {
        let mut query = query();
        let taken = keys.iter().take_while(|key| query.push(Literal::Text(key))).count();
        assert!(taken == 1 || query.in_url().len() <= BYTES_MAX + "q=".len());
        taken
    }

    #[test]
    fn a_query_has_so_many_keys_as_a_url_has_room_for() {
        let keys = |length: usize, character: &str| -> Vec<String> {
            (0..300).map(|_| character.repeat(length)).collect()
        };

        assert_eq!(taken(&keys(36, "a")), KEYS_MAX);
        assert_eq!(taken(&keys(255, "a")), 45);
        assert_eq!(taken(&keys(255, "🙂")), 3);
        assert_eq!(taken(&keys(5_000, "🙂")), 1);
        assert_eq!(taken(&keys(0, "a")), KEYS_MAX);
    }

    #[test]
    fn keys_are_written_so_that_none_ends_the_text() {
        let mut query = query();
        for key in [r"It's", r"a\", "\"q\"", "two\r\n\tlines", "100 % & ü"] {
            assert!(query.push(Literal::Text(key)));
        }
        assert!(query.push(Literal::Number("-10.5")));

        let in_url = query.in_url();
        let decoded: Vec<_> = form_urlencoded::parse(in_url.as_bytes()).collect();

        let soql = r#"SELECT Id,Key__c FROM Lead WHERE Key__c IN ('It\'s','a\\','\"q\"','two\r\n\tlines','100 % & ü',-10.5) LIMIT 12"#;
        assert_eq!(decoded, [("q".into(), soql.into())]);
    }

    #[test]
    fn an_answer_is_whole_when_it_says_so_and_the_limit_was_not_reached() {
        let mut query = query();
        query.push(Literal::Text("a"));
        let record = r#"{"attributes":{"type":"Lead"},"Id":"00Q000000000001AAA","Key__c":"a"}"#;
        for (done, records, are_all) in [
            (true, vec![], true),
            (true, vec![record], true),
            (true, vec![record; 2], false),
            (false, vec![record], false),
        ] {
            let body =
                format!(r#"{{"totalSize":9,"done":{done},"records":[{}]}}"#, records.join(","));

            let found = query.read(body.as_bytes()).unwrap();

            assert_eq!((found.records.len(), found.are_all), (records.len(), are_all));
        }
        for body in ["", "[]", "{}", r#"{"done":true,"records":[{"Id":"00Q000000000001AAA"}]}"#] {
            assert!(query.read(body.as_bytes()).is_none(), "{body}");
        }
    }
}
