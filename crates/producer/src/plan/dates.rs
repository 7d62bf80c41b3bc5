//! In which order the dates of a file are written. Which columns fill a date is known to the
//! org, so they are told by the form of their cells.

use std::collections::BTreeMap;

use ingest_core::{Header, Rows};
use jiff::civil::Date;
use load::DateOrder;
use serde::Serialize;

use crate::report::format::grouped;

/// Counts the dates of each column.
pub(super) struct DateColumns<'a> {
    header: &'a Header,
    text: Vec<u8>,
    counted: BTreeMap<usize, Counted>,
}

/// Dates of one column, by what they can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    /// Of these the second number is no month.
    only_month_first: u64,
    /// Of these the first number is no month.
    only_day_first: u64,
    /// Of these both may be one: `1/5/2026`.
    either: u64,
    /// Of these no order makes a date: `13/13/2026`, `2/30/2026`.
    neither: u64,
    /// With dashes and the year at the end, which consumers do not read.
    without_slashes: u64,
}

/// A column with dates.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct DateColumn {
    column: String,
    #[serde(flatten)]
    counted: Counted,
}

impl<'a> DateColumns<'a> {
    pub(super) fn new(header: &'a Header) -> Self {
        Self { header, text: Vec::new(), counted: BTreeMap::new() }
    }

    /// Looks at the next batch.
    pub(super) fn look(&mut self, rows: &Rows) {
        for (_, raw) in rows.iter() {
            let mut column = 0;
            self.header.dialect().for_each_cell(raw, &mut self.text, |cell| {
                if let Some(date) = date(cell.trim_ascii()) {
                    self.counted.entry(column).or_default().count(date);
                }
                column += 1;
            });
        }
    }

    pub(super) fn result(self) -> Vec<DateColumn> {
        let name = |at: usize| self.header.columns().get(at).cloned();
        let found = self.counted.iter();
        found
            .filter_map(|(at, counted)| Some((name(*at)?, *counted)))
            .map(DateColumn::new)
            .collect()
    }
}

/// The numbers of a date, and what stands between them.
struct FoundDate {
    first: u32,
    second: u32,
    year: u32,
    sign: u8,
}

impl Counted {
    fn count(&mut self, FoundDate { first, second, year, sign }: FoundDate) {
        let month_first = is_date(year, first, second);
        let day_first = is_date(year, second, first);
        let count = match (month_first, day_first) {
            _ if sign != b'/' => &mut self.without_slashes,
            (true, true) => &mut self.either,
            (true, false) => &mut self.only_month_first,
            (false, true) => &mut self.only_day_first,
            (false, false) => &mut self.neither,
        };
        *count += 1;
    }
}

fn is_date(year: u32, month: u32, day: u32) -> bool {
    let (year, month, day) = (i16::try_from(year), i8::try_from(month), i8::try_from(day));
    matches!((year, month, day), (Ok(year), Ok(month), Ok(day)) if Date::new(year, month, day).is_ok())
}

impl DateColumn {
    fn new((column, counted): (String, Counted)) -> Self {
        Self { column, counted }
    }

    /// Whether some of its dates cannot be read in this order. Those that can be read in both would
    /// be stored as other days than are meant.
    pub(super) fn contradicts(&self, assumed: DateOrder) -> bool {
        let Counted { only_month_first, only_day_first, .. } = self.counted;
        match assumed {
            DateOrder::MonthFirst => only_day_first > 0,
            DateOrder::DayFirst => only_month_first > 0,
        }
    }

    /// What is to be known of it.
    pub(super) fn text(&self, assumed: DateOrder) -> String {
        let Self { column, counted } = self;
        let Counted { only_month_first, only_day_first, either, neither, without_slashes } =
            *counted;
        let all = only_month_first + only_day_first + either;
        let is_mixed = only_month_first > 0 && only_day_first > 0;
        let mut parts = Vec::new();
        if is_mixed {
            parts.push(format!(
                "both orders occur: {} dates are month first, {} day first, and {} could be either; \
                 write them in one order, best as 2026-11-23",
                grouped(only_month_first),
                grouped(only_day_first),
                grouped(either)
            ));
        } else if self.contradicts(assumed) {
            parts.push(format!(
                "{} of {} dates are {} and cannot be {}; set MAPPING_DATES={}, or `dates` of \
                 the load",
                grouped(only_month_first + only_day_first),
                grouped(all),
                in_words(other(assumed)),
                in_words(assumed),
                as_setting(other(assumed))
            ));
        } else if all == either && all > 0 {
            parts.push(format!(
                "read {}; all {} dates would fit the other order too",
                in_words(assumed),
                grouped(all)
            ));
        } else if all > 0 {
            parts.push(format!(
                "{}, as {} of {} dates show",
                in_words(assumed),
                grouped(only_month_first + only_day_first),
                grouped(all)
            ));
        }
        if neither > 0 {
            parts.push(format!("no order fits {}, which are rejected", grouped(neither)));
        }
        if without_slashes > 0 {
            parts.push(format!("{} with dashes are not read", grouped(without_slashes)));
        }
        format!("{column}: {}", parts.join("; "))
    }
}

fn other(order: DateOrder) -> DateOrder {
    match order {
        DateOrder::MonthFirst => DateOrder::DayFirst,
        DateOrder::DayFirst => DateOrder::MonthFirst,
    }
}

fn in_words(order: DateOrder) -> &'static str {
    match order {
        DateOrder::MonthFirst => "month first",
        DateOrder::DayFirst => "day first",
    }
}

fn as_setting(order: DateOrder) -> &'static str {
    match order {
        DateOrder::MonthFirst => "month-first",
        DateOrder::DayFirst => "day-first",
    }
}

/// Finds `1/5/2026` at the start of a cell; behind it may stand a time.
fn date(cell: &[u8]) -> Option<FoundDate> {
    let (first, rest) = number(cell, 1..=2)?;
    let (&sign, rest) = rest.split_first().filter(|(sign, _)| b"/-".contains(sign))?;
    let (second, rest) = number(rest, 1..=2)?;
    let rest = rest.strip_prefix(&[sign])?;
    let (year, rest) = number(rest, 4..=4)?;
    let ends = rest.first().is_none_or(|byte| matches!(byte, b' ' | b'T' | b't' | b','));
    ends.then_some(FoundDate { first, second, year, sign })
}

/// A number of so many digits, and what stands behind it.
fn number(text: &[u8], digits: std::ops::RangeInclusive<usize>) -> Option<(u32, &[u8])> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(count);
    let read = |number: u32, digit: &u8| number * 10 + u32::from(digit - b'0');
    digits.contains(&count).then(|| (number.iter().fold(0, read), rest))
}

#[cfg(test)]
mod tests {
    use ingest_core::Dialect;

    use super::*;

    fn counted(cells: &[&str]) -> Counted {
        let header = Header::parse("Key,Day".into(), Dialect::default()).unwrap();
        let mut columns = DateColumns::new(&header);
        let mut rows = Rows::default();
        for cell in cells {
            rows.push(1, format!("x,\"{cell}\"").as_bytes());
        }
        columns.look(&rows);
        match columns.result().as_slice() {
            [] => Counted::default(),
            [only] => only.counted,
            _ => panic!("the keys are no dates"),
        }
    }

    fn column(only_month_first: u64, only_day_first: u64, either: u64) -> DateColumn {
        let counted = Counted { only_month_first, only_day_first, either, ..Counted::default() };
        DateColumn::new(("Day".to_owned(), counted))
    }

    #[test]
    fn dates_are_told_by_their_form() {
        for (cell, [month, day, either, neither, without_slashes]) in [
            ("11/23/2026", [1, 0, 0, 0, 0]),
            ("1/13/2026 9:05", [1, 0, 0, 0, 0]),
            ("23/11/2026", [0, 1, 0, 0, 0]),
            (" 23/01/2026, 14:30 ", [0, 1, 0, 0, 0]),
            ("1/5/2026", [0, 0, 1, 0, 0]),
            ("12/12/2026T10:00", [0, 0, 1, 0, 0]),
            // Consumers read these in one order only.
            ("5.1.2026", [0; 5]),
            ("05-01-2026 10:15", [0, 0, 0, 0, 1]),
            ("2026-01-05", [0; 5]),
            ("2026/1/5", [0; 5]),
            ("1/5/26", [0; 5]),
            ("1/5/20261", [0; 5]),
            ("1/5-2026", [0; 5]),
            ("13/13/2026", [0, 0, 0, 1, 0]),
            ("0/5/2026", [0, 0, 0, 1, 0]),
            ("32/1/2026", [0, 0, 0, 1, 0]),
            ("2/30/2026 9:05", [0, 0, 0, 1, 0]),
            ("31/4/2026", [0, 0, 0, 1, 0]),
            ("2/29/2026", [0, 0, 0, 1, 0]),
            ("2/29/2028", [1, 0, 0, 0, 0]),
            ("001/5/2026", [0; 5]),
            ("1/5/2026x", [0; 5]),
            ("no 1/5/2026", [0; 5]),
            ("", [0; 5]),
        ] {
            let (only_month_first, only_day_first) = (month, day);
            let expected =
                Counted { only_month_first, only_day_first, either, neither, without_slashes };
            assert_eq!(counted(&[cell]), expected, "{cell:?}");
        }
    }

    #[test]
    fn only_dates_that_cannot_be_of_an_order_contradict_it() {
        for (column, month_first, day_first) in [
            (column(0, 0, 9), false, false),
            (column(1, 0, 9), false, true),
            (column(0, 1, 9), true, false),
            (column(1, 1, 0), true, true),
        ] {
            assert_eq!(column.contradicts(DateOrder::MonthFirst), month_first, "{column:?}");
            assert_eq!(column.contradicts(DateOrder::DayFirst), day_first, "{column:?}");
        }
    }

    #[test]
    fn it_is_told_which_order_is_assumed_and_whether_the_other_one_fits_too() {
        let text = |column: DateColumn| column.text(DateOrder::MonthFirst);

        assert_eq!(
            text(column(0, 0, 1_000)),
            "Day: read month first; all 1,000 dates would fit the other order too"
        );
        assert_eq!(text(column(2, 0, 3)), "Day: month first, as 2 of 5 dates show");
        assert_eq!(
            text(column(0, 2, 3)),
            "Day: 2 of 5 dates are day first and cannot be month first; set \
             MAPPING_DATES=day-first, or `dates` of the load"
        );
        assert_eq!(
            text(column(1, 2, 3)),
            "Day: both orders occur: 1 dates are month first, 2 day first, and 3 could be either; \
             write them in one order, best as 2026-11-23"
        );
        let mut odd = column(0, 0, 0);
        odd.counted.neither = 2_000;
        assert_eq!(text(odd), "Day: no order fits 2,000, which are rejected");
        let mut odd = column(2, 0, 3);
        odd.counted.neither = 1;
        assert_eq!(
            text(odd),
            "Day: month first, as 2 of 5 dates show; no order fits 1, which are rejected"
        );
        let mut dashed = column(0, 0, 0);
        dashed.counted.without_slashes = 4;
        assert_eq!(text(dashed), "Day: 4 with dashes are not read");
    }
}
