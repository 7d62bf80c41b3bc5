//! When harm has stopped, each run goes on within a bound until it has ended.

use std::time::Duration;

use super::{
    desk::text,
    fault::Kind,
    plan::{Fate, no_faults},
    stage::Stage,
};
use crate::processes::pause_for;

/// So long may nothing be seen of a run that nobody holds back, once all programs run again and
/// nothing goes wrong any more. What a program may wait for at the most, one after the other: the
/// claim of a dead producer (10 s), a lease (3 s), a look for lost batches (5 s), rejects that are
/// written together (10 s).
pub(crate) const PROGRESS_WITHIN: Duration = Duration::from_secs(30);

impl Stage {
    /// First those that are not held back, while the others are; then all.
    pub(crate) fn let_them_end(&mut self) {
        self.services.pipeline.set_faults(&no_faults());
        self.set_clocks();
        let now = std::time::Instant::now();
        self.runs.iter_mut().for_each(|run| run.moved = now);
        self.await_ends();
        for nth in 0..self.runs.len() {
            let (fate, status) = (self.runs[nth].plan.fate, self.runs[nth].status().to_owned());
            match (fate, status.as_str()) {
                (Fate::Paused, _) => {
                    self.runs[nth].is_let_go = true;
                    if status == "paused" {
                        self.resume(nth);
                    }
                }
                (Fate::FailsFirst, "failed") => self.resume(nth),
                _ => {}
            }
            self.runs[nth].wants_pause = false;
        }
        self.look();
        self.await_ends();
    }

    fn await_ends(&mut self) {
        loop {
            self.revive();
            self.look();
            self.steer();
            let waiting: Vec<_> = (0..self.runs.len()).filter(|nth| !self.is_over(*nth)).collect();
            if waiting.is_empty() {
                return;
            }
            for nth in waiting {
                if self.runs[nth].moved.elapsed() > PROGRESS_WITHIN {
                    self.name_what_stands_still(nth);
                }
            }
            pause_for(300);
        }
    }

    /// Nothing more is to come of it by itself.
    fn is_over(&mut self, nth: usize) -> bool {
        let run = &self.runs[nth];
        match (run.status(), run.plan.fate) {
            _ if run.is_given_up => true,
            // A part that takes the place of another is beside it for a moment.
            ("completed" | "cancelled", _) => run.rejects_there(&self.services).is_eq(),
            ("paused", Fate::Paused) => run.wants_pause,
            // It may also be held: nobody can deliver it.
            ("failed" | "held", Fate::Mismatch) => true,
            ("failed", Fate::FailsFirst) => !run.is_let_go,
            ("failed", _) => {
                let reason = text(&run.report, "reason").to_owned();
                self.give_up(nth, Kind::EndedOtherwise, &reason);
                true
            }
            _ => false,
        }
    }

    fn name_what_stands_still(&mut self, nth: usize) {
        let run = &self.runs[nth];
        let detail = format!("{} {}", run.status(), run.report);
        self.give_up(nth, Kind::StandsStill, &detail);
    }

    fn give_up(&mut self, nth: usize, kind: Kind, detail: &str) {
        let run = &mut self.runs[nth];
        run.is_given_up = true;
        self.faults.add(
            &run.id,
            kind,
            format!("{:?} {:?}: {detail}", run.plan.fate, run.plan.driver),
        );
    }
}
