//! Dates. A date is a date: it is never shifted by a time zone.

use std::{borrow::Cow, io::Write};

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use super::{
    digits::number,
    time::read_time_and_offset,
    years::{TwoDigitYears, YEARS},
};

/// How dates with slashes and the year at the end are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateOrder {
    /// 11/23/2026.
    #[default]
    MonthFirst,
    /// 23/11/2026.
    DayFirst,
}

/// What becomes of a time of day in the cell of a date field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatesWithTime {
    /// Its row is rejected, unless it is midnight, which many exports write behind every date.
    #[default]
    Reject,
    /// It is cut off: the date stays as it is written, in whatever time zone.
    Cut,
}

/// What is read as a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateForms {
    pub(super) order: DateOrder,
    pub(super) two_digit_years: TwoDigitYears,
}

impl DateOrder {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::MonthFirst => "month first (11/23/2026)",
            Self::DayFirst => "day first (23/11/2026)",
        }
    }

    pub(super) fn example(self) -> &'static str {
        match self {
            Self::MonthFirst => "11/23/2026",
            Self::DayFirst => "23/11/2026",
        }
    }
}

/// Writes `2026-11-23`.
pub(super) fn write_date(
    cell: &str,
    forms: DateForms,
    with_time: DatesWithTime,
    out: &mut Vec<u8>,
) -> Option<()> {
    let (date, rest) = split_date(cell);
    let date = forms.read(date)?;
    if let Some(rest) = rest {
        let (time, _offset) = read_time_and_offset(rest)?;
        if with_time == DatesWithTime::Reject && time != Time::midnight() {
            return None;
        }
    }
    write!(out, "{date}").ok()
}

/// What the cell of a date field has to be.
pub(super) fn date_rule(forms: DateForms, with_time: DatesWithTime) -> Cow<'static, str> {
    let time = match with_time {
        DatesWithTime::Reject => "without a time of day",
        DatesWithTime::Cut => "a time of day is cut off",
    };
    let (example, years) = (forms.order.example(), forms.two_digit_years.rule());
    format!("a date: 2026-11-23, 2026/11/23, 23.11.2026 or {example}{years}; {time}").into()
}

/// Splits a date from what stands behind it.
pub(super) fn split_date(cell: &str) -> (&str, Option<&str>) {
    match cell.split_once(['T', 't', ' ']) {
        Some((date, rest)) => (date, Some(rest.trim())),
        None => (cell, None),
    }
}

impl DateForms {
    /// `2026-11-23`, `20261123`, `2026/11/23`, `23.11.2026`, and `11/23/2026` or `23/11/2026`.
    pub(super) fn read(self, text: &str) -> Option<Date> {
        let (year, month, day) = self.split(text)?;
        date(year, month, day)
    }

    /// Whether it is written as a date, and its month has no such day.
    pub(super) fn names_no_day(self, text: &str) -> bool {
        let Some((year, month, day)) = self.split(text) else { return false };
        let is_month_and_day = number(day, 1, 2).is_some() && date(year, month, "1").is_some();
        is_month_and_day && date(year, month, day).is_none()
    }

    /// Year, month and day as they are written.
    fn split(self, text: &str) -> Option<(u32, &str, &str)> {
        match text.bytes().find(|byte| !byte.is_ascii_digit()) {
            None => {
                number(text, 8, 8)?;
                Some((number(&text[..4], 4, 4)?, &text[4..6], &text[6..]))
            }
            Some(b'-') => {
                let (year, month, day) = parts(text, '-')?;
                if month.len() != 2 || day.len() != 2 {
                    return None;
                }
                Some((number(year, 4, 4)?, month, day))
            }
            Some(b'.') => {
                let (day, month, year) = parts(text, '.')?;
                Some((self.year(year)?, month, day))
            }
            Some(b'/') => {
                let (first, second, third) = parts(text, '/')?;
                match self.order {
                    _ if first.len() == 4 => Some((number(first, 4, 4)?, second, third)),
                    DateOrder::MonthFirst => Some((self.year(third)?, first, second)),
                    DateOrder::DayFirst => Some((self.year(third)?, second, first)),
                }
            }
            Some(_) => None,
        }
    }

    /// A year at the end of a date.
    fn year(self, text: &str) -> Option<u32> {
        match text.len() {
            2 => self.two_digit_years.year(number(text, 2, 2)?),
            _ => number(text, 4, 4),
        }
    }
}

/// The three parts of a date.
fn parts(text: &str, between: char) -> Option<(&str, &str, &str)> {
    let (first, rest) = text.split_once(between)?;
    let (second, third) = rest.split_once(between)?;
    Some((first, second, third))
}

fn date(year: u32, month: &str, day: &str) -> Option<Date> {
    let year = i16::try_from(year).ok().filter(|year| YEARS.contains(year))?;
    let [month, day] = [month, day].map(|text| i8::try_from(number(text, 1, 2)?).ok());
    Date::new(year, month?, day?).ok()
}
