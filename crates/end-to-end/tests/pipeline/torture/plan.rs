//! What a round is like: all of it follows from its seed.

use fastrand::Rng;
use generate_upload::Shape;
use serde_json::{Value, json};

/// A round of torture.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) rows: u64,
    pub(crate) shape: Shape,
    pub(crate) driver: Driver,
    pub(crate) consumers: usize,
    pub(crate) concurrency: u64,
    pub(crate) batch_rows: u64,
    pub(crate) lease_ms: u64,
    pub(crate) depth_high: u64,
    /// After so many kills the round is let end.
    pub(crate) kills_max: u64,
}

/// Who reads the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driver {
    /// `producer sync`, started again with its run id.
    Sync,
    /// Two of `producer serve`, of which one takes the run.
    Serve,
}

impl Plan {
    pub(crate) fn new(seed: u64, kills_max: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self {
            seed,
            rows: rng.u64(2_000..=5_000),
            shape: Shape { bad_rows_permille: rng.u16(0..=100), awkward: true },
            driver: if seed.is_multiple_of(3) { Driver::Serve } else { Driver::Sync },
            consumers: rng.usize(2..=4),
            concurrency: rng.u64(1..=4),
            batch_rows: rng.u64(10..=40),
            lease_ms: rng.u64(2_000..=4_000),
            depth_high: rng.u64(5..=60),
            kills_max,
        }
    }

    pub(crate) fn settings(&self) -> [(&'static str, String); 7] {
        [
            ("BATCH_ROWS", self.batch_rows.to_string()),
            ("QUEUE_DEPTH_HIGH", self.depth_high.to_string()),
            ("QUEUE_DEPTH_LOW", (self.depth_high / 2).to_string()),
            ("QUEUE_LEASE", format!("{}ms", self.lease_ms)),
            ("CONSUMER_CONCURRENCY", self.concurrency.to_string()),
            // Each kill looks like a batch that kills its consumer.
            ("CONSUMER_DELIVERIES_MAX", "100000".to_owned()),
            ("HTTP_SHUTDOWN_GRACE", "3s".to_owned()),
        ]
    }
}

/// Some faults of Salesforce. Rows are locked less often than they are tried again.
pub(crate) fn faults(rng: &mut Rng) -> Value {
    let mut rate =
        |chance: u32, most: u16| if rng.u32(0..100) < chance { rng.u16(0..=most) } else { 0 };
    json!({
        "rowLockPermille": rate(60, 30),
        "unavailablePermille": rate(50, 80),
        "badGatewayPermille": rate(30, 40),
        "throttledPermille": rate(20, 15),
        "resetPermille": rate(40, 40),
        "answerLostPermille": rate(60, 40),
        "answerCutPermille": rate(40, 30),
        "wrongCountPermille": rate(30, 20),
        "latencyMs": rate(100, 40),
        "latencyJitterMs": rate(100, 80),
    })
}

/// None.
pub(crate) fn no_faults() -> Value {
    let names = [
        "rowLockPermille",
        "unavailablePermille",
        "badGatewayPermille",
        "throttledPermille",
        "resetPermille",
        "answerLostPermille",
        "answerCutPermille",
        "wrongCountPermille",
        "latencyMs",
        "latencyJitterMs",
    ];
    names
        .into_iter()
        .map(|name| (name.to_owned(), json!(0)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
