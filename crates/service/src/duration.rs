use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Reads a length of time as people write it: `30s`, `9m 30s`, `30d`. Days have 24 hours.
///
/// # Errors
///
/// When the text is something else, longer than a duration can be, or negative.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    // What the library says of a text is for programmers.
    let read = || {
        let span: Span = text.parse().ok()?;
        let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        Duration::try_from(duration).ok()
    };
    read().ok_or_else(|| {
        "not a length of time; write it like 30s, 9m 30s or 30d (a month or a year has no fixed length)"
            .to_owned()
    })
}

/// The same for a time within which something has to happen: nothing happens in no time.
///
/// # Errors
///
/// As [`parse_duration`], and when it is less than a millisecond.
pub fn parse_timeout(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    match duration < Duration::from_millis(1) {
        true => Err("too short; it must be at least 1ms".to_owned()),
        false => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("0s", 0.0),
            ("250ms", 0.25),
            ("30s", 30.0),
            ("9m 30s", 570.0),
            ("1h", 3_600.0),
            ("30d", 2_592_000.0),
            ("1 day 2 hours", 93_600.0),
        ] {
            assert_eq!(parse_duration(text).map(|read| read.as_secs_f64()), Ok(seconds), "{text}");
        }
        for text in ["", "30", "-5s", "soon", "1 month", "1y", "99999999999999999999s"] {
            let refused = parse_duration(text).unwrap_err();
            assert!(refused.contains("write it like 30s") && !refused.contains("::"), "{refused}");
        }
    }

    #[test]
    fn nothing_happens_in_no_time() {
        assert_eq!(parse_timeout("1ms"), Ok(Duration::from_millis(1)));
        for text in ["0s", "1ns", "0.9ms"] {
            assert!(parse_timeout(text).unwrap_err().contains("at least 1ms"), "{text}");
        }
    }
}
