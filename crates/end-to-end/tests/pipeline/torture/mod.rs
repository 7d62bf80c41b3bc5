//! Everything that can break does, at random instants, over and over, at default settings; every
//! row is where it must be at the end. `make torture MINUTES=10 SEED=1` goes on for longer, from
//! seed to seed; a seed says all of its round ([`plan`]).
//!
//! A round has some runs at once, of files of different width, often of two loads, and a
//! [`Theme`](plan::Theme): what breaks. It begins with stretches of harm ([`harm`]), after which
//! all runs have to move and end within a bound ([`progress`]). The [`judge`] knows nothing of how
//! files are made and rows are delivered: it reads the files again, and the org's records.

mod desk;
mod fault;
mod harm;
mod judge;
mod load;
mod org;
mod plan;
mod progress;
mod redis_harm;
mod rejects;
mod round;
mod run;
mod services;
mod source;
mod stage;
mod steer;
mod windows;

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use redis::Commands;

use self::{
    plan::Plan,
    round::{Outcome, play},
    stage::Stage,
};
use crate::processes::setting;

/// Of the everyday suite: programs die and Redis forgets its last second, with rejects, wide rows
/// and two loads; Redis stalls while nothing of what is to be inserted can be sent.
const EVERYDAY: [u64; 2] = [53, 82];

/// What all rounds came to.
#[derive(Default)]
struct Torture {
    rounds: u64,
    rows: u64,
    harms: u64,
    rejected: u64,
    again: u64,
    failed: Vec<u64>,
}

impl Torture {
    fn round(&mut self, plan: &Plan) {
        let mut stage = Evidence(Stage::new(plan));
        let runs: Vec<_> = plan.runs.iter().map(ToString::to_string).collect();
        say(&format!("seed {} begins: {:?}, {}", plan.seed, plan.theme, runs.join("; ")));
        let outcome = play(&mut stage.0);
        let rejected: u64 = outcome.verdicts.iter().map(|(_, verdict)| verdict.rejected).sum();
        let inserted: u64 = outcome.inserted_again.values().sum();
        let upserted: u64 = outcome.verdicts.iter().map(|(_, verdict)| verdict.written_again).sum();
        self.rounds += 1;
        self.rows += plan.rows();
        self.harms += outcome.tally.harms();
        self.rejected += rejected;
        self.again += inserted + upserted;
        say(&line(plan, &outcome, rejected, upserted));
        say(&format!(
            "so far {} rounds, {} rows, {} harms, {} rejected, {} stored again, failed: {:?}",
            self.rounds, self.rows, self.harms, self.rejected, self.again, self.failed
        ));
        if !outcome.faults.is_empty() {
            self.failed.push(plan.seed);
            say(&format!("FAILED at seed {}: {}", plan.seed, outcome.faults.kinds()));
            say(&format!("\n{}", outcome.faults));
            stage.keep();
        } else if setting("KEEP").is_some() {
            stage.keep();
        }
    }
}

/// One line about a round.
fn line(plan: &Plan, outcome: &Outcome, rejected: u64, upserted: u64) -> String {
    let Outcome { tally, .. } = outcome;
    let unknown: u64 = outcome.verdicts.iter().map(|(_, verdict)| verdict.unknown).sum();
    format!(
        "seed {} ({:?}, {:?}): {} runs ({}), {} rows, {rejected} rejected ({unknown} of unknown \
         outcome); killed {} consumers, {} producers, {} redis; {} power cuts, {} stops, {} \
         stalls, {} frozen, {} cuts, {} pauses, {} clock steps, {} failovers, {} partitions, {} \
         gave up; inserted again {:?}, upserted again {upserted} (window {}); {:.0} s",
        plan.seed,
        plan.theme,
        plan.loads(),
        plan.runs.len(),
        outcome.ends,
        plan.rows(),
        tally.consumers_killed,
        tally.producers_killed,
        tally.redis_killed,
        tally.power_cuts,
        tally.stops,
        tally.stalls,
        tally.frozen,
        tally.cuts,
        tally.pauses,
        tally.clock_steps,
        tally.failovers,
        tally.partitions,
        tally.gave_up,
        outcome.inserted_again,
        outcome.upserts_again_max,
        outcome.took.as_secs_f64(),
    )
}

/// A round whose logs and Redis are kept when it fails, also by a panic.
struct Evidence(Stage);

impl Evidence {
    fn keep(&mut self) {
        let held = self.what_redis_holds();
        let said = self.0.services.said();
        let logs = self.0.services.pipeline.keep_logs();
        let _kept = std::fs::write(logs.join("redis.txt"), held);
        let _kept = std::fs::write(logs.join("redis.log"), said);
        say(&format!("seed {}; what the programs said: {}", self.0.plan.seed, logs.display()));
    }

    fn what_redis_holds(&self) -> String {
        let held = || -> redis::RedisResult<String> {
            let services = &self.0.services;
            let mut redis = services.connect(services.master())?;
            let keys: Vec<String> = redis.keys("*")?;
            let mut lines = String::new();
            for key in keys {
                let of_type = redis::cmd("TYPE").arg(&key).query::<String>(&mut redis)?;
                let dump: redis::Value = match of_type.as_str() {
                    "hash" => redis.hgetall(&key)?,
                    "zset" => redis.zrange_withscores(&key, 0, -1)?,
                    "set" => redis.smembers(&key)?,
                    "list" => redis.lrange(&key, 0, 100)?,
                    "string" => redis.get(&key)?,
                    other => redis::Value::SimpleString(other.to_owned()),
                };
                lines += &format!("{key} {dump:.2000?}\n");
            }
            Ok(lines)
        };
        held().unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Evidence {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep();
        }
    }
}

/// Also when the test's output is kept back until its end.
fn say(line: &str) {
    let _nobody_listens = writeln!(std::io::stderr(), "torture: {line}");
}

#[test]
fn whatever_breaks_no_row_is_lost_and_none_counted_twice() {
    let mut torture = Torture::default();
    match setting("MINUTES") {
        Some(minutes) => {
            let (started, time) = (Instant::now(), Duration::from_secs(60 * minutes));
            let first = setting("SEED").unwrap_or_else(|| fastrand::u64(1..1_000_000));
            for seed in first.. {
                torture.round(&Plan::new(seed, false));
                // Whoever collects what fails wants to go on.
                let stops = !torture.failed.is_empty() && setting("GO_ON").is_none();
                if stops || started.elapsed() >= time {
                    break;
                }
            }
        }
        None if setting("SEED").is_some() => {
            torture.round(&Plan::new(setting("SEED").unwrap_or_default(), true));
        }
        None => EVERYDAY.into_iter().for_each(|seed| torture.round(&Plan::new(seed, true))),
    }
    assert!(torture.failed.is_empty(), "failed at seeds {:?}", torture.failed);
}
