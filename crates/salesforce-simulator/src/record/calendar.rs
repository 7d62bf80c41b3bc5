//! Dates and times as the JSON parser of Salesforce takes them.

/// `yyyy-MM-dd`, a day that exists, from 1700-01-01 to 4000-12-31.
pub(super) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let parts = (number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..]));
    let (Some(year), Some(month), Some(day)) = parts else { return false };
    (1700..=4000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
}

/// A date, `T`, a time of day, and `Z` or an offset.
pub(super) fn is_datetime(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let Some(zone) = time.find(['Z', '+', '-']) else { return false };
    let (time, zone) = time.split_at(zone);
    is_date(date) && is_clock(time) && is_zone(zone)
}

/// A time of day and `Z`.
pub(super) fn is_time(text: &str) -> bool {
    text.strip_suffix('Z').is_some_and(is_clock)
}

/// `HH:mm:ss` or `HH:mm:ss.SSS`.
fn is_clock(text: &str) -> bool {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let bytes = clock.as_bytes();
    bytes.len() == 8
        && bytes[2] == b':'
        && bytes[5] == b':'
        && number(&bytes[..2]).is_some_and(|hours| hours < 24)
        && number(&bytes[3..5]).is_some_and(|minutes| minutes < 60)
        && number(&bytes[6..]).is_some_and(|seconds| seconds < 60)
        && (1..=9).contains(&fraction.len())
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

/// `Z`, `±HH:mm` or `±HHmm`.
fn is_zone(text: &str) -> bool {
    let Some(offset) = text.strip_prefix(['+', '-']) else { return text == "Z" };
    let digits: Vec<u8> = match offset.as_bytes() {
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => vec![*h1, *h2, *m1, *m2],
        _ => return false,
    };
    number(&digits[..2]).is_some_and(|hours| hours < 15)
        && number(&digits[2..]).is_some_and(|minutes| minutes < 60)
}

fn number(digits: &[u8]) -> Option<u32> {
    let all_digits = digits.iter().all(u8::is_ascii_digit);
    all_digits.then(|| digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(400) || (year.is_multiple_of(4) && !year.is_multiple_of(100)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_day_that_exists() {
        for date in ["2026-11-23", "2024-02-29", "2000-02-29", "1700-01-01", "4000-12-31"] {
            assert!(is_date(date), "{date}");
        }
        for date in ["1900-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "1699-12-31"] {
            assert!(!is_date(date), "{date}");
        }
        for date in ["", "2026-1-1", "20261123", "11/23/2026", "2026-11-2é", "+026-11-23"] {
            assert!(!is_date(date), "{date}");
        }
    }

    #[test]
    fn a_datetime_names_its_zone() {
        for moment in [
            "2026-11-23T10:15:00Z",
            "2026-11-23T10:15:00.000Z",
            "2026-11-23T10:15:00.000+0000",
            "2026-11-23T23:59:59-05:30",
        ] {
            assert!(is_datetime(moment), "{moment}");
        }
        for moment in [
            "2026-11-23",
            "2026-11-23T10:15:00",
            "2026-11-23 10:15:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T10:60:00Z",
            "2026-11-23T10:15:00.Z",
            "2026-11-23T10:15:00+1",
            "2026-11-23T10:15:00Zx",
        ] {
            assert!(!is_datetime(moment), "{moment}");
        }
    }

    #[test]
    fn a_time_of_day_is_in_utc() {
        assert!(is_time("10:15:00.000Z"));
        assert!(is_time("10:15:00Z"));
        assert!(!is_time("10:15:00"));
        assert!(!is_time("10:15Z"));
    }
}
