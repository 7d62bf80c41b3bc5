//! Recovery of lost batches.
//!
//! Every batch that was fed and has no outcome is in one place: queued, delayed or leased. All
//! scripts keep it so, but a Redis that loads a truncated append-only file may execute half of one.
//! The bits of settled batches show what is missing then.

use ingest_core::RunId;

use crate::{Ledger, Queue, QueueError, RunState, redis::scripts};

/// Bytes of completion bits that are read at once.
const BITS_BYTES: u64 = 4_096;

/// Batches that one script looks for.
const BATCHES_PER_SCRIPT: usize = 100;

impl Queue {
    /// Counts the batches of a run that were fed, have no outcome, and are nowhere on the queue. What
    /// is left of them is removed, so that they can be pushed again. Looks for each batch without an
    /// outcome, a hundred at a time.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn count_lost_batches(&self, ledger: &Ledger) -> Result<u64, QueueError> {
        let mut lost = 0;
        let mut first = 0;
        while first < ledger.batches_fed {
            let bits = self.settled_bits(&ledger.run, first, BITS_BYTES).await?;
            let end = ledger.batches_fed.min(first + BITS_BYTES * 8);
            let unsettled = unsettled(&bits, first, end);
            for sequences in unsettled.chunks(BATCHES_PER_SCRIPT) {
                lost += self.find_lost(ledger, sequences).await?;
            }
            first = end;
        }
        Ok(lost)
    }

    async fn find_lost(&self, ledger: &Ledger, sequences: &[u64]) -> Result<u64, QueueError> {
        let mut script = self.keys.script(&scripts::FIND_LOST);
        script.arg(ledger.run.as_ref()).arg(sequences);
        self.invoke("look for lost batches", &script).await
    }

    /// Rewinds a run that waits for `lost` batches to its first one, to be fed again; what is settled
    /// is skipped then. A cancelled run ends without them, and so does one of which
    /// every batch is settled. Gives the state it is in now; `None` when there is no such run.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn requeue_run(
        &self,
        run: &RunId,
        lost: u64,
    ) -> Result<Option<RunState>, QueueError> {
        let mut script = self.keys.script(&scripts::REQUEUE_RUN);
        script.arg(run.as_ref()).arg(lost);
        let state: String = self.invoke("requeue a run", &script).await?;
        Ok(RunState::of(&state))
    }
}

/// Sequences from `first` up to `end` whose bit is not set; the bits begin at `first` and may
/// end early.
fn unsettled(bits: &[u8], first: u64, end: u64) -> Vec<u64> {
    let is_settled = |sequence: &u64| {
        let at = sequence - first;
        let byte = usize::try_from(at / 8).ok().and_then(|byte| bits.get(byte));
        byte.is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
    };
    (first..end).filter(|sequence| !is_settled(sequence)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_bit_is_unsettled() {
        assert_eq!(unsettled(&[0b1011_1111, 0b1100_0000], 64, 76), [65, 74, 75]);
        assert_eq!(unsettled(&[], 8, 11), [8, 9, 10], "bits end with the last settled batch");
        assert_eq!(unsettled(&[0xff], 0, 0), [0; 0]);
    }
}
