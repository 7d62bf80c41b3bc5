//! Everything that can break does, at random instants, over and over; every row is
//! where it must be at the end. `make torture MINUTES=10 SEED=1` goes on for longer.

mod harm;
mod judge;
mod plan;
mod round;

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use redis::Commands;

use self::{
    plan::Plan,
    round::{Outcome, Round},
};
use crate::{pipeline::Pipeline, processes::setting};

/// Services, and what all rounds came to.
struct Torture {
    pipeline: Pipeline,
    seed: u64,
    rounds: u64,
    rows: u64,
    kills: u64,
    again: u64,
}

impl Torture {
    fn start() -> Self {
        Self { pipeline: Pipeline::start(), seed: 0, rounds: 0, rows: 0, kills: 0, again: 0 }
    }

    fn round(&mut self, seed: u64, kills_max: u64) {
        self.seed = seed;
        let plan = Plan::new(seed, kills_max);
        let Outcome { tally, duplicates, took } = Round::new(&mut self.pipeline, &plan).play();
        self.rounds += 1;
        self.rows += plan.rows;
        self.kills += tally.kills();
        self.again += duplicates.found;
        say(&format!(
            "seed {seed} ({:?}): {} rows, {} kills ({} consumers, {} producers, {} redis, {} power \
             cuts), {} stops, {} stalls, {} cuts, {} pauses, {} gave up; stored again {} (window \
             {}); {:.0} s. So far {} rounds, {} rows, {} kills, {} stored again",
            plan.driver,
            plan.rows,
            tally.kills(),
            tally.consumers_killed,
            tally.producers_killed,
            tally.redis_killed,
            tally.power_cuts,
            tally.stops,
            tally.stalls,
            tally.cuts,
            tally.pauses,
            tally.gave_up,
            duplicates.found,
            duplicates.window,
            took.as_secs_f64(),
            self.rounds,
            self.rows,
            self.kills,
            self.again,
        ));
    }
}

impl Torture {
    /// The queue, and the runs.
    fn what_redis_holds(&self) -> String {
        let held = || -> redis::RedisResult<String> {
            let mut redis = redis::Client::open(self.pipeline.redis.url())?.get_connection()?;
            let keys: Vec<String> = redis.keys("*")?;
            let mut lines = String::new();
            for key in keys {
                let dump = match redis::cmd("TYPE").arg(&key).query::<String>(&mut redis)?.as_str()
                {
                    "hash" => redis::cmd("HGETALL").arg(&key).query::<redis::Value>(&mut redis)?,
                    "zset" => redis::cmd("ZRANGE")
                        .arg(&key)
                        .arg(&["0", "-1", "WITHSCORES"])
                        .query(&mut redis)?,
                    "set" => redis::cmd("SMEMBERS").arg(&key).query(&mut redis)?,
                    "string" => redis.get(&key)?,
                    other => redis::Value::SimpleString(other.to_owned()),
                };
                lines += &format!("{key} {dump:?}\n");
            }
            Ok(lines)
        };
        held().unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Torture {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let held = self.what_redis_holds();
            let logs = self.pipeline.keep_logs();
            let _kept = std::fs::write(logs.join("redis.txt"), held);
            let logs = logs.display().to_string();
            say(&format!("FAILED at seed {}; what the programs said: {logs}", self.seed));
        }
    }
}

/// Also when the test's output is kept back until its end.
fn say(line: &str) {
    let _nobody_listens = writeln!(std::io::stderr(), "torture: {line}");
}

#[test]
fn whatever_breaks_no_row_is_lost_and_none_counted_twice() {
    match setting("MINUTES") {
        Some(minutes) => torture_for(Duration::from_secs(60 * minutes)),
        None => {
            let mut torture = Torture::start();
            // One with `sync`, one with `serve`.
            for seed in [1, 3] {
                torture.round(seed, 12);
            }
        }
    }
}

fn torture_for(time: Duration) {
    let started = Instant::now();
    let first = setting("SEED").unwrap_or_else(|| fastrand::u64(1..1_000_000));
    let mut torture = Torture::start();
    for seed in first.. {
        torture.round(seed, setting("KILLS").unwrap_or(40));
        if started.elapsed() >= time {
            break;
        }
    }
}
