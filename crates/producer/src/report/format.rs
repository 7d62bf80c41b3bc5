//! Numbers as people read them.

use std::time::Duration;

use jiff::Timestamp;
pub(crate) use service::grouped;

/// A size in bytes, with a binary unit.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let mut size = number as f64;
    let mut unit = "B";
    for larger in UNITS {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if unit == "B" { format!("{number} B") } else { format!("{size:.1} {unit}") }
}

/// A duration, to the second when it is long.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `number` of things in `took`, per second.
pub(crate) fn per_second(number: u64, took: Duration) -> u64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is a rounded figure and not negative"
    )]
    let rate = (number as f64 / took.as_secs_f64().max(0.001)).round() as u64;
    rate
}

/// A moment in UTC, to the second.
pub(crate) fn timestamp(unix_ms: u64) -> String {
    let timestamp = i64::try_from(unix_ms).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    timestamp.map_or_else(|| "unknown".to_owned(), |at| at.strftime("%F %T UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_easy_to_read() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(12_345_678), "12,345,678");
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(5 << 30), "5.0 GiB");
        assert_eq!(duration(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(duration(Duration::from_secs(61)), "1 min 01 s");
        assert_eq!(duration(Duration::from_secs(7_260)), "2 h 01 min");
        assert_eq!(timestamp(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(per_second(1_000, Duration::from_secs(2)), 500);
    }
}
