//! What decides how cells are read.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{
    date::{DateForms, DateOrder, DatesWithTime},
    number::DecimalSign,
    years::TwoDigitYears,
    zone,
};

/// How cells are read, whatever the field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueRules {
    /// Of timestamps without an offset.
    #[serde(with = "zone")]
    pub zone: TimeZone,
    /// Of dates with slashes and the year at the end.
    pub dates: DateOrder,
    /// Of dates whose year has two digits.
    pub two_digit_years: TwoDigitYears,
    /// Of date fields whose cell has a time of day as well.
    pub dates_with_time: DatesWithTime,
    /// Of numbers.
    pub decimal: DecimalSign,
    /// Whether an empty cell empties the field; otherwise it leaves it as it is.
    pub empty_is_null: bool,
    /// Whether text that is too long is cut; otherwise its row is rejected.
    pub truncate: bool,
}

impl ValueRules {
    pub(super) fn date_forms(&self) -> DateForms {
        DateForms { order: self.dates, two_digit_years: self.two_digit_years }
    }
}

impl Default for ValueRules {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            dates: DateOrder::default(),
            two_digit_years: TwoDigitYears::default(),
            dates_with_time: DatesWithTime::default(),
            decimal: DecimalSign::default(),
            empty_is_null: false,
            truncate: false,
        }
    }
}
