//! Times of day, and the offsets behind them.

use std::io::Write;

use jiff::{civil::Time, tz::Offset};

use super::digits::number;

/// Writes `10:15:00.000Z`. A time of day has no zone; a `Z` behind it says nothing.
pub(super) fn write_time(cell: &str, out: &mut Vec<u8>) -> Option<()> {
    write_clock(read_time(cell.strip_suffix(['Z', 'z']).unwrap_or(cell))?, out)
}

pub(super) fn write_clock(time: Time, out: &mut Vec<u8>) -> Option<()> {
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    write!(out, "{hour:02}:{minute:02}:{second:02}.{:03}Z", time.millisecond()).ok()
}

/// A time of day, and the offset behind it: `10:15`, `10:15Z`, `10:15 +01:00`, `9:15 PM GMT-8`.
pub(super) fn read_time_and_offset(text: &str) -> Option<(Time, Option<Offset>)> {
    let before_utc = |text| UTC.into_iter().find_map(|word| before(text, word));
    let Some(at) = text.rfind(['+', '-']) else {
        return Some(match before(text, "Z").or_else(|| before_utc(text)) {
            Some(time) => (read_time(time)?, Some(Offset::UTC)),
            None => (read_time(text)?, None),
        });
    };
    let (time, offset) = text.split_at(at);
    let time = time.trim_end();
    let (time, form) = match before_utc(time) {
        Some(time) => (time, OffsetForm::BehindUtc),
        // Behind the hour alone, two digits may be minutes as well.
        None if time.len() <= 2 => (time, OffsetForm::WithMinutes),
        None => (time, OffsetForm::Alone),
    };
    Some((read_time(time)?, Some(read_offset(offset, form)?)))
}

/// What offsets may be counted from in so many words.
const UTC: [&str; 2] = ["UTC", "GMT"];

/// Which offsets are understood.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OffsetForm {
    /// `-8`, `+2:00`, and all below.
    BehindUtc,
    /// `+01`, and all below.
    Alone,
    /// `+01:00`, `+0100`.
    WithMinutes,
}

fn read_offset(text: &str, form: OffsetForm) -> Option<Offset> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.strip_prefix('+')?),
    };
    let hours_digits_min = if form == OffsetForm::BehindUtc { 1 } else { 2 };
    let (hours, minutes) = match text.split_once(':') {
        Some(parts) => parts,
        None if text.len() == 4 => (text.get(..2)?, text.get(2..)?),
        None if form == OffsetForm::WithMinutes => return None,
        None => (text, "00"),
    };
    let hours = i32::try_from(number(hours, hours_digits_min, 2)?).ok()?;
    let minutes = i32::try_from(number(minutes, 2, 2)?).ok()?;
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
        .find_map(|(word, half)| Some((before(text, word)?, half)))
}

/// What stands before the word that a text ends with, in upper or lower case, without the blanks
/// between.
fn before<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(word.len())?;
    let (rest, end) = (text.get(..at)?, text.get(at..)?);
    end.eq_ignore_ascii_case(word).then(|| rest.trim_end())
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
