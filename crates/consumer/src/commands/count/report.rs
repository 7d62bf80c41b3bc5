//! What a count found, for people and programs.

use ingest_core::RunId;
use job_queue::RunState;
use serde::Serialize;

use super::{
    asking::Answer,
    comparison::{Figures, Verdict},
    subject::Subject,
    together::{Mixed, Together},
};

/// So many other runs are named.
const NAMED_MAX: usize = 20;

/// What was found, as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    run: RunId,
    state: RunState,
    object: String,
    operation: &'static str,
    verdict: Verdict,
    /// Each delivered row of a completed run is there.
    pub(super) proven: bool,
    /// Rows that are delivered, of all runs that are counted together.
    delivered: Option<u64>,
    /// Rejected rows that may be stored all the same, of all these runs.
    unanswered: Option<u64>,
    /// Records that Salesforce counted.
    records: Option<u64>,
    /// More that were created and are in the recycle bin.
    in_recycle_bin: Option<u64>,
    /// Other runs that the count cannot tell from this one: the first twenty.
    other_runs: Vec<RunId>,
    /// And so many more.
    more_runs: usize,
    /// Later runs that may be why there are fewer records: the first twenty.
    later_runs: Vec<RunId>,
    /// What Salesforce was asked.
    query: Option<String>,
    /// Salesforce's clock is so far ahead of Redis'.
    clock_ahead_ms: i64,
    /// What it means, in words.
    says: String,
}

impl Subject {
    pub(super) fn not_countable(&self, mixed: Mixed) -> Report {
        let Mixed { why, runs } = mixed;
        let says = format!("the load allows no count: {why}");
        Report { says, ..self.blank(runs) }
    }

    pub(super) fn report(&self, sum: &Together, answer: Answer, clock_ahead_ms: i64) -> Report {
        let blank = Report {
            delivered: Some(sum.delivered),
            unanswered: Some(sum.unanswered),
            clock_ahead_ms,
            ..self.blank(sum.others.clone())
        };
        let (query, records, in_recycle_bin) = match answer {
            Answer::Counted { query, records, in_recycle_bin } => (query, records, in_recycle_bin),
            Answer::None { why } => return Report { says: why, ..blank },
        };
        let figures = Figures {
            measure: self.measure(),
            delivered: sum.delivered,
            unanswered: sum.unanswered,
            counted: records,
            in_recycle_bin,
            is_complete: sum.is_complete,
        };
        let mut later_runs = match figures.verdict() {
            Verdict::Fewer => self.later(sum),
            Verdict::Equal | Verdict::More | Verdict::NoCount => Vec::new(),
        };
        later_runs.truncate(NAMED_MAX);
        let mut says = figures.says();
        if !later_runs.is_empty() {
            says.push_str("; the later runs may be the reason: a record counts for the last one");
        }
        Report {
            verdict: figures.verdict(),
            proven: figures.is_proof(),
            records: Some(records),
            in_recycle_bin,
            later_runs,
            query: Some(query),
            says,
            ..blank
        }
    }

    fn blank(&self, mut others: Vec<RunId>) -> Report {
        let more_runs = others.len().saturating_sub(NAMED_MAX);
        others.truncate(NAMED_MAX);
        Report {
            run: self.ledger.run.clone(),
            state: self.ledger.state,
            object: self.load.object.clone(),
            operation: self.operation.as_str(),
            verdict: Verdict::NoCount,
            proven: false,
            delivered: None,
            unanswered: None,
            records: None,
            in_recycle_bin: None,
            other_runs: others,
            more_runs,
            later_runs: Vec::new(),
            query: None,
            clock_ahead_ms: 0,
            says: String::new(),
        }
    }
}

impl Report {
    pub(super) fn text(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            let value = service::shown(&value, service::SENTENCE_MAX);
            writeln!(text, "  {name:<16}{value}").expect("a String takes everything");
        };
        line("run", format!("{} ({} {})", self.run, self.operation, self.object));
        if !self.other_runs.is_empty() {
            let names: Vec<&str> = self.other_runs.iter().map(RunId::as_str).collect();
            let more = match self.more_runs {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            line("together with", format!("{}{more}", names.join(", ")));
        }
        if !self.later_runs.is_empty() {
            let names: Vec<&str> = self.later_runs.iter().map(RunId::as_str).collect();
            line("later runs", names.join(", "));
        }
        if let Some(delivered) = self.delivered {
            line("delivered", service::grouped(delivered));
        }
        if let Some(records) = self.records {
            line("records", service::grouped(records));
        }
        if let Some(deleted) = self.in_recycle_bin {
            line("in recycle bin", service::grouped(deleted));
        }
        if let Some(query) = &self.query {
            line("asked", query.clone());
        }
        if self.clock_ahead_ms != 0 {
            line("clocks", format!("salesforce is {} ms ahead of redis", self.clock_ahead_ms));
        }
        line("verdict", self.says.clone());
        text
    }
}
