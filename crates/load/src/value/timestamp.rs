//! Timestamps. One without an offset is of the time zone that the settings name.

use std::{borrow::Cow, io::Write};

use jiff::{
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

use super::{
    date::{DateForms, split_date},
    time::{read_time_and_offset, write_clock},
    years::YEARS,
    zone,
};

/// Writes `2026-11-23T10:15:00.000Z`.
pub(super) fn write_timestamp(
    cell: &str,
    forms: DateForms,
    zone: &TimeZone,
    out: &mut Vec<u8>,
) -> Option<()> {
    let (date, rest) = split_date(cell);
    let date = forms.read(date)?;
    let timestamp = match rest.map(read_time_and_offset) {
        None => zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible().ok()?,
        Some(None) => return None,
        Some(Some((time, Some(offset)))) => offset.to_timestamp(date.to_datetime(time)).ok()?,
        Some(Some((time, None))) => in_zone(date.to_datetime(time), zone)?,
    };
    let utc = TimeZone::UTC.to_datetime(timestamp);
    if !YEARS.contains(&utc.year()) {
        return None;
    }
    write!(out, "{}T", utc.date()).ok()?;
    write_clock(utc.time(), out)
}

/// What the cell of a timestamp has to be.
pub(super) fn timestamp_rule(forms: DateForms, zone: &TimeZone) -> Cow<'static, str> {
    let (example, years) = (forms.order.example(), forms.two_digit_years.rule());
    let name = zone::name(zone);
    format!(
        "2026-11-23T10:15:00Z, 2026-11-23 10:15 GMT-08:00 or {example} 9:15 PM, the date also as \
         2026/11/23 or 23.11.2026{years}; without an offset in {name}"
    )
    .into()
}

/// The timestamp at which a wall clock shows this. In the hour that a zone skips there is none; of the
/// two in the hour that it repeats, the first counts.
fn in_zone(at: DateTime, zone: &TimeZone) -> Option<jiff::Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(at);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => None,
        _ => ambiguous.compatible().ok(),
    }
}
