use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Reads a length of time as people write it: `30s`, `9m 30s`, `30d`. Days have 24 hours.
///
/// # Errors
///
/// When the text is something else, longer than a duration can be, or negative.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let refused = |error: jiff::Error| format!("{error}; write it like 30s, 9m 30s or 30d");
    let span: Span = text.parse().map_err(refused)?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(refused)?;
    Duration::try_from(duration).map_err(refused)
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
        for text in ["", "30", "-5s", "soon", "1 month", "99999999999999999999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
