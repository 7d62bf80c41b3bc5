//! The programs and runs of a round, and what keeps them going: whoever runs such programs starts
//! again what has ended.

use std::{
    collections::BTreeMap,
    io::Write as _,
    time::{Duration, Instant},
};

use fastrand::Rng;
use serde_json::Value;

use super::{
    desk::{Server, number, reports, text},
    fault::{Faults, Kind},
    harm::Tally,
    load::Load,
    plan::{Fate, Plan},
    run::Run,
    services::Services,
    windows::{Cause, RECORDED_WITHIN, Window},
};
use crate::processes::{Ended, Program};

/// More often than this, and something is wrong with the program.
const ENDS_MAX: u64 = 100;

/// Who set out to harm has to know what is there.
pub(crate) struct Stage {
    pub(crate) plan: Plan,
    pub(crate) services: Services,
    pub(crate) rng: Rng,
    pub(crate) tally: Tally,
    pub(crate) windows: Vec<Window>,
    pub(crate) faults: Faults,
    pub(crate) consumers: Vec<Program>,
    pub(crate) servers: Vec<(Load, Server)>,
    pub(crate) runs: Vec<Run>,
    load_settings: BTreeMap<Load, Vec<(&'static str, String)>>,
    /// When Redis was not there last, from and to.
    redis_away: Option<(Instant, Instant)>,
}

impl Stage {
    pub(crate) fn new(plan: &Plan) -> Self {
        let services = Services::start(plan);
        let settings = |load: Load| (load, load.settings(&services.pipeline));
        let load_settings = plan.loads().into_iter().map(settings).collect();
        Self {
            plan: plan.clone(),
            services,
            rng: Rng::with_seed(!plan.seed),
            tally: Tally::default(),
            windows: Vec::new(),
            faults: Faults::default(),
            consumers: Vec::new(),
            servers: Vec::new(),
            runs: Vec::new(),
            load_settings,
            redis_away: None,
        }
    }

    /// Keeps what was done, and when, beside what the programs said.
    pub(crate) fn note(&self, what: impl std::fmt::Display) {
        let file = self.services.pipeline.folder().join("harm.log");
        let mut log = std::fs::File::options().create(true).append(true).open(file).unwrap();
        let now = jiff::Timestamp::now().strftime("%T%.3f");
        writeln!(log, "{now} {what}").unwrap();
    }

    /// Starts again what is not there.
    pub(crate) fn revive(&mut self) {
        self.revive_consumers();
        self.revive_servers();
        for nth in 0..self.runs.len() {
            self.revive_follower(nth);
        }
    }

    fn revive_consumers(&mut self) {
        for mut consumer in std::mem::take(&mut self.consumers) {
            match consumer.ended() {
                None => self.consumers.push(consumer),
                Some(ended) => self.note_end("consumer", &ended),
            }
        }
        while self.consumers.len() < self.plan.consumers {
            self.consumers.push(self.services.pipeline.consumer_without_load());
        }
    }

    /// Two at the least, and one for each load.
    fn revive_servers(&mut self) {
        if !self.plan.serves() {
            return;
        }
        for (load, mut server) in std::mem::take(&mut self.servers) {
            match server.program.ended() {
                None => self.servers.push((load, server)),
                Some(ended) => self.note_end("server", &ended),
            }
        }
        let loads = self.plan.loads();
        for load in if loads.len() == 1 { vec![loads[0]; 2] } else { loads.clone() } {
            let wanted = 2 / loads.len();
            if self.servers.iter().filter(|(of, _)| *of == load).count() < wanted {
                let settings = self.producer_settings(load, self.servers.len() % 2 == 1);
                let server = Server::start(&self.services.pipeline, &settings);
                self.servers.push((load, server));
            }
        }
    }

    /// One of two producers goes by the clock that is moved.
    fn producer_settings(&self, load: Load, is_moved: bool) -> Vec<(&'static str, String)> {
        let mut settings = self.load_settings[&load].clone();
        if let Some(clock) = self.services.producers_clock.as_ref().filter(|_| is_moved) {
            settings.extend(clock.environment());
        }
        settings
    }

    pub(crate) fn revive_follower(&mut self, nth: usize) {
        if let Some(follower) = &mut self.runs[nth].follower {
            let Some(ended) = follower.ended() else { return };
            self.runs[nth].follower = None;
            // 1: the run has failed. What became of it, its report says.
            if !matches!(ended.code, Some(0 | 1 | 3)) {
                self.note_end("producer", &ended);
            }
            if ended.code == Some(1) {
                self.tally.gave_up += 1;
            }
            self.runs[nth].last_words = ended.stderr;
        }
        let run = &self.runs[nth];
        if !run.wants_follower(&self.services) {
            return;
        }
        let limit = run.rejects_max();
        let mut arguments =
            vec!["sync", "--file", &run.plan.file, "--run-id", &run.id, "--json", "--yes"];
        if run.plan.fate == Fate::FailsFirst {
            arguments.extend(["--max-rejects", &limit]);
        }
        let settings = self.producer_settings(run.plan.load, nth % 2 == 1);
        let follower = self.services.pipeline.program_with("producer", &settings, &arguments);
        self.runs[nth].follower = Some(follower);
    }

    fn note_end(&mut self, name: &str, ended: &Ended) {
        self.tally.gave_up += 1;
        if self.tally.gave_up == ENDS_MAX {
            let last = ended.stderr.lines().last().unwrap_or_default();
            self.faults.add(name, Kind::KeepsEnding, format!("{:?}: {last}", ended.code));
        }
    }

    /// Asks what became of the runs.
    pub(crate) fn look(&mut self) {
        let Some(mut reports) = reports(&self.services.pipeline) else { return };
        for run in &mut self.runs {
            let report = reports.remove(&run.id).unwrap_or_default();
            let state = |report: &Value| {
                let figures = [
                    "read",
                    "batchesFed",
                    "batchesSettled",
                    "bytesFed",
                    "rejectsWrittenBytes",
                    "delivered",
                    "rejected",
                ];
                (text(report, "status").to_owned(), figures.map(|figure| number(report, figure)))
            };
            if state(&report) != state(&run.report) {
                run.moved = Instant::now();
            }
            run.report = report;
        }
    }

    /// Redis was not there from then until now.
    pub(crate) fn note_redis_was_away(&mut self, since: Instant) {
        let since = match self.redis_away {
            Some((from, to)) if to + RECORDED_WITHIN > since => from,
            _ => since,
        };
        self.redis_away = Some((since, Instant::now()));
    }

    /// What was stored from then on may not be recorded, for a reason that ends now.
    pub(crate) fn open_window(&mut self, cause: Cause, since: Instant, batches: u64) {
        let from = match self.redis_away {
            // What could not be recorded then may not have been since.
            Some((from, to)) if to + RECORDED_WITHIN > since => from,
            _ => since,
        };
        let from = from.checked_sub(RECORDED_WITHIN).unwrap_or(from);
        self.windows.push(Window { cause, from, to: Instant::now() + RECORDED_WITHIN, batches });
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.consumers.len() as u64 * super::plan::CONCURRENCY
    }

    pub(crate) fn settled(&self) -> u64 {
        self.runs.iter().map(|run| number(&run.report, "batchesSettled")).sum()
    }

    /// Ends all programs in good order.
    pub(crate) fn stop(&mut self) {
        let consumers = self.consumers.drain(..);
        let servers = self.servers.drain(..).map(|(_, server)| server.program);
        let followers = self.runs.iter_mut().filter_map(|run| run.follower.take());
        let programs: Vec<_> = consumers.chain(servers).chain(followers).collect();
        programs.iter().for_each(|program| program.signal("TERM"));
        for mut program in programs {
            let asked = Instant::now();
            let ended = loop {
                match program.ended() {
                    Some(ended) => break ended,
                    None if asked.elapsed() > Duration::from_secs(40) => {
                        let said = program.stderr();
                        let last = said.lines().last().unwrap_or_default();
                        self.faults.add("stop", Kind::KeepsEnding, format!("does not end: {last}"));
                        break Ended { code: Some(0), stdout: String::new(), stderr: said };
                    }
                    None => crate::processes::pause(),
                }
            };
            if !matches!(ended.code, Some(0 | 1 | 3 | 143)) {
                self.faults.add("stop", Kind::KeepsEnding, format!("{:?}", ended.code));
            }
        }
    }
}
