//! sObject Collections: up to 200 rows of one object in one call.

use std::fmt;

use bytes::Bytes;
use ingest_core::RecordId;
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use serde::Deserialize;

use crate::{
    Client, Refusal,
    error::{markup, page_instead_of_answer},
    request::{Call, Content},
    wire::null_is_default,
};

/// What a call sends.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Records, as the JSON body of a call.
    Records(Bytes),
    /// Ids with commas between, for a delete.
    Ids(String),
}

/// Method, path and headers that take the rows of one object.
#[derive(Clone, Debug)]
pub struct Destination {
    method: Method,
    path: String,
    query: Option<&'static str>,
    headers: HeaderMap,
}

const COLLECTION: &str = "composite/sobjects";

impl Destination {
    /// Updates the records that have these values in the field `key`, or creates them.
    #[must_use]
    pub fn upsert(object: &str, key: &str) -> Self {
        Self { path: format!("{COLLECTION}/{object}/{key}"), ..Self::new(Method::PATCH) }
    }

    /// Creates records.
    #[must_use]
    pub fn insert() -> Self {
        Self::new(Method::POST)
    }

    /// Updates records by their ids. `updateOnly` is documented for single records only.
    #[must_use]
    pub fn update() -> Self {
        Self::new(Method::PATCH)
    }

    /// Deletes records by their ids.
    #[must_use]
    pub fn delete() -> Self {
        Self { query: Some("allOrNone=false"), ..Self::new(Method::DELETE) }
    }

    fn new(method: Method) -> Self {
        Self { method, path: COLLECTION.to_owned(), query: None, headers: HeaderMap::new() }
    }

    /// With this assignment rule: `TRUE` for the active one, `FALSE` for none, or an id. Without one
    /// the org decides.
    ///
    /// # Panics
    ///
    /// When it is none of these.
    #[must_use]
    pub fn assigned_by(mut self, rule: &str) -> Self {
        let value = HeaderValue::from_str(rule).expect("a rule has letters and digits only");
        self.headers.insert(HeaderName::from_static("sforce-auto-assign"), value);
        self
    }

    /// Rows are stored also when a duplicate rule finds them to be duplicates.
    #[must_use]
    pub fn with_duplicates(mut self) -> Self {
        self.headers.insert(
            HeaderName::from_static("sforce-duplicate-rule-header"),
            HeaderValue::from_static(
                "allowSave=true; includeRecordDetails=false; runAsCurrentUser=true",
            ),
        );
        self
    }

    pub(crate) fn call(&self, payload: Payload) -> Call<'_> {
        let query = self.query.map(str::to_owned);
        let (query, content) = match payload {
            Payload::Records(body) => (query, Some(Content::Json(body))),
            Payload::Ids(ids) => {
                let rest = query.map(|query| format!("&{query}")).unwrap_or_default();
                (Some(format!("ids={ids}{rest}")), None)
            }
        };
        let headers = self.headers.clone();
        Call { method: self.method.clone(), path: &self.path, query, headers, content }
    }
}

/// What became of one row of a call.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct RowResult {
    /// Whether the row is stored.
    pub success: bool,
    /// Everything that is wrong with it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub errors: Vec<RowError>,
    /// Whether an upsert created the record (or updated it). Absent from other operations.
    #[serde(default)]
    pub created: Option<bool>,
    /// The record, where the answer names one.
    #[serde(default, deserialize_with = "RecordId::if_it_is_one")]
    pub id: Option<RecordId>,
}

/// One reason why a row was not stored.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct RowError {
    /// For programs, such as `REQUIRED_FIELD_MISSING`.
    #[serde(rename = "statusCode")]
    pub code: String,
    /// For people. May quote the row's values.
    #[serde(default, deserialize_with = "null_is_default")]
    pub message: String,
    /// The fields it is about.
    #[serde(default, deserialize_with = "null_is_default")]
    pub fields: Vec<String>,
}

impl Client {
    /// Sends so many `rows` of one object in one call. The results are in the order of the rows,
    /// one each.
    ///
    /// # Errors
    ///
    /// When the call as a whole brought no row results. An answer with another number of results
    /// than rows is one of unknown outcome: which result is whose cannot be said.
    pub async fn write(
        &self,
        destination: &Destination,
        payload: Payload,
        rows: usize,
    ) -> Result<Vec<RowResult>, Refusal> {
        let body = self.call(destination.call(payload)).await?;
        let results: Vec<RowResult> =
            serde_json::from_slice(&body).map_err(|error| match markup(&body) {
                Some(page) => page_instead_of_answer(200, page),
                // serde_json quotes what it found; position and kind of error tell nothing of a row.
                None => Refusal::OutcomeUnknown {
                    cause: format!("the answer is not readable at its byte {}", error.column()),
                },
            })?;
        if results.len() == rows {
            return Ok(results);
        }
        let cause = format!("the answer has {} results for {rows} rows", results.len());
        Err(Refusal::OutcomeUnknown { cause })
    }
}

/// Shows codes and fields; messages may quote the row's values.
impl fmt::Debug for RowError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{:?}", self.code, self.fields)
    }
}

impl fmt::Debug for RowResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.success, self.created) {
            (true, Some(true)) => formatter.write_str("created"),
            (true, Some(false)) => formatter.write_str("updated"),
            (true, None) => formatter.write_str("stored"),
            (false, _) => write!(formatter, "refused {:?}", self.errors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_answer_is_read() {
        let answer = r#"[{"id":"003xx000004TmiQAAS","success":true,"errors":[],"created":true},
            {"success":false,"errors":[{"statusCode":"REQUIRED_FIELD_MISSING",
                "message":"Required fields are missing: [LastName]","fields":["LastName"]}]},
            {"id":"003xx000004TmiR","success":true,"errors":[],"created":false}]"#;

        let results: Vec<RowResult> = serde_json::from_str(answer).unwrap();

        assert_eq!(
            format!("{results:?}"),
            r#"[created, refused [REQUIRED_FIELD_MISSING["LastName"]], updated]"#
        );
    }

    #[test]
    fn only_an_id_is_taken_for_one() {
        let text = |id: &str| format!(r#"{{"success":true,"errors":[],"id":{id}}}"#);
        let id = |json: &str| {
            let result: RowResult = serde_json::from_str(json).unwrap();
            result.id.map(|id| id.as_str().to_owned())
        };

        for known in ["003xx000004TmiQAAS", "003xx000004TmiR"] {
            assert_eq!(id(&text(&format!("\"{known}\""))).as_deref(), Some(known));
        }
        assert_eq!(id(r#"{"success":true}"#), None);
        let odd = ["null", "7", "-7", "0.5", "true", "[1,[2]]", r#"{"a":{"b":1}}"#, r#""""#];
        let texts = [r#""=1+1""#, r#""003xx000004Tmi\u0000""#, r#""003xx000004TmiQAA\n""#];
        for other in odd.iter().chain(&texts) {
            assert_eq!(id(&text(other)), None, "{other}");
        }
    }

    #[test]
    fn debug_shows_no_message() {
        let error = RowError {
            code: "INVALID_EMAIL_ADDRESS".to_owned(),
            message: "Email: invalid email address: ada@example".to_owned(),
            fields: vec!["Email".to_owned()],
        };

        assert_eq!(format!("{error:?}"), r#"INVALID_EMAIL_ADDRESS["Email"]"#);
    }
}
