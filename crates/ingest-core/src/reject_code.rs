//! The codes that this product itself gives to rejected rows. Salesforce has many more.

/// Why this product rejects a row, or cannot say what Salesforce made of it.
///
/// The comment of each says in its first paragraph what happened, and in its second one what a user
/// does about the row: the page of rejects is made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectCode {
    /// The row has fewer or more cells than the header has columns.
    ///
    /// Add the missing cells, or put a cell that holds delimiters into quotes, and replay.
    FieldCount,
    /// The row has bytes that are no text in the encoding of the file.
    ///
    /// If many rows have it, load the file again with the right `CSV_ENCODING`. Else correct the cell
    /// and replay.
    InvalidUtf8,
    /// There is text behind the closing quote of a cell, or no quote closes it.
    ///
    /// Correct the quotes and replay. If the file writes `\"` for a quote, load it again with
    /// `CSV_ESCAPE=backslash`.
    MisplacedQuote,
    /// The row is longer than `RECORD_BYTES_MAX`. Its text is not in the rejects file.
    ///
    /// Load the file again with a higher `RECORD_BYTES_MAX`, or a file with only these rows. A replay
    /// rejects them again.
    RecordTooLong,
    /// The row is the header once more, as when files with a header each were joined.
    ///
    /// Nothing: no row is lost.
    RepeatedHeader,
    /// The file ended inside quotes. Only rejects files of earlier versions have this code; today it is
    /// `MISPLACED_QUOTE`.
    ///
    /// Correct the row in the source file and load it from there. A replay rejects it again.
    UnclosedQuote,
    /// A cell cannot become a value of its field: `_message` names the column and the rule.
    ///
    /// Correct the cell and replay; or correct the load (such as `MAPPING_DATES`), and replay with
    /// `--load`.
    InvalidValue,
    /// The cell of the external id, or of the `Id`, is empty.
    ///
    /// Fill the cell and replay.
    ExternalIdMissing,
    /// An `insert` found no value in any mapped column.
    ///
    /// Mostly nothing. If the row has values, map their columns and replay.
    BlankRow,
    /// An `update` or `delete` by an external id found no record with this key.
    ///
    /// Correct the key and replay, or insert the row. After a `delete` that was interrupted, the record may
    /// have been deleted before.
    NotFound,
    /// Several records have this key, and none of them was changed.
    ///
    /// Remove the duplicates in Salesforce, or load by a key that is unique, and replay.
    DuplicateExternalId,
    /// The `Id` of a `hard-delete` has characters that no id has. (Salesforce gives the same code to other
    /// ids that are none.)
    ///
    /// Correct the id and replay.
    MalformedId,
    /// The answer to a call of an `insert` was lost on the way. The consumer does not send such a row twice.
    ///
    /// Look the record up. Replay the row only if it is not there, else it is stored twice.
    UnknownOutcome,
    /// No call with this row was ever answered, while calls without it were.
    ///
    /// Correct what is odd in the row, such as a very long cell, and replay. Only an `insert` could be
    /// stored twice, and it never has this code.
    NoAnswer,
    /// Each ingest job that had the row ended without a result for it. Only a `hard-delete` has this code.
    ///
    /// Look whether the record is still there, and if so, replay.
    NoResult,
    /// Salesforce refused the row and gave no reason.
    ///
    /// Try the row by hand in Salesforce. Replay it when the reason is known.
    NoReasonGiven,
    /// Consumers died while they delivered its batch, as often as `CONSUMER_DELIVERIES_MAX` says.
    ///
    /// Find out why they died, mostly of too little memory (`BatchSyncPoisonBatch` in the runbook). Then
    /// replay; of an `insert` look the records up first.
    PoisonBatch,
    /// The reason came with something that is no code, or the run has more than 1,000 different codes.
    /// `_message` begins with what was given.
    ///
    /// As `_message` says.
    Other,
}

impl RejectCode {
    /// Every one there is.
    pub const ALL: [Self; 18] = [
        Self::FieldCount,
        Self::InvalidUtf8,
        Self::MisplacedQuote,
        Self::RecordTooLong,
        Self::RepeatedHeader,
        Self::UnclosedQuote,
        Self::InvalidValue,
        Self::ExternalIdMissing,
        Self::BlankRow,
        Self::NotFound,
        Self::DuplicateExternalId,
        Self::MalformedId,
        Self::UnknownOutcome,
        Self::NoAnswer,
        Self::NoResult,
        Self::NoReasonGiven,
        Self::PoisonBatch,
        Self::Other,
    ];

    /// As files, reports and programs write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FieldCount => "FIELD_COUNT",
            Self::InvalidUtf8 => "INVALID_UTF8",
            Self::MisplacedQuote => "MISPLACED_QUOTE",
            Self::RecordTooLong => "RECORD_TOO_LONG",
            Self::RepeatedHeader => "REPEATED_HEADER",
            Self::UnclosedQuote => "UNCLOSED_QUOTE",
            Self::InvalidValue => "INVALID_VALUE",
            Self::ExternalIdMissing => "EXTERNAL_ID_MISSING",
            Self::BlankRow => "BLANK_ROW",
            Self::NotFound => "NOT_FOUND",
            Self::DuplicateExternalId => "DUPLICATE_EXTERNAL_ID",
            Self::MalformedId => "MALFORMED_ID",
            Self::UnknownOutcome => "UNKNOWN_OUTCOME",
            Self::NoAnswer => "NO_ANSWER",
            Self::NoResult => "NO_RESULT",
            Self::NoReasonGiven => "NO_REASON_GIVEN",
            Self::PoisonBatch => "POISON_BATCH",
            Self::Other => "OTHER",
        }
    }

    /// The one that a text is. `None`: it is one of Salesforce, or of an answer [without a
    /// code](http_code).
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == code)
    }

    /// Whether only readers give this code. How a line of the rejects file is read depends on it, and
    /// there are few: they are always counted by name.
    #[must_use]
    pub fn is_readers_own(self) -> bool {
        matches!(
            self,
            Self::FieldCount
                | Self::InvalidUtf8
                | Self::MisplacedQuote
                | Self::RecordTooLong
                | Self::RepeatedHeader
                | Self::UnclosedQuote
        )
    }

    /// Whether what was to be done with the row may be done in Salesforce all the same.
    #[must_use]
    pub fn may_be_done(self) -> bool {
        matches!(self, Self::UnknownOutcome | Self::NoAnswer | Self::NoResult | Self::PoisonBatch)
    }
}

/// A call with only this row was answered with this HTTP status and without a code of Salesforce: mostly
/// the page of a proxy. (`HTTP_413`, `HTTP_414` and `HTTP_431` say that it went no further.)
///
/// Ask whoever runs the proxy what it has against the row; correct the cell and replay.
#[must_use]
pub fn http_code(status: u16) -> String {
    format!("{HTTP}{status}")
}

const HTTP: &str = "HTTP_";

/// Whether what was to be done with a row that was rejected for this code may be done in Salesforce all the
/// same. Whoever answers in its place, without a code, may have passed the call on, unless it was too long
/// for it.
#[must_use]
pub fn may_be_done(code: &str) -> bool {
    match (RejectCode::of(code), code.strip_prefix(HTTP)) {
        (Some(own), _) => own.may_be_done(),
        (None, Some(status)) => !["413", "414", "431"].contains(&status),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::is_code;

    #[test]
    fn each_code_is_written_in_one_way() {
        for code in RejectCode::ALL {
            assert!(is_code(code.as_str()), "{code:?}");
            assert_eq!(RejectCode::of(code.as_str()), Some(code));
        }
        assert_eq!(RejectCode::of("UNABLE_TO_LOCK_ROW"), None);
    }

    #[test]
    fn rows_of_which_nobody_heard_may_be_done() {
        for (code, is_so) in [
            ("UNKNOWN_OUTCOME", true),
            ("NO_ANSWER", true),
            ("NO_RESULT", true),
            ("POISON_BATCH", true),
            ("HTTP_502", true),
            ("HTTP_403", true),
            ("HTTP_302", true),
            ("HTTP_413", false),
            ("HTTP_414", false),
            ("HTTP_431", false),
            ("FIELD_COUNT", false),
            ("NO_REASON_GIVEN", false),
            ("NEVER_HEARD_OF", false),
        ] {
            assert_eq!(may_be_done(code), is_so, "{code}");
        }
        assert_eq!(http_code(502), "HTTP_502");
    }
}
