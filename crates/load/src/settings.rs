//! The settings of a load: the same names in a file of loads, on the command line, in a request and
//! in the environment.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::{
    ApiChoice, AssignmentRule, DateOrder, DatesWithTime, DecimalSign, InlineColumns,
    InlineConstants, InvalidLoad, LeftOut, Operation, TwoDigitYears, ValueRules,
    spelling::{self, api_name},
    value::zone,
};

/// What a load does with a file, as far as it is said. JSON may spell the names in camel case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LoadSettings {
    /// Object that the rows become, such as Lead.
    #[arg(long, alias = "salesforce-object", env = "SALESFORCE_OBJECT", value_name = "NAME", value_parser = api_name)]
    #[serde(deserialize_with = "spelling::name")]
    pub object: Option<String>,

    /// Field by which rows find their record: an external id for an upsert; an external id or Id
    /// (the default) for an update or a delete. An insert has none.
    #[arg(long, alias = "salesforce-external-id", env = "SALESFORCE_EXTERNAL_ID", value_name = "FIELD", value_parser = api_name)]
    #[serde(alias = "externalId", deserialize_with = "spelling::name")]
    pub external_id: Option<String>,

    /// What to do with the rows [default: upsert].
    #[arg(long, alias = "salesforce-operation", env = "SALESFORCE_OPERATION", value_enum)]
    #[serde(deserialize_with = "spelling::choice")]
    pub operation: Option<Operation>,

    /// By which API rows are loaded. The outcome is the same [default: collections].
    #[arg(long, alias = "salesforce-api", env = "SALESFORCE_API", value_enum)]
    #[serde(deserialize_with = "spelling::choice")]
    pub api: Option<ApiChoice>,

    /// Rows per call, at most 200. A call never holds rows of two batches, so more than
    /// `BATCH_ROWS` has no effect [default: 200].
    #[arg(long, alias = "salesforce-batch", env = "SALESFORCE_BATCH", value_name = "ROWS", value_parser = clap::value_parser!(u16).range(spelling::CALL_ROWS))]
    #[serde(alias = "callRows", deserialize_with = "spelling::call_rows")]
    pub call_rows: Option<u16>,

    /// Assignment rule for accounts, cases and leads: true for the active one, false for none, or
    /// the id of one. Not set: the org decides.
    #[arg(
        long,
        alias = "salesforce-assignment-rule",
        env = "SALESFORCE_ASSIGNMENT_RULE",
        value_name = "RULE"
    )]
    #[serde(alias = "assignmentRule", deserialize_with = "spelling::assignment_rule")]
    pub assignment_rule: Option<AssignmentRule>,

    /// Store rows also when a duplicate rule, which would let a person save them in spite of its
    /// warning, finds them to be duplicates [default: false].
    #[arg(long, alias = "salesforce-allow-duplicates", env = "SALESFORCE_ALLOW_DUPLICATES", action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    #[serde(alias = "allowDuplicates")]
    pub allow_duplicates: Option<bool>,

    /// Mapping of columns to fields, a .sdl file of Data Loader. Without one, columns fill the
    /// fields of their name.
    #[arg(long, alias = "mapping-file", env = "MAPPING_FILE", value_name = "FILE")]
    pub mapping: Option<PathBuf>,

    /// Without a mapping file: columns that are not sent, with commas between; `*` stands for all
    /// that fit no field. Any other column that fits no field fails its run before a row is sent.
    #[arg(
        long,
        alias = "mapping-leave-out",
        env = "MAPPING_LEAVE_OUT",
        value_name = "COLUMNS",
        value_delimiter = ','
    )]
    #[serde(alias = "leaveOut", deserialize_with = "spelling::names")]
    pub leave_out: Option<Vec<String>>,

    /// Time zone of dates with a time and without an offset, such as Europe/Berlin. Dates without
    /// a time are not shifted [default: UTC].
    #[arg(long, alias = "mapping-time-zone", env = "MAPPING_TIME_ZONE", value_name = "ZONE", value_parser = zone::named)]
    #[serde(alias = "timeZone", deserialize_with = "zone::if_given::deserialize")]
    pub time_zone: Option<TimeZone>,

    /// How dates with slashes are read: 11/23/2026 or 23/11/2026. Not set: month first, and where
    /// dates are filled a warning says that this is assumed.
    #[arg(long, alias = "mapping-dates", env = "MAPPING_DATES", value_enum, value_name = "ORDER")]
    #[serde(deserialize_with = "spelling::choice")]
    pub dates: Option<DateOrder>,

    /// What a year of two digits means: `reject` rejects its row; a year such as 1970 is the first of
    /// the hundred years that it can be [default: reject].
    #[arg(
        long,
        alias = "mapping-two-digit-years",
        env = "MAPPING_TWO_DIGIT_YEARS",
        value_name = "YEAR"
    )]
    #[serde(alias = "twoDigitYears")]
    pub two_digit_years: Option<TwoDigitYears>,

    /// What becomes of a date field whose cell has a time of day as well [default: reject].
    #[arg(
        long,
        alias = "mapping-dates-with-time",
        env = "MAPPING_DATES_WITH_TIME",
        value_enum,
        value_name = "WHAT"
    )]
    #[serde(alias = "datesWithTime", deserialize_with = "spelling::choice")]
    pub dates_with_time: Option<DatesWithTime>,

    /// What stands before the decimals of a number [default: point].
    #[arg(
        long,
        alias = "mapping-decimal",
        env = "MAPPING_DECIMAL",
        value_enum,
        value_name = "SIGN"
    )]
    #[serde(deserialize_with = "spelling::choice")]
    pub decimal: Option<DecimalSign>,

    /// What an empty cell does. `#N/A` empties the field in any case [default: ignore].
    #[arg(long, alias = "mapping-nulls", env = "MAPPING_NULLS", value_enum, value_name = "WHAT")]
    #[serde(deserialize_with = "spelling::choice")]
    pub nulls: Option<Nulls>,

    /// Cut text that is longer than its field, instead of rejecting the row [default: false].
    #[arg(long, alias = "mapping-truncate", env = "MAPPING_TRUNCATE", action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub truncate: Option<bool>,

    /// Write a file `ids/<run>.csv` beside the rejects: for each delivered row its record number, its
    /// key, the Id of its record, and whether that was created, updated or deleted [default: false].
    #[arg(long, env = "LOAD_IDS", action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub ids: Option<bool>,

    /// Which column fills which fields, where there is no mapping file. Files of loads and requests
    /// only.
    #[arg(skip)]
    pub columns: Option<InlineColumns>,

    /// What a field gets in every row, beside `columns`.
    #[arg(skip)]
    pub constants: Option<InlineConstants>,
}

/// What an empty cell does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nulls {
    /// It leaves the field as it is.
    Ignore,
    /// It empties the field.
    Write,
}

impl LoadSettings {
    /// These, and what `base` says of all that they do not say.
    ///
    /// Where columns find their fields is one choice: who says any of `mapping`, `columns` and
    /// `leave-out` has nothing of the base's. Constants belong to columns.
    ///
    /// Who says another object than the base's has nothing of what belongs to that one: what deletes
    /// contacts must not delete accounts because nobody said an operation.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        let base = if self.is_of_another_object(&base) { base.of_any_object() } else { base };
        let says_columns =
            self.mapping.is_some() || self.columns.is_some() || self.leave_out.is_some();
        let (mapping, leave_out, columns, constants) = if says_columns {
            (self.mapping, self.leave_out, self.columns, self.constants)
        } else {
            let constants = self.constants.or(base.constants);
            (base.mapping, base.leave_out, base.columns, constants)
        };
        Self {
            object: self.object.or(base.object),
            external_id: self.external_id.or(base.external_id),
            operation: self.operation.or(base.operation),
            api: self.api.or(base.api),
            call_rows: self.call_rows.or(base.call_rows),
            assignment_rule: self.assignment_rule.or(base.assignment_rule),
            allow_duplicates: self.allow_duplicates.or(base.allow_duplicates),
            mapping,
            leave_out,
            time_zone: self.time_zone.or(base.time_zone),
            dates: self.dates.or(base.dates),
            two_digit_years: self.two_digit_years.or(base.two_digit_years),
            dates_with_time: self.dates_with_time.or(base.dates_with_time),
            decimal: self.decimal.or(base.decimal),
            nulls: self.nulls.or(base.nulls),
            truncate: self.truncate.or(base.truncate),
            ids: self.ids.or(base.ids),
            columns,
            constants,
        }
    }

    /// Whether these say another object than `base`.
    #[must_use]
    pub fn is_of_another_object(&self, base: &Self) -> bool {
        let objects = self.object.as_ref().zip(base.object.as_ref());
        objects.is_some_and(|(own, other)| !own.eq_ignore_ascii_case(other))
    }

    /// Less all that belongs to their object: the operation, the external id, the assignment rule, and
    /// what says which column fills which field.
    fn of_any_object(self) -> Self {
        let is_by_bulk_only = self.operation.is_some_and(Operation::is_by_bulk_only);
        Self {
            object: None,
            external_id: None,
            operation: None,
            // It was no choice.
            api: self.api.filter(|_| !is_by_bulk_only),
            assignment_rule: None,
            mapping: None,
            leave_out: None,
            columns: None,
            constants: None,
            ..self
        }
    }

    /// Whether nothing is said at all.
    #[must_use]
    pub fn says_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The field by which rows find their record.
    pub(crate) fn key(&self, operation: Operation) -> Result<Option<String>, InvalidLoad> {
        let given = self.external_id.as_ref();
        let is_id = given.is_none_or(|field| field.eq_ignore_ascii_case("Id"));
        match operation {
            Operation::Insert => Ok(None),
            Operation::Upsert => given.cloned().map(Some).ok_or(InvalidLoad::NoExternalId),
            Operation::Update | Operation::Delete | Operation::HardDelete if is_id => {
                Ok(Some("Id".to_owned()))
            }
            Operation::Update | Operation::Delete | Operation::HardDelete => Ok(given.cloned()),
        }
    }

    pub(crate) fn left_out(&self) -> LeftOut {
        LeftOut(self.leave_out.clone().unwrap_or_default())
    }

    pub(crate) fn values(&self) -> ValueRules {
        ValueRules {
            zone: self.time_zone.clone().unwrap_or(TimeZone::UTC),
            dates: self.dates.unwrap_or_default(),
            two_digit_years: self.two_digit_years.unwrap_or_default(),
            dates_with_time: self.dates_with_time.unwrap_or_default(),
            decimal: self.decimal.unwrap_or_default(),
            empty_is_null: self.nulls == Some(Nulls::Write),
            truncate: self.truncate.unwrap_or_default(),
        }
    }

    /// The API that can do what the other settings say.
    pub(crate) fn api_that_fits(&self) -> Result<ApiChoice, InvalidLoad> {
        if self.operation.is_some_and(Operation::is_by_bulk_only) {
            return match self.api {
                Some(ApiChoice::Collections) => Err(InvalidLoad::ByBulkOnly),
                Some(ApiChoice::Bulk | ApiChoice::Auto) | None => Ok(ApiChoice::Bulk),
            };
        }
        let api = self.api.unwrap_or_default();
        match (api, self.not_by_bulk()) {
            (ApiChoice::Bulk, Some(what)) => Err(InvalidLoad::NotByBulk { what }),
            (ApiChoice::Auto, Some(_)) => Ok(ApiChoice::Collections),
            (api, _) => Ok(api),
        }
    }

    /// Why rows cannot go by Bulk as they would by Collections.
    fn not_by_bulk(&self) -> Option<&'static str> {
        match &self.assignment_rule {
            Some(AssignmentRule::Active) => {
                Some("SALESFORCE_ASSIGNMENT_RULE=true (name the rule's id instead)")
            }
            _ if self.allow_duplicates == Some(true) => Some("SALESFORCE_ALLOW_DUPLICATES"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bulk_cannot_do_as_collections_does_is_named() {
        for (rule, duplicates, expected) in [
            (None, false, None),
            (Some(AssignmentRule::None), false, None),
            (Some(AssignmentRule::Active), false, Some("SALESFORCE_ASSIGNMENT_RULE")),
            (None, true, Some("SALESFORCE_ALLOW_DUPLICATES")),
        ] {
            let settings = LoadSettings {
                assignment_rule: rule,
                allow_duplicates: Some(duplicates),
                api: Some(ApiChoice::Auto),
                ..LoadSettings::default()
            };
            let why = settings.not_by_bulk();
            assert_eq!(why.is_some(), expected.is_some(), "{settings:?}");
            assert!(why.unwrap_or_default().starts_with(expected.unwrap_or_default()));
            let api = settings.api_that_fits().unwrap();
            assert_eq!(api == ApiChoice::Collections, expected.is_some(), "{settings:?}");
        }
    }
}
