//! What a person does to runs: starts, pauses, resumes, cancels them.

use std::time::Instant;

use serde_json::Value;

use super::{
    desk::{number, tell, text},
    plan::{Driver, Fate, Theme, WAIT_SECONDS, wait},
    run::Run,
    source::content,
    stage::Stage,
};
use crate::processes::{pause_for, wait_until};

impl Stage {
    /// Puts the files where producers find them, and begins the runs.
    pub(crate) fn begin(&mut self) {
        let plans = self.plan.runs.clone();
        for (nth, plan) in plans.iter().enumerate() {
            let mut rng = fastrand::Rng::with_seed(self.plan.seed ^ (nth as u64 + 1) << 32);
            let content = content(&plan.prefix, plan.shape, &mut rng);
            self.services.pipeline.put(&plan.file, content);
        }
        self.revive();
        wait_until("the consumers have signed in", || {
            self.consumers.iter().all(|one| one.stderr().contains("worker started"))
        });
        if self.plan.theme == Theme::Stalls {
            // What is to be held while Redis stalls must not be sent before.
            self.services.pipeline.set_faults(&wait(WAIT_SECONDS));
        }
        for (nth, plan) in plans.into_iter().enumerate() {
            let id = format!("t{}-{nth}", self.plan.seed);
            let id = if plan.driver == Driver::Serve { self.start_over_http(&plan) } else { id };
            self.runs.push(Run::new(plan, id));
            self.revive_follower(nth);
        }
        wait_until("the runs are in the ledger", || {
            self.look();
            self.runs.iter().all(|run| !run.report.is_null())
        });
    }

    fn start_over_http(&mut self, plan: &super::plan::RunPlan) -> String {
        let mut id = None;
        wait_until("a server starts the run", || {
            let mut fitting = self.servers.iter_mut().filter(|(load, _)| *load == plan.load);
            id = fitting.find_map(|(_, server)| server.start_run(&plan.file));
            id.is_some()
        });
        id.unwrap_or_default()
    }

    /// Does to each run what is meant to become of it, also when Redis has forgotten that.
    pub(crate) fn steer(&mut self) {
        for nth in 0..self.runs.len() {
            let run = &mut self.runs[nth];
            let is_open = matches!(
                run.status(),
                "feeding" | "waiting" | "draining" | "interrupted" | "queued"
            );
            // When some of it is through.
            let is_time = number(&run.report, "batchesSettled") >= 5;
            match run.plan.fate {
                Fate::Paused if is_open && is_time && !run.wants_pause && !run.is_let_go => {
                    run.wants_pause = true;
                }
                Fate::Cancelled if is_open && is_time => run.wants_cancel = true,
                _ => {}
            }
            let (wants_pause, wants_cancel) = (run.wants_pause, run.wants_cancel);
            if is_open && wants_pause {
                tell(&self.services.pipeline, "pause", &self.runs[nth].id);
            }
            if wants_cancel && (is_open || self.runs[nth].status() == "paused") {
                tell(&self.services.pipeline, "cancel", &self.runs[nth].id);
            }
            if !wants_pause && self.runs[nth].status() == "paused" {
                self.resume(nth);
            }
        }
    }

    /// Ends its pause, or lets it go on that has failed.
    pub(crate) fn resume(&mut self, nth: usize) {
        let run = &mut self.runs[nth];
        run.wants_pause = false;
        run.moved = Instant::now();
        if run.plan.fate == Fate::FailsFirst {
            run.is_let_go = true;
        } else if run.plan.driver == Driver::Serve {
            let path = format!("/api/sync/{}/resume", run.id);
            for _ in 0..100 {
                let mut answers = self.servers.iter_mut();
                let heard = |(_, server): &mut (_, super::desk::Server)| {
                    server.post(&path, &Value::Null).is_some_and(|(status, _)| status < 500)
                };
                if answers.any(heard) {
                    return;
                }
                self.revive();
                pause_for(200);
            }
        } else {
            let resume = ["resume", &run.id, "--json"];
            let settings = run.plan.load.settings(&self.services.pipeline);
            let program = self.services.pipeline.program_with("producer", &settings, &resume);
            if run.follower.is_none() {
                // It goes on with the run, when nobody else does.
                run.follower = Some(program);
            } else {
                let _whatever_it_says = program.end();
            }
        }
    }

    /// Everybody is there again: all that was under way is settled before harm goes on.
    pub(crate) fn recover(&mut self) {
        let weather = super::plan::slow(&mut self.rng);
        self.services.pipeline.set_faults(&weather);
        self.set_clocks();
        self.look();
        let (calm, before) = (Instant::now(), self.settled());
        let least = super::plan::LEASE_MS + 4_000;
        loop {
            self.revive();
            self.look();
            self.steer();
            let ms = u64::try_from(calm.elapsed().as_millis()).unwrap_or(u64::MAX);
            let has_moved = self.settled() - before.min(self.settled()) >= self.in_flight();
            if ms > least && (has_moved || !self.has_work()) || ms > 30_000 {
                break;
            }
            pause_for(200);
        }
    }

    /// A run that nobody holds back has not ended.
    pub(crate) fn has_work(&self) -> bool {
        let ended = ["completed", "failed", "cancelled", "paused", "held"];
        self.runs.iter().any(|run| !ended.contains(&text(&run.report, "status")))
    }
}
