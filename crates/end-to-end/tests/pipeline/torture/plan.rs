//! What a round is like: all of it follows from its seed.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{load::Load, source::Shape};

/// The one setting that is not its default, a tenth of it: at 30 s a round would mostly wait for
/// leases. What is measured in leases is shortened with it: how long Redis stalls, how long a
/// consumer is frozen, and how long harm goes on at a stretch (see [`SEASON`]).
pub(crate) const LEASE_MS: u64 = 3_000;

/// A batch that five consumers died of is rejected (`CONSUMER_DELIVERIES_MAX`). A batch comes back
/// when its lease has ended, so that within three leases no batch is in the hands of more than
/// four dying ones. After so long everything is let go on until all that was under way is settled.
pub(crate) const SEASON: u64 = 3 * LEASE_MS;

/// Batches that one consumer holds at most, at the default of ten calls at once: as many as calls, a quarter
/// and four more, and as many again while calls wait to be made again.
pub(crate) const CONCURRENCY: u64 = 2 * (10 + 2 + 4);
/// Rows of a batch.
pub(crate) const BATCH_ROWS: u64 = 100;

/// What breaks in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Programs die, are stopped, frozen, cut off; Salesforce has faults.
    Crashes,
    /// The same, and Redis dies, or forgets its last second.
    PowerCuts,
    /// Redis stands still, also for longer than leases, also while nothing can be sent.
    Stalls,
    /// The clocks of Redis and of producers are moved by an hour, forward and back.
    Clocks,
    /// The replica takes over from a Redis that dies, and again.
    Failover,
    /// The replica takes over from a Redis that lives on and can be reached.
    Partition,
}

/// Consecutive seeds go through them.
const THEMES: [Theme; 8] = [
    Theme::Crashes,
    Theme::PowerCuts,
    Theme::Stalls,
    Theme::Clocks,
    Theme::Crashes,
    Theme::PowerCuts,
    Theme::Failover,
    Theme::Partition,
];

/// Who reads a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driver {
    /// `producer sync`, started again with its run id.
    Sync,
    /// One of several `producer serve`.
    Serve,
}

/// What is meant to become of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Straight,
    /// Paused before it is through, and resumed when the others have ended.
    Paused,
    Cancelled,
    /// Stopped by its limit of rejects, and resumed with a higher one.
    FailsFirst,
    /// No consumer can map its file: it fails, and stays so.
    Mismatch,
}

/// One run of a round.
#[derive(Clone, Debug)]
pub(crate) struct RunPlan {
    pub(crate) file: String,
    /// What the keys of its rows begin with.
    pub(crate) prefix: String,
    pub(crate) shape: Shape,
    pub(crate) load: Load,
    pub(crate) driver: Driver,
    pub(crate) fate: Fate,
}

impl std::fmt::Display for RunPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Shape { rows, is_wide, bad_permille, .. } = self.shape;
        let width = if is_wide { "wide" } else { "narrow" };
        let (fate, driver, load) = (self.fate, self.driver, self.load);
        write!(f, "{fate:?} {driver:?} {load:?} {rows} {width} rows, {bad_permille} bad of 1000")
    }
}

/// A round of torture.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) theme: Theme,
    pub(crate) runs: Vec<RunPlan>,
    /// Each delivers any run.
    pub(crate) consumers: usize,
    /// How many stretches of harm there are.
    pub(crate) seasons: u64,
}

impl Plan {
    /// A round of the everyday suite is short.
    pub(crate) fn new(seed: u64, is_short: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let theme = THEMES[usize::try_from(seed).unwrap_or_default() % THEMES.len()];
        let loads = match rng.u8(0..5) {
            0 => vec![Load::Visits],
            1 | 2 => vec![Load::Leads],
            _ => Load::ALL.to_vec(),
        };
        let count = if is_short { rng.usize(2..=3) } else { rng.usize(2..=5) };
        let mut runs: Vec<_> =
            (0..count).map(|nth| Self::run(seed, nth, &loads, is_short, &mut rng)).collect();
        // Fewer batches than there are hands: those that are empty reach for what others hold.
        if theme == Theme::Stalls && (is_short || rng.bool()) {
            for run in &mut runs {
                run.shape.is_wide = false;
                run.shape.rows = rng.u64(50..=100);
            }
        }
        // Longer than one run may be: what waits in Redis reaches the limit in bytes.
        if !is_short && rng.u8(0..6) == 0 {
            let last = runs.last_mut().unwrap();
            last.shape = Shape { rows: 8_000, is_wide: true, bad_permille: 5, is_mismatch: false };
            last.fate = Fate::Paused;
        }
        Self {
            seed,
            theme,
            runs,
            consumers: rng.usize(2..=4),
            seasons: if is_short { 1 } else { rng.u64(2..=3) },
        }
    }

    fn run(seed: u64, nth: usize, loads: &[Load], is_short: bool, rng: &mut Rng) -> RunPlan {
        let fate = match (nth, rng.u8(0..20)) {
            (0, _) | (_, 0..=7) => Fate::Straight,
            (_, 8..=11) => Fate::Paused,
            (_, 12..=14) => Fate::Cancelled,
            (_, 15..=17) => Fate::FailsFirst,
            _ => Fate::Mismatch,
        };
        let driver = match (fate, rng.u8(0..5)) {
            (Fate::FailsFirst, _) | (_, 0..=2) => Driver::Sync,
            _ => Driver::Serve,
        };
        let is_wide = rng.u8(0..3) == 0;
        let least = if fate == Fate::FailsFirst { 20 } else { 0 };
        let divided_by = if is_short { 2 } else { 1 };
        let rows = if is_wide { rng.u64(1_000..=4_000) } else { rng.u64(6_000..=20_000) };
        RunPlan {
            file: format!("run-{nth}.csv"),
            prefix: format!("S{seed}R{nth}-"),
            shape: Shape {
                rows: rows / divided_by,
                is_wide,
                bad_permille: rng.u32(least..=80),
                is_mismatch: fate == Fate::Mismatch,
            },
            load: loads[nth % loads.len()],
            driver,
            fate,
        }
    }

    pub(crate) fn loads(&self) -> Vec<Load> {
        let is_used = |load: &Load| self.runs.iter().any(|run| run.load == *load);
        Load::ALL.into_iter().filter(is_used).collect()
    }

    pub(crate) fn rows(&self) -> u64 {
        self.runs.iter().map(|run| run.shape.rows).sum()
    }

    pub(crate) fn serves(&self) -> bool {
        self.runs.iter().any(|run| run.driver == Driver::Serve)
    }
}

/// Names of the faults that are set, and at most how often each is.
const RATES: [(&str, u32, u16); 8] = [
    ("rowLockPermille", 60, 30),
    ("unavailablePermille", 50, 60),
    ("badGatewayPermille", 30, 40),
    ("throttledPermille", 20, 15),
    ("resetPermille", 40, 30),
    ("answerLostPermille", 60, 30),
    ("answerCutPermille", 40, 20),
    ("wrongCountPermille", 30, 20),
];

/// Longest that an answer takes, in milliseconds. Long: harm is to come while rows are under way,
/// and with ten calls at once (the default) it is what makes a round last.
pub(crate) const LATENCY_MAX_MS: u64 = 1_200;

/// Some faults of Salesforce. Rows are locked less often than they are tried again.
pub(crate) fn faults(rng: &mut Rng) -> Value {
    let mut faults = slow(rng);
    for (name, chance, most) in RATES {
        let rate = if rng.u32(0..100) < chance { rng.u16(0..=most) } else { 0 };
        faults[name] = json!(rate);
    }
    faults
}

/// None, but answers take a while, so that there is a middle of a run.
pub(crate) fn slow(rng: &mut Rng) -> Value {
    let mut faults = json!({
        "latencyMs": rng.u64(LATENCY_MAX_MS / 4..=LATENCY_MAX_MS / 2),
        "latencyJitterMs": rng.u64(0..=LATENCY_MAX_MS / 2),
        "retryAfterSeconds": 1,
    });
    for (name, _, _) in RATES {
        faults[name] = json!(0);
    }
    faults
}

/// What Salesforce's 429 asks for, where it lasts.
pub(crate) const WAIT_SECONDS: u64 = 8;

/// Salesforce wants to be left alone for so long: what is claimed is held, and cannot be sent.
pub(crate) fn wait(seconds: u64) -> Value {
    let mut faults = no_faults();
    faults["throttledPermille"] = json!(1_000);
    faults["retryAfterSeconds"] = json!(seconds);
    faults
}

/// None, and fast.
pub(crate) fn no_faults() -> Value {
    let mut faults = slow(&mut Rng::with_seed(0));
    faults["latencyMs"] = json!(20);
    faults["latencyJitterMs"] = json!(20);
    faults
}
