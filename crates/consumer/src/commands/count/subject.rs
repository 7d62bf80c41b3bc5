//! What a count is about, as the ledger has it.

use ingest_core::{RunId, Tally, may_be_done};
use job_queue::{Ledger, LoadSummary, Queue, QueueError, RunState};

use super::together::{Measure, Mixed, Span, Together, later, together};
use crate::error::ConsumerError;
use load::{Operation, is_api_name};

/// Entries of the ledger that are read at once.
const PAGE_RUNS: usize = 100;

/// A run that has ended, and all others of its object.
pub(super) struct Subject {
    pub(super) ledger: Ledger,
    pub(super) load: LoadSummary,
    pub(super) operation: Operation,
    others: Vec<Span>,
}

impl Subject {
    /// Reads them.
    pub(super) async fn read(queue: &Queue, run: &RunId) -> anyhow::Result<Self> {
        let ledger = queue.ledger(run).await?;
        let ledger = ledger.ok_or_else(|| ConsumerError::NoSuchRun { run: run.clone() })?;
        let not_delivered = || ConsumerError::RunNotDelivered { run: run.clone() };
        let load = ledger.load.clone().ok_or_else(not_delivered)?;
        if !ledger.has_ended() {
            return Err(ConsumerError::RunNotEnded { run: run.clone() }.into());
        }
        let operation = Operation::named(&load.operation).filter(|_| is_api_name(&load.object));
        let operation = operation.ok_or_else(not_delivered)?;
        let others = others(queue, &ledger).await?;
        Ok(Self { ledger, load, operation, others })
    }

    pub(super) fn measure(&self) -> Measure {
        Measure::of(self.operation)
    }

    /// The run and those that its count includes.
    pub(super) fn sum(&self) -> Result<Together, Mixed> {
        if self.operation == Operation::HardDelete {
            return Err(Mixed::gone_for_good());
        }
        let own = span(&self.ledger).expect("it has a load with an operation");
        together(&own, end_ms(&self.ledger), self.others.clone())
    }

    /// Later runs that may be why fewer records are counted than were delivered.
    pub(super) fn later(&self, sum: &Together) -> Vec<RunId> {
        later(self.measure(), sum, &self.others)
    }

    /// Whether a count between two readings, of which this is the second one, is one of `sum`: nothing
    /// was added to it meanwhile.
    pub(super) fn is_as(&self, load: &LoadSummary, sum: &Together) -> bool {
        self.load == *load && self.sum().as_ref() == Ok(sum)
    }
}

/// All other runs that did something with records of the same object, whatever is done with the
/// columns: an entry of some bytes for each one that the ledger keeps.
async fn others(queue: &Queue, counted: &Ledger) -> Result<Vec<Span>, QueueError> {
    let (mut spans, mut before) = (Vec::new(), None);
    loop {
        let page = queue.runs_page(before.as_deref(), PAGE_RUNS).await?;
        let others = page.runs.iter().filter(|other| other.run != counted.run);
        spans.extend(others.filter(|other| is_of_same_object(other, counted)).filter_map(span));
        before = page.next;
        if before.is_none() {
            return Ok(spans);
        }
    }
}

fn is_of_same_object(one: &Ledger, other: &Ledger) -> bool {
    let loads = one.load.as_ref().zip(other.load.as_ref());
    loads.is_some_and(|(one, other)| one.object.eq_ignore_ascii_case(&other.object))
}

/// Nothing of a run whose operation is unknown.
fn span(ledger: &Ledger) -> Option<Span> {
    let codes = ledger.rejected_by_code.iter();
    let operation = Operation::named(&ledger.load.as_ref()?.operation)?;
    let Tally { created, updated, deleted, .. } = ledger.tally;
    let changes = Changes { created, updated, deleted };
    Some(Span {
        run: ledger.run.clone(),
        operation,
        from_ms: ledger.started_at_ms,
        to_ms: ledger.has_ended().then(|| end_ms(ledger)),
        is_of_its_operation: is_of(operation, changes),
        delivered: ledger.delivered(),
        unanswered: codes.filter(|(code, _)| may_be_done(code)).map(|(_, rows)| rows).sum(),
        is_complete: ledger.state == RunState::Completed,
    })
}

fn end_ms(ledger: &Ledger) -> u64 {
    ledger.finished_at_ms.unwrap_or(ledger.now_ms)
}

/// What was done with the rows of a run.
#[derive(Clone, Copy, Debug)]
struct Changes {
    created: u64,
    updated: u64,
    deleted: u64,
}

/// Whether the operation did all that is delivered. An update that created records is none, and a count
/// of those that the user changed says nothing of them.
fn is_of(operation: Operation, changes: Changes) -> bool {
    let Changes { created, updated, deleted } = changes;
    match operation {
        Operation::Insert => updated == 0 && deleted == 0,
        Operation::Upsert => deleted == 0,
        Operation::Update => created == 0 && deleted == 0,
        Operation::Delete | Operation::HardDelete => created == 0 && updated == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_an_operation_does_not_make_are_another_ones() {
        use Operation::{Delete, Insert, Update, Upsert};
        // Insert, upsert, update, delete.
        for (created, updated, deleted, fits) in [
            (0, 0, 0, [true, true, true, true]),
            (400, 0, 0, [true, true, false, false]),
            (0, 1_600, 0, [false, true, true, false]),
            (0, 0, 5, [false, false, false, true]),
            (400, 1_600, 0, [false, true, false, false]),
            (400, 0, 1, [false, false, false, false]),
            (0, 1, 5, [false, false, false, false]),
        ] {
            let changes = Changes { created, updated, deleted };
            let found = [Insert, Upsert, Update, Delete].map(|operation| is_of(operation, changes));
            assert_eq!(found, fits, "{changes:?}");
        }
    }
}
