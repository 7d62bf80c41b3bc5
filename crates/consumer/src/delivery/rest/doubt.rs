//! Whose fault it is that a call was refused as a whole: what all rows are refused for alike is no
//! fault of a row, and holds the run.

use ingest_core::BatchJob;
use load::Reason;

use super::{
    call::{Calls, Doubt, Sent, split},
    chunk::Chunk,
};
use crate::{
    delivery::{
        batch::Delivery, batch_state::BatchState, planner::Refreshed, sender::Interruption,
    },
    retry::{OnSingleRow, UNLIMITED},
};

impl Doubt {
    fn is_like(&self, other: &Self) -> bool {
        self.is_known_as(&other.reason)
    }

    /// Whether it is in the same words; those of a proxy may have a number of their own.
    fn is_known_as(&self, reason: &Reason) -> bool {
        self.reason.code == reason.code
            && (self.is_mostly_ours || self.reason.message == reason.message)
    }
}

/// What was found to be the fault of rows of a batch.
#[derive(Default)]
pub(super) struct Proven(Vec<Reason>);

/// So many rows are sent all alone to see whether any of them gets through. They are drawn, so that
/// it takes many bad rows to have bad ones only, and other ones the next time.
const PROBES: usize = 4;

/// Rows whose run was held for them so often without one of them getting through are rejected: a run
/// is not held for ever for rows that are bad.
const IN_VAIN_MAX: u32 = 3;

impl Calls<'_> {
    /// Finds out whether a refused call is the fault of its rows; those that remain are sent again,
    /// fewer at once. When another batch of the run holds it first for the like, this counts as a try
    /// of these rows too: batches that go at once need no holds of their own.
    pub(super) async fn clear(
        &self,
        chunk: Chunk,
        doubt: Doubt,
        proven: &mut Proven,
        state: &mut BatchState,
    ) -> Result<Vec<Chunk>, Interruption> {
        let (of_chunk, reason) = (chunk.rows.clone(), doubt.reason.clone());
        let cleared = self.find_out(chunk, doubt, proven, state).await;
        if matches!(cleared, Err(Interruption::Stopped | Interruption::Forced))
            && self.delivery.hold.is_in_doubt()
        {
            for row in of_chunk {
                if !state.is_finished(row) {
                    state.retry(row, reason.clone(), UNLIMITED);
                }
            }
        }
        cleared
    }

    async fn find_out(
        &self,
        chunk: Chunk,
        doubt: Doubt,
        proven: &mut Proven,
        state: &mut BatchState,
    ) -> Result<Vec<Chunk>, Interruption> {
        let (delivery, run_plans) = (self.delivery, &self.delivery.run_plans);
        let is_known = proven.0.iter().any(|known| doubt.is_known_as(known));
        if is_known || was_in_vain(delivery.job(), &chunk) {
            return Ok(split(&chunk, OnSingleRow::Reject, doubt.reason, state));
        }
        match self.rest.planner.refresh(delivery, doubt.since).await {
            Refreshed::Unchanged => (),
            // The next consumer of the batch writes its rows the new way.
            Refreshed::Changed(_) => return Err(Interruption::Stopped),
            Refreshed::Interrupted(interruption) => return Err(interruption),
        }
        let stored = run_plans.stored();
        if let [row] = *chunk.rows {
            if doubt.is_mostly_ours || run_plans.is_refused_alike(&doubt.reason) {
                return Err(in_vain(delivery, doubt));
            }
            state.rejected(row, doubt.reason);
            return Ok(Vec::new());
        }
        // Halves that got through, or were refused otherwise, show that it is some of the rows.
        let (mut follow_up, mut refused_alike) = (Vec::new(), Vec::new());
        for mut half in chunk.halves() {
            match Box::pin(self.send(&mut half, state)).await? {
                Sent::Doubtful(other) if other.is_like(&doubt) => refused_alike.push(half),
                Sent::Through(chunks) => follow_up.extend(chunks),
                Sent::Doubtful(_) | Sent::Split(..) => follow_up.push(half),
            }
        }
        if refused_alike.len() == 2 {
            let through = self.probe(&chunk, &doubt, state).await?;
            let Some((row, chunks)) = through else {
                if run_plans.stored() == stored {
                    return Err(in_vain(delivery, doubt));
                }
                proven.0.push(doubt.reason);
                return Ok(refused_alike.iter().flat_map(Chunk::halves).collect());
            };
            refused_alike.iter_mut().for_each(|half| half.rows.retain(|other| *other != row));
            follow_up.extend(chunks);
        }
        let mut remain = Vec::new();
        for half in refused_alike.iter().filter(|half| !half.rows.is_empty()) {
            match half.rows.len() {
                1 => remain.push(half.retry(half.rows.clone())),
                _ => remain.extend(half.halves()),
            }
        }
        proven.0.push(doubt.reason);
        remain.extend(follow_up);
        Ok(remain)
    }

    /// Sends single rows until one gets through, or is refused otherwise; the answer is which one, and
    /// what follows from it.
    async fn probe(
        &self,
        chunk: &Chunk,
        doubt: &Doubt,
        state: &mut BatchState,
    ) -> Result<Option<(usize, Vec<Chunk>)>, Interruption> {
        for row in fastrand::choose_multiple(chunk.rows.clone(), PROBES) {
            let mut probe = chunk.retry(vec![row]);
            match Box::pin(self.send(&mut probe, state)).await? {
                Sent::Doubtful(other) if other.is_like(doubt) => (),
                Sent::Through(chunks) => return Ok(Some((row, chunks))),
                Sent::Doubtful(_) | Sent::Split(..) => return Ok(Some((row, vec![probe]))),
            }
        }
        Ok(None)
    }
}

/// No row got through: the run is held, and the rows have been tried once more.
fn in_vain(delivery: &Delivery<'_>, doubt: Doubt) -> Interruption {
    delivery.hold_run_in_doubt(doubt.blocker);
    Interruption::Stopped
}

fn was_in_vain(job: &BatchJob, chunk: &Chunk) -> bool {
    chunk.rows.iter().all(|row| job.rows.tries(*row) >= IN_VAIN_MAX)
}
