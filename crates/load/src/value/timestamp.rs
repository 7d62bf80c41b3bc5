//! Dates, times of day, and timestamps.
//!
//! A date is a date: it is never shifted by a time zone. A timestamp without an offset is one of the
//! time zone that the settings name.

use std::io::Write;

use clap::ValueEnum;
use jiff::{
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, Offset, TimeZone},
};
use serde::{Deserialize, Serialize};

/// How dates with slashes are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateOrder {
    /// 11/23/2026.
    #[default]
    MonthFirst,
    /// 23/11/2026.
    DayFirst,
}

/// Years that Salesforce can store.
const YEARS: std::ops::RangeInclusive<i16> = 1700..=4000;

/// Writes `2026-11-23`. Behind the date may stand midnight, as many exports have it.
pub(super) fn write_date(cell: &str, order: DateOrder, out: &mut Vec<u8>) -> Option<()> {
    let (date, rest) = split(cell);
    let date = read_date(date, order)?;
    if let Some(rest) = rest {
        let (time, _offset) = read_time_and_offset(rest)?;
        if time != Time::midnight() {
            return None;
        }
    }
    write!(out, "\"{date}\"").ok()
}

/// Writes `2026-11-23T10:15:00.000Z`.
pub(super) fn write_timestamp(
    cell: &str,
    order: DateOrder,
    zone: &TimeZone,
    out: &mut Vec<u8>,
) -> Option<()> {
    let (date, rest) = split(cell);
    let date = read_date(date, order)?;
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
    write!(out, "\"{}T", utc.date()).ok()?;
    write_clock(utc.time(), out)
}

/// Writes `10:15:00.000Z`. A time of day has no zone; a `Z` behind it says nothing.
pub(super) fn write_time(cell: &str, out: &mut Vec<u8>) -> Option<()> {
    let time = read_time(cell.strip_suffix(['Z', 'z']).unwrap_or(cell))?;
    out.push(b'"');
    write_clock(time, out)
}

fn write_clock(time: Time, out: &mut Vec<u8>) -> Option<()> {
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    write!(out, "{hour:02}:{minute:02}:{second:02}.{:03}Z\"", time.millisecond()).ok()
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

/// Splits a date from what stands behind it.
fn split(cell: &str) -> (&str, Option<&str>) {
    match cell.split_once(['T', 't', ' ']) {
        Some((date, rest)) => (date, Some(rest.trim())),
        None => (cell, None),
    }
}

fn read_date(text: &str, order: DateOrder) -> Option<Date> {
    let (year, month, day) = if let Some((first, rest)) = text.split_once('/') {
        let (second, year) = rest.split_once('/')?;
        let (month, day) = match order {
            DateOrder::MonthFirst => (first, second),
            DateOrder::DayFirst => (second, first),
        };
        (number(year, 4, 4)?, number(month, 1, 2)?, number(day, 1, 2)?)
    } else if let Some((year, rest)) = text.split_once('-') {
        let (month, day) = rest.split_once('-')?;
        (number(year, 4, 4)?, number(month, 2, 2)?, number(day, 2, 2)?)
    } else {
        number(text, 8, 8)?;
        (number(&text[..4], 4, 4)?, number(&text[4..6], 2, 2)?, number(&text[6..], 2, 2)?)
    };
    let year = i16::try_from(year).ok().filter(|year| YEARS.contains(year))?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn read_time_and_offset(text: &str) -> Option<(Time, Option<Offset>)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((read_time(time.trim_end())?, Some(Offset::UTC)));
    }
    let Some(at) = text.rfind(['+', '-']) else {
        return Some((read_time(text)?, None));
    };
    let (time, offset) = text.split_at(at);
    Some((read_time(time.trim_end())?, Some(read_offset(offset)?)))
}

/// `+01:00`, `+0100`.
fn read_offset(text: &str) -> Option<Offset> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text[1..].replacen(':', "", 1);
    let number = i32::try_from(number(&digits, 4, 4)?).ok()?;
    let (hours, minutes) = (number / 100, number % 100);
    if hours > 18 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

/// A time of day of 24 hours, or of 12 with `AM` or `PM` behind it.
fn read_time(text: &str) -> Option<Time> {
    let Some((clock, half)) = split_half(text) else { return read_clock(text) };
    // Only there may the hour stand alone with one digit.
    let time = match number(clock, 1, 2) {
        Some(hour) => Time::new(i8::try_from(hour).ok()?, 0, 0, 0).ok()?,
        None => read_clock(clock)?,
    };
    let hour = match (time.hour(), half) {
        (12, Half::Am) => 0,
        (12, Half::Pm) => 12,
        (hour @ 1..12, Half::Am) => hour,
        (hour @ 1..12, Half::Pm) => hour + 12,
        _ => return None,
    };
    time.with().hour(hour).build().ok()
}

/// Halves of a day.
#[derive(Clone, Copy)]
enum Half {
    Am,
    Pm,
}

/// Takes `AM`, `pm`, `a.m.` off the end of a time, with the blanks before it, which some programs
/// make narrow ones.
fn split_half(text: &str) -> Option<(&str, Half)> {
    [("am", Half::Am), ("pm", Half::Pm), ("a.m.", Half::Am), ("p.m.", Half::Pm)]
        .into_iter()
        .find_map(|(word, half)| {
            let at = text.len().checked_sub(word.len())?;
            let (clock, end) = (text.get(..at)?, text.get(at..)?);
            end.eq_ignore_ascii_case(word).then(|| (clock.trim_end(), half))
        })
}

/// `10`, `10:15`, `9:15`, `10:15:30`, `10:15:30.5`, `101530`.
fn read_clock(text: &str) -> Option<Time> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = [0_i8; 3];
    let mut count = 0;
    if clock.len() == 6 && !clock.contains(':') {
        number(clock, 6, 6)?;
        for (part, at) in parts.iter_mut().zip([0, 2, 4]) {
            *part = two_digits(&clock[at..at + 2])?;
        }
        count = 3;
    } else {
        let hours_digits_min = if clock.contains(':') { 1 } else { 2 };
        for text in clock.split(':') {
            let digits_min = if count == 0 { hours_digits_min } else { 2 };
            let part = number(text, digits_min, 2)?;
            *parts.get_mut(count)? = i8::try_from(part).ok()?;
            count += 1;
        }
    }
    let nanoseconds = match fraction {
        None => 0,
        Some(_) if count < 3 => return None,
        Some(fraction) => {
            let digits = u32::try_from(fraction.len()).ok()?;
            number(fraction, 1, 9)? * 10_u32.pow(9 - digits)
        }
    };
    Time::new(parts[0], parts[1], parts[2], i32::try_from(nanoseconds).ok()?).ok()
}

fn two_digits(text: &str) -> Option<i8> {
    i8::try_from(number(text, 2, 2)?).ok()
}

/// A number with so many digits and nothing else.
fn number(text: &str, digits_min: usize, digits_max: usize) -> Option<u32> {
    let fits = (digits_min..=digits_max).contains(&text.len());
    (fits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}
