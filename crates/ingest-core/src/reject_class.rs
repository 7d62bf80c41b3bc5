//! Classes of reject codes, for figures: codes are Salesforce's to invent, classes are not.

use crate::RejectCode;

/// What a rejected row was rejected for, roughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RejectClass {
    /// The record cannot become a row: the reader's own codes.
    File,
    /// A value or a key does not fit the load's mapping.
    Mapping,
    /// A rule of the org: validation, picklists, triggers, flows.
    Validation,
    /// A record like it exists, or a key is there twice.
    Duplicate,
    /// The integration user may not do it.
    Permission,
    /// A record that the row names is not there.
    Missing,
    /// The record was locked each time.
    Lock,
    /// A limit of the org.
    Limit,
    /// Nobody can say whether Salesforce stored it.
    UnknownOutcome,
    /// Consumers died of its batch.
    Poison,
    /// Every other code.
    Other,
}

impl RejectClass {
    /// Every one there is.
    pub const ALL: [Self; 11] = [
        Self::File,
        Self::Mapping,
        Self::Validation,
        Self::Duplicate,
        Self::Permission,
        Self::Missing,
        Self::Lock,
        Self::Limit,
        Self::UnknownOutcome,
        Self::Poison,
        Self::Other,
    ];

    /// As figures name it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Mapping => "mapping",
            Self::Validation => "validation",
            Self::Duplicate => "duplicate",
            Self::Permission => "permission",
            Self::Missing => "missing",
            Self::Lock => "lock",
            Self::Limit => "limit",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Poison => "poison",
            Self::Other => "other",
        }
    }

    fn of_own(code: RejectCode) -> Self {
        use RejectCode as Code;
        match code {
            Code::FieldCount
            | Code::InvalidUtf8
            | Code::MisplacedQuote
            | Code::RecordTooLong
            | Code::RepeatedHeader
            | Code::UnclosedQuote => Self::File,
            Code::InvalidValue | Code::ExternalIdMissing | Code::BlankRow | Code::MalformedId => {
                Self::Mapping
            }
            Code::NotFound => Self::Missing,
            Code::DuplicateExternalId => Self::Duplicate,
            Code::UnknownOutcome | Code::NoAnswer | Code::NoResult => Self::UnknownOutcome,
            Code::PoisonBatch => Self::Poison,
            Code::NoReasonGiven | Code::Other => Self::Other,
        }
    }

    /// That of a code.
    #[must_use]
    pub fn of(code: &str) -> Self {
        if let Some(own) = RejectCode::of(code) {
            return Self::of_own(own);
        }
        match code {
            "UNABLE_TO_LOCK_ROW" | "ENTITY_IS_LOCKED" => Self::Lock,
            "INVALID_FIELD" | "INVALID_TYPE_ON_FIELD_IN_RECORD" | "JSON_PARSER_ERROR" => {
                Self::Mapping
            }
            "ENTITY_IS_DELETED" | "INVALID_CROSS_REFERENCE_KEY" => Self::Missing,
            "INVALID_FIELD_FOR_INSERT_UPDATE" | "FUNCTIONALITY_NOT_ENABLED" => Self::Permission,
            "QUERY_TIMEOUT" | "REQUEST_RUNNING_TOO_LONG" | "TXN_SECURITY_METERING_ERROR" => {
                Self::Limit
            }
            code if code.starts_with("INSUFFICIENT_ACCESS") => Self::Permission,
            code if code.contains("DUPLICATE") => Self::Duplicate,
            code if code.contains("LIMIT") || code.starts_with("APEX_TIMEOUT") => Self::Limit,
            "STRING_TOO_LONG"
            | "MISSING_ARGUMENT"
            | "REQUIRED_FIELD_MISSING"
            | "APEX_ERROR"
            | "NUMBER_OUTSIDE_VALID_RANGE" => Self::Validation,
            // Such as FIELD_CUSTOM_VALIDATION_EXCEPTION, CANNOT_EXECUTE_FLOW_TRIGGER, INVALID_EMAIL_ADDRESS.
            code if ["FIELD_", "CANNOT_", "INVALID_"].iter().any(|kind| code.starts_with(kind)) => {
                Self::Validation
            }
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_of_one_class_and_what_nobody_has_heard_of_is_other() {
        for (code, class) in [
            ("FIELD_COUNT", "file"),
            ("MISPLACED_QUOTE", "file"),
            ("INVALID_VALUE", "mapping"),
            ("EXTERNAL_ID_MISSING", "mapping"),
            ("INVALID_FIELD", "mapping"),
            ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "validation"),
            ("STRING_TOO_LONG", "validation"),
            ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "validation"),
            ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "validation"),
            ("DUPLICATE_VALUE", "duplicate"),
            ("DUPLICATES_DETECTED", "duplicate"),
            ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "permission"),
            ("INVALID_FIELD_FOR_INSERT_UPDATE", "permission"),
            ("INVALID_CROSS_REFERENCE_KEY", "missing"),
            ("ENTITY_IS_DELETED", "missing"),
            ("UNABLE_TO_LOCK_ROW", "lock"),
            ("STORAGE_LIMIT_EXCEEDED", "limit"),
            ("LIMIT_EXCEEDED", "limit"),
            ("UNKNOWN_OUTCOME", "unknown_outcome"),
            ("POISON_BATCH", "poison"),
            ("HTTP_502", "other"),
            ("NEVER_HEARD_OF", "other"),
            ("OTHER", "other"),
        ] {
            assert_eq!(RejectClass::of(code).word(), class, "{code}");
        }
    }
}
