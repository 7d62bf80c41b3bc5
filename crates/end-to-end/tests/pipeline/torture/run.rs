//! A run of a round.

use std::{cmp::Ordering, time::Instant};

use serde_json::Value;

use super::{
    desk::{number, text},
    plan::{Driver, Fate, RunPlan},
    rejects::Rejects,
    services::Services,
};
use crate::processes::Program;

/// A run, as it is seen from outside.
pub(crate) struct Run {
    pub(crate) plan: RunPlan,
    pub(crate) id: String,
    /// The process that was started for it.
    pub(crate) follower: Option<Program>,
    /// What the last one that ended had to say.
    pub(crate) last_words: String,
    /// As it was told last.
    pub(crate) report: Value,
    /// A person wants it to be paused.
    pub(crate) wants_pause: bool,
    pub(crate) wants_cancel: bool,
    /// Nothing holds it back any more: its pause is over, its limit of rejects lifted.
    pub(crate) is_let_go: bool,
    /// When it was seen to have moved.
    pub(crate) moved: Instant,
    /// Nothing more is expected of it: it is named among the faults.
    pub(crate) is_given_up: bool,
}

impl Run {
    pub(crate) fn new(plan: RunPlan, id: String) -> Self {
        Self {
            plan,
            id,
            follower: None,
            last_words: String::new(),
            report: Value::Null,
            wants_pause: false,
            wants_cancel: false,
            is_let_go: false,
            moved: Instant::now(),
            is_given_up: false,
        }
    }

    pub(crate) fn status(&self) -> &str {
        text(&self.report, "status")
    }

    /// Rejected rows that may be, before the run is to fail.
    pub(crate) fn rejects_max(&self) -> String {
        let shape = self.plan.shape;
        match self.is_let_go {
            true => "100%".to_owned(),
            false => (shape.rows * u64::from(shape.bad_permille) / 4_000).max(1).to_string(),
        }
    }

    /// Whether a process of its own has something to do for it.
    pub(crate) fn wants_follower(&self, services: &Services) -> bool {
        if self.plan.driver == Driver::Serve || self.is_given_up {
            return false;
        }
        match self.status() {
            "completed" | "cancelled" => !self.rejects_are_written(services),
            "failed" => self.plan.fate == Fate::FailsFirst && self.is_let_go,
            _ => true,
        }
    }

    pub(crate) fn rejects_are_written(&self, services: &Services) -> bool {
        self.rejects_there(services).is_ge()
    }

    /// Lines in the rejects files, against rejected rows in the ledger.
    pub(crate) fn rejects_there(&self, services: &Services) -> Ordering {
        match number(&self.report, "rejected") {
            0 => Ordering::Equal,
            rejected => (Rejects::of(services, &self.id).rows.len() as u64).cmp(&rejected),
        }
    }
}
