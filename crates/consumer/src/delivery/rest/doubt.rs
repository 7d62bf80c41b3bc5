//! Whose fault it is that a call was refused as a whole: what all rows are refused for alike is no
//! fault of a row, and holds the run.

use super::send::Sent;
use crate::delivery::{
    Deliverer, Delivery, End, Looked,
    deliverer::{refused, reject_as_unknown},
};
use crate::{
    delivery::batch_state::Progress,
    delivery::rest::chunk::Call,
    retry::{AS_OFTEN_AS_SET, Blocker, Single},
};
use ingest_core::BatchJob;
use load::{EncodedRows, Reason};
use tokio::time::Instant;

/// A call was refused as a whole, and nobody knows yet why.
pub(crate) struct Doubt {
    pub(in crate::delivery) reason: Reason,
    /// Before it was sent.
    pub(in crate::delivery) since: Instant,
    /// If it is no fault of the rows.
    pub(crate) blocker: Blocker,
    /// Whether it is mostly no fault of the rows: then one row alone holds its run.
    pub(crate) is_mostly_ours: bool,
}

/// What became of a part of a doubtful call.
enum Part {
    /// It was taken; these calls follow.
    Through(Vec<Call>),
    RefusedAlike,
    /// Something else is the matter with it.
    Otherwise,
}

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
pub(in crate::delivery) struct Proven(Vec<Reason>);

/// So many rows are sent all alone to see whether any of them gets through. They are drawn, so that
/// it takes many bad rows to have bad ones only, and other ones the next time.
const PROBES: usize = 4;

/// Rows whose run was held for them so often without one of them getting through are rejected: a run
/// is not held for ever for rows that are bad.
const IN_VAIN_MAX: u32 = 3;

/// What follows from a doubt: calls to be made right away, or why none may be made.
pub(in crate::delivery) type Cleared = Result<Vec<Call>, End>;

impl Deliverer {
    /// Finds out whether a refused call is the fault of its rows; those that remain are sent again,
    /// fewer at once. When another batch of the run holds it first for the like, this counts as a try
    /// of these rows too: batches that go at once need no holds of their own.
    pub(in crate::delivery) async fn clear(
        &self,
        delivery: &Delivery<'_>,
        rows: &EncodedRows,
        call: Call,
        doubt: Doubt,
        proven: &mut Proven,
        progress: &mut Progress,
    ) -> Cleared {
        let (of_call, reason) = (call.rows.clone(), doubt.reason.clone());
        let cleared = self.find_out(delivery, rows, call, doubt, proven, progress).await;
        if matches!(cleared, Err(End::Interrupted)) && delivery.hold.is_in_doubt() {
            for row in of_call {
                if !progress.is_finished(row) {
                    progress.try_again(row, reason.clone(), AS_OFTEN_AS_SET);
                }
            }
        }
        cleared
    }

    async fn find_out(
        &self,
        delivery: &Delivery<'_>,
        rows: &EncodedRows,
        call: Call,
        doubt: Doubt,
        proven: &mut Proven,
        progress: &mut Progress,
    ) -> Cleared {
        let of_run = &delivery.of_run;
        let is_known = proven.0.iter().any(|known| doubt.is_known_as(known));
        if is_known || was_in_vain(delivery.job(), &call) {
            return Ok(refused(&call, Single::Reject, doubt.reason, progress));
        }
        match self.look_again(delivery, doubt.since).await {
            Looked::Same => (),
            // Whoever takes the batch next writes its rows the new way.
            Looked::Changed(_) => return Err(End::Interrupted),
            Looked::End(end) => return Err(end),
        }
        let stored = of_run.stored();
        if let [row] = *call.rows {
            if doubt.is_mostly_ours || of_run.is_refused_alike(&doubt.reason) {
                return Err(in_vain(delivery, doubt));
            }
            progress.rejected(row, doubt.reason);
            return Ok(Vec::new());
        }
        // Halves that got through, or were refused otherwise, show that it is some of the rows.
        let (mut follow_up, mut refused_alike) = (Vec::new(), Vec::new());
        for mut half in call.halves() {
            match self.try_part(delivery, rows, &mut half, &doubt, progress).await? {
                Part::RefusedAlike => refused_alike.push(half),
                Part::Through(calls) => follow_up.extend(calls),
                Part::Otherwise => follow_up.push(half),
            }
        }
        if refused_alike.len() == 2 {
            let through = self.probe(delivery, rows, &call, &doubt, progress).await?;
            let Some((row, calls)) = through else {
                if of_run.stored() == stored {
                    return Err(in_vain(delivery, doubt));
                }
                proven.0.push(doubt.reason);
                return Ok(refused_alike.iter().flat_map(Call::halves).collect());
            };
            refused_alike.iter_mut().for_each(|half| half.rows.retain(|other| *other != row));
            follow_up.extend(calls);
        }
        let mut remain = Vec::new();
        for half in refused_alike.iter().filter(|half| !half.rows.is_empty()) {
            match half.rows.len() {
                1 => remain.push(half.again(half.rows.clone())),
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
        delivery: &Delivery<'_>,
        rows: &EncodedRows,
        call: &Call,
        doubt: &Doubt,
        progress: &mut Progress,
    ) -> Result<Option<(usize, Vec<Call>)>, End> {
        for row in fastrand::choose_multiple(call.rows.clone(), PROBES) {
            let mut probe = call.again(vec![row]);
            match self.try_part(delivery, rows, &mut probe, doubt, progress).await? {
                Part::RefusedAlike => (),
                Part::Through(calls) => return Ok(Some((row, calls))),
                Part::Otherwise => return Ok(Some((row, vec![probe]))),
            }
        }
        Ok(None)
    }

    async fn try_part(
        &self,
        delivery: &Delivery<'_>,
        rows: &EncodedRows,
        part: &mut Call,
        doubt: &Doubt,
        progress: &mut Progress,
    ) -> Result<Part, End> {
        match Box::pin(self.send(delivery, rows, part, progress)).await {
            Sent::Doubtful(other) if other.is_like(doubt) => Ok(Part::RefusedAlike),
            Sent::Doubtful(_) | Sent::Refused(..) => Ok(Part::Otherwise),
            Sent::Results(leave, results) => {
                let taken = self.take_in(delivery, leave, part, &results, progress).await;
                taken.map(Part::Through).map_err(|blocker| {
                    delivery.hold_run(blocker);
                    End::Interrupted
                })
            }
            Sent::OutcomeUnknown(cause) => {
                reject_as_unknown(part, &cause, progress);
                Ok(Part::Through(Vec::new()))
            }
            Sent::Ended(end) => Err(end),
        }
    }
}

/// No row got through: the run is held, and the rows have been tried once more.
fn in_vain(delivery: &Delivery<'_>, doubt: Doubt) -> End {
    delivery.hold_run_in_doubt(doubt.blocker);
    End::Interrupted
}

fn was_in_vain(job: &BatchJob, call: &Call) -> bool {
    call.rows.iter().all(|row| job.rows.tries(*row) >= IN_VAIN_MAX)
}
