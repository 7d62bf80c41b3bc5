//! Every refusal, word for word as Salesforce writes it (salesforce-api.md
//! 2.3, 2.4, 4), in its two shapes: of one record, and of a whole request.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Serialize;

use crate::{faults::PlannedRefusal, id::RecordId};

/// Why one record was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RowError {
    pub(crate) status_code: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) fields: Vec<String>,
}

/// Why a whole request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) problems: Vec<Problem>,
    /// For `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u64>,
}

/// One element of a refusal's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    pub(crate) message: String,
    pub(crate) error_code: Cow<'static, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fields: Vec<String>,
}

impl RowError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>, fields: &[&str]) -> Self {
        Self {
            status_code: Cow::Borrowed(code),
            message: message.into(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        }
    }

    pub(crate) fn rolled_back() -> Self {
        Self::new(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using \
             AllOrNone header",
            &[],
        )
    }

    pub(crate) fn required(fields: &[&str]) -> Self {
        let message = format!("Required fields are missing: [{}]", fields.join(", "));
        Self::new("REQUIRED_FIELD_MISSING", message, fields)
    }

    pub(crate) fn too_long(label: &str, name: &str, value: &str, length: usize) -> Self {
        let message = format!("{label}: data value too large: {value} (max length={length})");
        Self::new("STRING_TOO_LONG", message, &[name])
    }

    pub(crate) fn wrong_type(label: &str, name: &str, value: &str) -> Self {
        let message = format!("{label}: value not of required type: {value}");
        Self::new("INVALID_TYPE_ON_FIELD_IN_RECORD", message, &[name])
    }

    /// What a Bulk job says of a cell that its field cannot hold. Not in the
    /// reference; the words are those that users of the API quote.
    pub(crate) fn wrong_cell(name: &str, place: usize, value: &str, soap_type: &str) -> Self {
        let message = format!(
            "Failed to deserialize field at col {place}. Due to, '{value}' is not a valid value \
             for the type {soap_type}"
        );
        Self::new("INVALID_TYPE_ON_FIELD_IN_RECORD", message, &[name])
    }

    pub(crate) fn no_such_column(name: &str, object: &str) -> Self {
        let message = format!("No such column '{name}' on sobject of type {object}");
        Self::new("INVALID_FIELD", message, &[])
    }

    pub(crate) fn not_writable(names: &[&str]) -> Self {
        let message = format!(
            "Unable to create/update fields: {}. Please check the security settings of this field \
             and verify that it is read/write for your profile or permission set.",
            names.join(", ")
        );
        Self::new("INVALID_FIELD_FOR_INSERT_UPDATE", message, names)
    }

    pub(crate) fn twice_in_request(field: &str, key: &str) -> Self {
        let message = format!("Duplicate external id specified: {key}");
        Self::new("DUPLICATE_VALUE", message, &[field])
    }

    pub(crate) fn taken(field: &str, by: RecordId) -> Self {
        let message =
            format!("duplicate value found: {field} duplicates value on record with id: {by}");
        Self::new("DUPLICATE_VALUE", message, &[])
    }

    pub(crate) fn ambiguous_key(label: &str, field: &str, ids: &[RecordId]) -> Self {
        let ids: Vec<String> = ids.iter().map(RecordId::to_string).collect();
        let message = format!(
            "{label}: more than one record found for external id field: [{}]",
            ids.join(", ")
        );
        Self::new("DUPLICATE_EXTERNAL_ID", message, &[field])
    }

    pub(crate) fn parent_not_found(key: &str, field: &str, object: &str) -> Self {
        let message = format!(
            "Foreign key external ID: {key} not found for field {field} in entity {object}"
        );
        Self::new("INVALID_FIELD", message, &[])
    }

    pub(crate) fn malformed_id(label: &str, name: &str, value: &str) -> Self {
        let message = format!("{label}: id value of incorrect type: {value}");
        Self::new("MALFORMED_ID", message, &[name])
    }

    pub(crate) fn unknown_id(fields: &[&str]) -> Self {
        Self::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields)
    }

    pub(crate) fn deleted() -> Self {
        Self::new("ENTITY_IS_DELETED", "entity is deleted", &[])
    }

    pub(crate) fn locked(id: Option<RecordId>) -> Self {
        let records = id.map_or_else(|| "1 records".to_owned(), |id| format!("1 records: {id}"));
        let message = format!("unable to obtain exclusive access to this record or {records}");
        Self::new("UNABLE_TO_LOCK_ROW", message, &[])
    }
}

impl From<RowError> for Problem {
    fn from(error: RowError) -> Self {
        Self { message: error.message, error_code: error.status_code, fields: error.fields }
    }
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let problem = Problem {
            message: message.into(),
            error_code: Cow::Borrowed(code),
            fields: Vec::new(),
        };
        Self { status, problems: vec![problem], retry_after: None }
    }

    /// In words that were made up before.
    pub(crate) fn planned(planned: PlannedRefusal) -> Self {
        let status = StatusCode::from_u16(planned.status).unwrap_or(StatusCode::BAD_REQUEST);
        let problem = Problem {
            message: planned.message,
            error_code: planned.error_code.into(),
            fields: Vec::new(),
        };
        Self { status, problems: vec![problem], retry_after: None }
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "The requested resource does not exist")
    }

    pub(crate) fn no_such_external_id(field: &str) -> Self {
        let message =
            format!("Provided external ID field does not exist or is not accessible: {field}");
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    pub(crate) fn session_expired() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION_ID", "Session expired or invalid")
    }

    pub(crate) fn no_bearer() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
    }

    pub(crate) fn unknown_object(name: &str) -> Self {
        let message = format!(
            "sObject type '{name}' is not supported. If you are attempting to use a custom object, \
             be sure to append the '__c' after the entity name. Please reference your WSDL or the \
             describe call for the appropriate names."
        );
        Self::bad_request("INVALID_TYPE", message)
    }

    pub(crate) fn parser(message: impl Into<String>) -> Self {
        Self::bad_request("JSON_PARSER_ERROR", message)
    }

    pub(crate) fn too_many_records() -> Self {
        Self::bad_request(
            "EXCEEDED_ID_LIMIT",
            "record limit reached. cannot submit more than 200 records into this call",
        )
    }

    pub(crate) fn concurrent_limit() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        )
    }

    pub(crate) fn total_limit() -> Self {
        Self::new(StatusCode::FORBIDDEN, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    }
}

/// What one record was refused for, said by a call that has just that one.
impl From<Vec<RowError>> for Refusal {
    fn from(errors: Vec<RowError>) -> Self {
        let problems = errors.into_iter().map(Problem::from).collect();
        Self { status: StatusCode::BAD_REQUEST, problems, retry_after: None }
    }
}
