//! Sends the rows of a batch, chunk by chunk.

use std::collections::VecDeque;

use load::EncodedRows;

use super::{
    call::{Calls, Rest, Sent, split},
    chunk::Chunk,
    doubt::Proven,
};
use crate::delivery::{batch::Delivery, batch_state::BatchState, sender::Interruption};

impl Rest {
    /// Sends chunks, and what follows from them, until nothing is left to send.
    pub(crate) async fn send_all(
        &self,
        delivery: &Delivery<'_>,
        rows: &EncodedRows,
        mut chunks: VecDeque<Chunk>,
        state: &mut BatchState,
    ) -> Result<(), Interruption> {
        let calls = Calls { rest: self, delivery, rows };
        let mut proven = Proven::default();
        while let Some(mut chunk) = chunks.pop_front() {
            state.defer_duplicates(&mut chunk, rows);
            if chunk.rows.is_empty() {
                continue;
            }
            if let Some(rest) = chunk.split_after(delivery.run_plans.rows_at_once()) {
                chunks.push_front(rest);
            }
            let follow_up = match calls.send(&mut chunk, state).await? {
                Sent::Through(follow_up) => follow_up,
                Sent::Split(single, reason) => split(&chunk, single, reason, state),
                Sent::Doubtful(doubt) => {
                    let clear = calls.clear(chunk, doubt, &mut proven, state);
                    // Boxed, for it is rare, and each delivery has room for it.
                    Box::pin(clear).await?
                }
            };
            follow_up.into_iter().rev().for_each(|chunk| chunks.push_front(chunk));
        }
        Ok(())
    }
}
