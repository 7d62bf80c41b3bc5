//! Asks how many records a user created, changed or deleted within some time.
//!
//! * `SELECT COUNT() FROM …` answers with `totalSize` and no records (`COUNT()` in the SOQL and SOSL
//!   Reference). One call, whatever the number.
//! * `CreatedById`, `CreatedDate`, `LastModifiedById`, `LastModifiedDate` (by a user) and
//!   `SystemModstamp` (by a user or a process) are fields of most objects, filterable and filled by
//!   Salesforce; `IsDeleted` is true in the Recycle Bin ("System Fields", Object Reference).
//! * `query` leaves out what is deleted, `queryAll` does not, until it is gone from the Recycle Bin
//!   (`QueryAll` in the REST API Developer Guide).
//! * A dateTime is written to the second, in UTC and without quotes ("Date Formats and Date Literals
//!   in WHERE", SOQL and SOSL Reference).

use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::header::{DATE, HeaderMap};
use serde::Deserialize;
use url::form_urlencoded;

use crate::{
    Client, Refusal,
    error::{markup, page_instead_of_answer},
    http,
    request::Call,
};

/// What Salesforce wrote of its own accord on the records that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The user created them, and they are there.
    Created,
    /// The user created them, and they are in the Recycle Bin.
    CreatedAndDeleted,
    /// The user was the last one to change them, and they are there.
    Changed,
    /// The user was the last one who did something with them, and they are in the Recycle Bin.
    Deleted,
}

/// How many records of an object a user created, changed or deleted from one moment to another.
#[derive(Clone, Debug)]
pub struct CountQuery {
    /// The object.
    pub object: String,
    /// The id of the user.
    pub user: String,
    /// What the user did.
    pub recorded: Recorded,
    /// The first second, by Salesforce's clock.
    pub from: Timestamp,
    /// The last one.
    pub to: Timestamp,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// So many.
    pub records: u64,
    /// Salesforce's clock, when it says the time, in Unix milliseconds: right to a second.
    pub at_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    total_size: u64,
}

impl CountQuery {
    /// As SOQL.
    #[must_use]
    pub fn soql(&self) -> String {
        let Self { object, user, recorded, from, to } = self;
        let (by, at) = match recorded {
            Recorded::Created | Recorded::CreatedAndDeleted => ("CreatedById", "CreatedDate"),
            Recorded::Changed => ("LastModifiedById", "LastModifiedDate"),
            Recorded::Deleted => ("LastModifiedById", "SystemModstamp"),
        };
        let deleted = if recorded.is_deleted() { " AND IsDeleted = true" } else { "" };
        let (from, to) = (literal(*from), literal(*to));
        format!(
            "SELECT COUNT() FROM {object} WHERE {by} = '{user}' AND {at} >= {from} AND {at} <= {to}{deleted}"
        )
    }
}

impl Recorded {
    fn is_deleted(self) -> bool {
        matches!(self, Self::CreatedAndDeleted | Self::Deleted)
    }
}

/// To the second.
fn literal(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Client {
    /// Counts. Changes nothing, so it may be repeated.
    ///
    /// # Errors
    ///
    /// When there was no answer that can be read.
    pub async fn count(&self, query: &CountQuery) -> Result<Counted, Refusal> {
        let path = if query.recorded.is_deleted() { "queryAll" } else { "query" };
        let soql: String = form_urlencoded::byte_serialize(query.soql().as_bytes()).collect();
        let response =
            self.answer(Call { query: Some(format!("q={soql}")), ..Call::get(path) }).await?;
        let at_ms = clock(response.headers());
        let body = http::body(response).await?;
        match serde_json::from_slice::<Answer>(&body) {
            Ok(Answer { total_size }) => Ok(Counted { records: total_size, at_ms }),
            Err(_) => Err(markup(&body).map_or_else(
                || Refusal::OutcomeUnknown {
                    cause: "the answer to a count is not readable".to_owned(),
                },
                |page| page_instead_of_answer(200, page),
            )),
        }
    }
}

fn clock(headers: &HeaderMap) -> Option<i64> {
    let date = headers.get(DATE)?.to_str().ok()?;
    Some(DateTimeParser::new().parse_timestamp(date).ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_count_names_user_and_time_and_looks_into_the_bin_only_for_what_is_deleted() {
        let soql = |recorded| {
            CountQuery {
                object: "Lead".to_owned(),
                user: "00550000001fg5OAAQ".to_owned(),
                recorded,
                from: "2026-11-23T10:15:07.9Z".parse().unwrap(),
                to: "2026-11-23T12:20:00+01".parse().unwrap(),
            }
            .soql()
        };
        let from_to = |by: &str, at: &str| {
            format!(
                "SELECT COUNT() FROM Lead WHERE {by} = '00550000001fg5OAAQ' AND {at} >= \
                 2026-11-23T10:15:07Z AND {at} <= 2026-11-23T11:20:00Z"
            )
        };
        let created = from_to("CreatedById", "CreatedDate");
        let deleted = from_to("LastModifiedById", "SystemModstamp");

        assert_eq!(soql(Recorded::Created), created);
        assert_eq!(soql(Recorded::CreatedAndDeleted), format!("{created} AND IsDeleted = true"));
        assert_eq!(soql(Recorded::Changed), from_to("LastModifiedById", "LastModifiedDate"));
        assert_eq!(soql(Recorded::Deleted), format!("{deleted} AND IsDeleted = true"));
    }

    #[test]
    fn salesforces_clock_is_read_from_the_answer() {
        for (date, expected) in
            [("Mon, 23 Nov 2026 10:15:07 GMT", Some(1_795_428_907_000)), ("yesterday", None)]
        {
            let headers = HeaderMap::from_iter([(DATE, HeaderValue::from_static(date))]);
            assert_eq!(clock(&headers), expected, "{date}");
        }
        assert_eq!(clock(&HeaderMap::new()), None);
    }
}
