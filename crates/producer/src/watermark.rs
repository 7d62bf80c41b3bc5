//! Backpressure: when reading stops, and when it goes on.

use job_queue::{Depth, JOBS_PER_PUSH_MAX};

use crate::{WatermarkArgs, error::InvalidSetting};

/// Bytes in one push: a hundred usual batches, which keeps Redis busy, and little enough for an
/// import to hold it five times in memory (batches, jobs, tasks, command, what is sent).
const PUSH_BYTES_MAX: u64 = 768 << 10;

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

    /// What the next push may bring: it ends at the high watermark, or with the one batch that
    /// passes it.
    pub(crate) fn room(&self, depth: Depth) -> Room {
        let jobs = self.high.jobs.saturating_sub(depth.jobs);
        let bytes = self.high.bytes.saturating_sub(depth.bytes);
        Room {
            jobs: usize::try_from(jobs).unwrap_or(usize::MAX).clamp(1, JOBS_PER_PUSH_MAX),
            bytes: bytes.min(PUSH_BYTES_MAX),
        }
    }
}

/// How much one push may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    jobs: usize,
    bytes: u64,
}

impl Room {
    /// Whether another batch fits in behind so many, of so many bytes.
    pub(crate) fn is_left_by(self, batches: usize, bytes: u64) -> bool {
        batches < self.jobs && bytes < self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

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

        let room = watermarks.room(Depth { jobs: 7, bytes: (64 << 20) - 1_000 });

        assert!(room.is_left_by(2, 999));
        assert!(!room.is_left_by(3, 0), "ten jobs are enough");
        assert!(!room.is_left_by(1, 1_000), "so many bytes are enough");
        let most = watermarks.room(Depth::default());
        assert!(most.is_left_by(9, PUSH_BYTES_MAX - 1) && !most.is_left_by(9, PUSH_BYTES_MAX));
        let wide = super::tests::watermarks(None, 10_000).unwrap().room(Depth::default());
        assert!(wide.is_left_by(JOBS_PER_PUSH_MAX - 1, 0));
        assert!(!wide.is_left_by(JOBS_PER_PUSH_MAX, 0), "one push takes no more");
    }

    /// Feeding as `feed.rs` does it, with batches of any size and consumers that take any number of
    /// jobs at any time: 100 cases.
    #[test]
    fn the_queue_never_passes_the_high_watermark_by_more_than_one_batch() {
        for seed in 0..100 {
            let mut random = fastrand::Rng::with_seed(seed);
            let high = random.u64(2..500);
            let watermarks = watermarks(Some(random.u64(..high)), high).unwrap();
            let batch_bytes_max = random.u64(1..4 << 20);
            let (mut queued, mut is_paused) = (VecDeque::new(), false);
            let depth = |queued: &VecDeque<u64>| Depth {
                jobs: queued.len() as u64,
                bytes: queued.iter().sum(),
            };
            for _ in 0..200 {
                let now = depth(&queued);
                is_paused = if is_paused {
                    !watermarks.is_drained_to(now)
                } else {
                    watermarks.is_reached_by(now)
                };
                if !is_paused {
                    let room = watermarks.room(now);
                    let (mut batches, mut bytes) = (0, 0);
                    while batches == 0 || room.is_left_by(batches, bytes) {
                        let batch = random.u64(1..=batch_bytes_max);
                        queued.push_back(batch);
                        (batches, bytes) = (batches + 1, bytes + batch);
                    }
                    let full = depth(&queued);
                    assert!(full.jobs <= high, "seed {seed}: {full:?}");
                    let bytes_most = watermarks.high().bytes + batch_bytes_max;
                    assert!(full.bytes < bytes_most, "seed {seed}: {full:?}");
                }
                let most = random.usize(1..200).min(queued.len());
                let taken = random.usize(..=most);
                queued.drain(..taken);
            }
        }
    }
}
