//! Where the rows of one object go, and with which headers.

use bytes::Bytes;
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use super::client::{Call, Content};
use crate::verdict::Operation;

/// What a call sends.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Records, as the JSON body of a call.
    Records(Bytes),
    /// Ids with commas between, for a delete.
    Ids(String),
}

/// Whether rules that assign records to people run for the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssignmentRule {
    /// The active one of the object.
    Active,
    /// None.
    None,
    /// The one with this id.
    Id(String),
}

/// Method, path and headers that take the rows of one object.
#[derive(Clone, Debug)]
pub struct Destination {
    method: Method,
    path: String,
    query: Option<&'static str>,
    headers: HeaderMap,
}

impl Destination {
    /// For rows of this object; Salesforce finds the records of an upsert by this field, and those
    /// of an update or a delete by their ids.
    #[must_use]
    pub fn new(operation: Operation, object: &str, key: &str) -> Self {
        let collection = "composite/sobjects".to_owned();
        let (method, path, query) = match operation {
            Operation::Upsert => (Method::PATCH, format!("{collection}/{object}/{key}"), None),
            Operation::Insert => (Method::POST, collection, None),
            // By the ids of records. `updateOnly` is documented for single records only.
            Operation::Update => (Method::PATCH, collection, None),
            Operation::Delete => (Method::DELETE, collection, Some("allOrNone=false")),
        };
        Self { method, path, query, headers: HeaderMap::new() }
    }

    /// With this assignment rule; without one the org decides.
    #[must_use]
    pub fn assigned_by(mut self, rule: &AssignmentRule) -> Self {
        let value = match rule {
            AssignmentRule::Active => HeaderValue::from_static("TRUE"),
            AssignmentRule::None => HeaderValue::from_static("FALSE"),
            AssignmentRule::Id(id) => {
                HeaderValue::from_str(id).expect("an id has letters and digits only")
            }
        };
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

    pub(super) fn call(&self, payload: Payload) -> Call<'_> {
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
