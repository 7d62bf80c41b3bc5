//! Backpressure: when reading stops, and when it goes on.
//!
//! A run has its own queue, and all queues share one Redis. So two things are bounded: what a run
//! has queued, and the bytes of all runs together. However full the others are, a run may have its
//! minimum: one that is paused for a week, with a full queue, does not stop those beside it.

use job_queue::{Depth, Fullness, JOBS_PER_PUSH_MAX};

use crate::cli::{import_args::WatermarkArgs, invalid_setting::InvalidSetting};

/// Bytes in one push: a hundred usual batches, which keeps Redis busy, and little enough for an
/// import to hold it six times in memory (batches, jobs, tasks, command, what is sent, and the batches
/// that are read meanwhile).
const PUSH_BYTES_MAX: u64 = 768 << 10;

/// While more than this is pushed, nothing is read beside it: five copies of it are under way to Redis. More than
/// pushes of usual batches, and less than a batch of Bulk with long rows.
const READS_ON_BESIDE_BYTES_MAX: u64 = 2 << 20;

/// What a run may have queued though the others have filled Redis, as a part of the high watermark.
const MINIMUM: u64 = 16;

/// How full the queues may be between a pause of reading and its end. Low is below high.
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
    pub(crate) fn is_reached_by(&self, fullness: Fullness) -> bool {
        let Fullness { own, .. } = fullness;
        own.jobs >= self.high.jobs || own.bytes >= self.high.bytes || self.others_fill(fullness)
    }

    /// It is not the run's own queue that is too full, but all of them together.
    pub(crate) fn others_fill(&self, Fullness { own, all_bytes }: Fullness) -> bool {
        all_bytes >= self.high.bytes && own.bytes >= self.minimum()
    }

    /// Reading may go on after a stop.
    pub(crate) fn is_drained_to(&self, Fullness { own, all_bytes }: Fullness) -> bool {
        let has_room = all_bytes <= self.low.bytes || own.bytes <= self.minimum() / 2;
        own.jobs <= self.low.jobs && own.bytes <= self.low.bytes && has_room
    }

    /// Whether the next batches may be read while so much is pushed, after which the queue is so full.
    pub(crate) fn reads_on_beside(&self, pushed: Depth, expected: Fullness) -> bool {
        pushed.bytes <= READS_ON_BESIDE_BYTES_MAX && !self.is_reached_by(expected)
    }

    /// What the next push may bring: it ends at the high watermark, or with the one batch that
    /// passes it.
    pub(crate) fn room(&self, Fullness { own, all_bytes }: Fullness) -> Room {
        let jobs = self.high.jobs.saturating_sub(own.jobs);
        let shared = self.high.bytes.saturating_sub(all_bytes);
        let of_its_own = self.minimum().saturating_sub(own.bytes);
        let bytes = self.high.bytes.saturating_sub(own.bytes).min(shared.max(of_its_own));
        Room {
            jobs: usize::try_from(jobs).unwrap_or(usize::MAX).clamp(1, JOBS_PER_PUSH_MAX),
            // No more than the minimum: other runs push at the same moment, by the same figures.
            bytes: bytes.min(self.minimum()).min(PUSH_BYTES_MAX),
        }
    }

    fn minimum(&self) -> u64 {
        self.high.bytes / MINIMUM
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

    const MIB: u64 = 1 << 20;

    /// With a minimum of 4 MiB for each run.
    fn watermarks(low: Option<u64>, high: u64) -> Result<Watermarks, InvalidSetting> {
        Watermarks::new(&WatermarkArgs {
            queue_depth_high: high,
            queue_depth_low: low,
            queue_bytes_high: 64 * MIB,
        })
    }

    /// A run beside others that have `others` bytes.
    fn beside(others: u64, jobs: u64, bytes: u64) -> Fullness {
        Fullness { own: Depth { jobs, bytes }, all_bytes: others + bytes }
    }

    fn alone(jobs: u64, bytes: u64) -> Fullness {
        beside(0, jobs, bytes)
    }

    #[test]
    fn low_is_half_of_high_unless_it_is_set_and_always_below_it() {
        let half = watermarks(None, 20).unwrap();
        assert!(half.is_drained_to(alone(10, 0)));
        assert!(!half.is_drained_to(alone(11, 0)));

        let error = watermarks(Some(20), 20).unwrap_err();
        assert_eq!(error.to_string(), "QUEUE_DEPTH_LOW (20) must be below QUEUE_DEPTH_HIGH (20)");
    }

    #[test]
    fn either_limit_stops_reading_and_both_must_clear() {
        let watermarks = watermarks(Some(5), 10).unwrap();
        let (full, half) = (64 * MIB, 32 * MIB);
        let cases = [
            (alone(9, 0), false, false),
            (alone(10, 0), true, false),
            (alone(0, full), true, false),
            (alone(5, half), false, true),
            (alone(5, half + 1), false, false),
            (alone(6, 0), false, false),
        ];

        for (fullness, stops, goes_on) in cases {
            assert_eq!(watermarks.is_reached_by(fullness), stops, "{fullness:?}");
            assert_eq!(watermarks.is_drained_to(fullness), goes_on, "{fullness:?}");
        }
    }

    #[test]
    fn nothing_is_read_beside_a_push_that_is_large_or_fills_the_queue() {
        let watermarks = watermarks(None, 2_000).unwrap();
        let pushed = |bytes| Depth { jobs: 1, bytes };
        let cases = [
            (pushed(PUSH_BYTES_MAX + MIB), alone(1, MIB), true),
            (pushed(4 * MIB), alone(1, 4 * MIB), false),
            (pushed(MIB), alone(1, 64 * MIB), false),
        ];

        for (pushed, expected, reads_on) in cases {
            assert_eq!(watermarks.reads_on_beside(pushed, expected), reads_on, "{pushed:?}");
        }
    }

    #[test]
    fn however_full_the_others_are_a_run_has_its_minimum() {
        let watermarks = watermarks(None, 2_000).unwrap();
        let cases = [
            (beside(64 * MIB, 1, 0), false, true),
            (beside(64 * MIB, 1, 4 * MIB - 1), false, false),
            (beside(64 * MIB, 1, 4 * MIB), true, false),
            (beside(60 * MIB, 1, 4 * MIB), true, false),
            (beside(59 * MIB, 1, 4 * MIB), false, false),
            (beside(64 * MIB, 1, 2 * MIB), false, true),
            (beside(28 * MIB, 1, 4 * MIB), false, true),
        ];

        for (fullness, stops, goes_on) in cases {
            assert_eq!(watermarks.is_reached_by(fullness), stops, "{fullness:?}");
            assert_eq!(watermarks.is_drained_to(fullness), goes_on, "{fullness:?}");
        }
    }

    #[test]
    fn room_ends_at_the_high_watermark() {
        let watermarks = watermarks(Some(5), 10).unwrap();

        let room = watermarks.room(alone(7, 64 * MIB - 1_000));

        assert!(room.is_left_by(2, 999));
        assert!(!room.is_left_by(3, 0), "ten jobs are enough");
        assert!(!room.is_left_by(1, 1_000), "so many bytes are enough");
        let most = watermarks.room(alone(0, 0));
        assert!(most.is_left_by(9, PUSH_BYTES_MAX - 1) && !most.is_left_by(9, PUSH_BYTES_MAX));
        let wide = super::tests::watermarks(None, 10_000).unwrap().room(alone(0, 0));
        assert!(wide.is_left_by(JOBS_PER_PUSH_MAX - 1, 0));
        assert!(!wide.is_left_by(JOBS_PER_PUSH_MAX, 0), "one push takes no more");
        let rest_of_all = wide_room(beside(63 * MIB, 1, MIB - 1_000));
        assert!(rest_of_all.is_left_by(1, PUSH_BYTES_MAX - 1), "it has its minimum");
        let rest_of_minimum = wide_room(beside(64 * MIB, 1, 4 * MIB - 1_000));
        assert!(rest_of_minimum.is_left_by(1, 999) && !rest_of_minimum.is_left_by(1, 1_000));
    }

    fn wide_room(fullness: Fullness) -> Room {
        watermarks(None, 10_000).unwrap().room(fullness)
    }

    /// A run that is fed as `feed.rs` does it.
    #[derive(Default)]
    struct Run {
        queued: VecDeque<u64>,
        /// As its last push, or the last look at a full queue, told: others have pushed since.
        seen: Fullness,
        /// What it read while its last push was under way.
        read: Vec<u64>,
        is_paused: bool,
    }

    /// Adds batches as far as there is room, one at least when there is none yet and `must`.
    fn read(read: &mut Vec<u64>, room: Room, must: bool, mut batch: impl FnMut() -> u64) {
        let mut bytes = read.iter().sum();
        while (must && read.is_empty()) || room.is_left_by(read.len(), bytes) {
            read.push(batch());
            bytes = read.iter().sum();
        }
    }

    fn sum(runs: &[Run]) -> u64 {
        runs.iter().flat_map(|run| &run.queued).sum()
    }

    fn fullness(runs: &[Run], at: usize) -> Fullness {
        let queued = &runs[at].queued;
        let own = Depth { jobs: queued.len() as u64, bytes: queued.iter().sum() };
        Fullness { own, all_bytes: sum(runs) }
    }

    /// Several runs at once, with batches of any size, and consumers that take any number of batches
    /// of any run at any time, or none of a run that is paused by hand: 200 cases.
    #[test]
    fn the_queues_never_pass_the_high_watermark_by_more_than_a_minimum_and_a_batch_of_each_run() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let high = random.u64(2..500);
            let watermarks = Watermarks::new(&WatermarkArgs {
                queue_depth_high: high,
                queue_depth_low: Some(random.u64(..high)),
                queue_bytes_high: random.u64(MIB..64 * MIB),
            });
            let watermarks = watermarks.unwrap();
            let batch_bytes_max = random.u64(1..watermarks.high().bytes / 8);
            let mut runs: Vec<Run> =
                std::iter::repeat_with(Run::default).take(random.usize(1..6)).collect();
            let stuck = random.usize(..8);
            let bytes_most = watermarks.high().bytes
                + runs.len() as u64 * (watermarks.minimum() + batch_bytes_max);
            let mut pushed = vec![0; runs.len()];
            for _ in 0..400 {
                let at = random.usize(..runs.len());
                if runs[at].is_paused {
                    runs[at].seen = fullness(&runs, at);
                    runs[at].is_paused = !watermarks.is_drained_to(runs[at].seen);
                } else {
                    runs[at].is_paused = watermarks.is_reached_by(runs[at].seen);
                }
                if !runs[at].is_paused {
                    let mut group = std::mem::take(&mut runs[at].read);
                    let room = watermarks.room(runs[at].seen);
                    let mut batch = || random.u64(1..=batch_bytes_max);
                    read(&mut group, room, true, &mut batch);
                    let more = Depth { jobs: group.len() as u64, bytes: group.iter().sum() };
                    let expected = runs[at].seen.with(more);
                    // The next ones are read before anybody knows what others push meanwhile.
                    if watermarks.reads_on_beside(more, expected) {
                        let room = watermarks.room(expected);
                        read(&mut runs[at].read, room, false, &mut batch);
                    }
                    pushed[at] += group.len();
                    runs[at].queued.extend(group);
                    let now = fullness(&runs, at);
                    runs[at].seen = now;
                    assert!(now.own.jobs <= high, "seed {seed}: {now:?}");
                    let own_most = watermarks.high().bytes + batch_bytes_max;
                    assert!(now.own.bytes < own_most, "seed {seed}: {now:?}");
                    assert!(now.all_bytes < bytes_most, "seed {seed}: {now:?} of {bytes_most}");
                }
                let of = random.usize(..runs.len());
                if of != stuck {
                    let most = random.usize(1..200).min(runs[of].queued.len());
                    let taken = random.usize(..=most);
                    runs[of].queued.drain(..taken);
                }
            }
            assert!(pushed.iter().all(|batches| *batches > 0), "seed {seed}: {pushed:?}");
        }
    }
}
