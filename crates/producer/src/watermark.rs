//! Backpressure: when reading stops, and when it goes on.

use job_queue::Depth;

use crate::{WatermarkArgs, error::InvalidSetting};

/// Depths of the queue between which the producer pauses. Low is below high.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watermarks {
    high: Depth,
    low: Depth,
}

impl Watermarks {
    pub(crate) fn new(args: &WatermarkArgs) -> Result<Self, InvalidSetting> {
        let jobs_high = args.queue_depth_high;
        let jobs_low = args.queue_depth_low.unwrap_or(jobs_high / 2);
        if jobs_low >= jobs_high {
            return Err(InvalidSetting(format!(
                "QUEUE_DEPTH_LOW ({jobs_low}) must be below QUEUE_DEPTH_HIGH ({jobs_high})"
            )));
        }
        if args.queue_bytes_high < 1 << 20 {
            return Err(InvalidSetting("QUEUE_BYTES_HIGH must be at least 1048576".to_owned()));
        }
        Ok(Self {
            high: Depth { jobs: jobs_high, bytes: args.queue_bytes_high },
            low: Depth { jobs: jobs_low, bytes: args.queue_bytes_high / 2 },
        })
    }

    /// Where reading stops.
    pub(crate) fn high(&self) -> Depth {
        self.high
    }

    /// Where it goes on.
    pub(crate) fn low(&self) -> Depth {
        self.low
    }

    /// Reading must stop.
    pub(crate) fn is_reached_by(&self, depth: Depth) -> bool {
        depth.jobs >= self.high.jobs || depth.bytes >= self.high.bytes
    }

    /// Reading may go on after a stop.
    pub(crate) fn is_drained_to(&self, depth: Depth) -> bool {
        depth.jobs <= self.low.jobs && depth.bytes <= self.low.bytes
    }

    /// What may still be pushed before the high watermark.
    pub(crate) fn room(&self, depth: Depth) -> Depth {
        Depth {
            jobs: self.high.jobs.saturating_sub(depth.jobs),
            bytes: self.high.bytes.saturating_sub(depth.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watermarks(low: Option<u64>, high: u64) -> Result<Watermarks, InvalidSetting> {
        Watermarks::new(&WatermarkArgs {
            queue_depth_high: high,
            queue_depth_low: low,
            queue_bytes_high: 64 << 20,
        })
    }

    #[test]
    fn low_is_half_of_high_unless_it_is_set_and_always_below_it() {
        let half = watermarks(None, 20).unwrap();
        assert!(half.is_drained_to(Depth { jobs: 10, bytes: 0 }));
        assert!(!half.is_drained_to(Depth { jobs: 11, bytes: 0 }));

        let error = watermarks(Some(20), 20).unwrap_err();
        assert_eq!(error.to_string(), "QUEUE_DEPTH_LOW (20) must be below QUEUE_DEPTH_HIGH (20)");
    }

    #[test]
    fn either_limit_stops_reading_and_both_must_clear() {
        let watermarks = watermarks(Some(5), 10).unwrap();
        let (full, half) = (64 << 20, 32 << 20);
        let cases = [
            (Depth { jobs: 9, bytes: 0 }, false, false),
            (Depth { jobs: 10, bytes: 0 }, true, false),
            (Depth { jobs: 0, bytes: full }, true, false),
            (Depth { jobs: 5, bytes: half }, false, true),
            (Depth { jobs: 5, bytes: half + 1 }, false, false),
            (Depth { jobs: 6, bytes: 0 }, false, false),
        ];

        for (depth, stops, goes_on) in cases {
            assert_eq!(watermarks.is_reached_by(depth), stops, "{depth:?}");
            assert_eq!(watermarks.is_drained_to(depth), goes_on, "{depth:?}");
        }
    }

    #[test]
    fn room_ends_at_the_high_watermark() {
        let watermarks = watermarks(Some(5), 10).unwrap();

        let room = watermarks.room(Depth { jobs: 7, bytes: 100 << 20 });

        assert_eq!(room, Depth { jobs: 3, bytes: 0 });
    }
}
