//! What a person does to a run: pause, resume, cancel.

use ingest_core::RunId;
use redis::ScriptInvocation;

use crate::{
    Claimed, Queue, QueueError, RunState,
    claim::{Claim, Job},
    keeper::{Lease, new_token},
    keys::{self, RunKeys},
    scripts,
};

/// Bytes of cancelled batches that are fetched at once.
const TAKE_BYTES_MAX: usize = 1 << 20;

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// It is so now.
    Done,
    /// It was so before.
    Already,
    /// Not in the state that the run is in.
    Refused(RunState),
    /// It has failed, and this other run reads its file meanwhile.
    UnderWay(RunId),
    /// There is no such run.
    Unknown,
}

/// A part of a set that was looked through for batches of a cancelled run.
struct Page {
    taken: Vec<Claimed>,
    /// Where to go on; the beginning, too, when one page has more bytes than are fetched at once.
    next: String,
    is_last: bool,
}

impl Queue {
    /// Stops a run until it is resumed: no more of it is read, and no batch of it is
    /// handed out. What is being delivered is seen through.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn pause_run(&self, run: &RunId) -> Result<Control, QueueError> {
        let script = scripts::PAUSE_RUN.key(RunKeys::of(run).entry());
        self.control("pause a run", &script).await
    }

    /// Ends a pause. Somebody must feed the run, see
    /// [`push_import`](Self::push_import); a run that was not paused is
    /// [`Control::Already`] running, or waits for that.
    ///
    /// # Errors
    ///
    /// As [`pause_run`](Self::pause_run).
    pub async fn resume_run(&self, run: &RunId) -> Result<Control, QueueError> {
        let mut script = scripts::RESUME_RUN.key(RunKeys::of(run).entry());
        script.key(&self.keys.resumed).key(keys::unfinished_runs());
        script.arg(run.as_ref()).arg(keys::run_prefix());
        self.control("resume a run", &script).await
    }

    /// Ends a run for good: what is queued of it is removed and counts as cancelled;
    /// what is being delivered is seen through, and counts as what becomes of it.
    ///
    /// # Errors
    ///
    /// As [`pause_run`](Self::pause_run).
    pub async fn cancel_run(&self, run: &RunId) -> Result<Control, QueueError> {
        let keys = RunKeys::of(run);
        let mut script = scripts::CANCEL_RUN.key(keys.entry());
        script.key(keys::unfinished_runs()).key(&self.keys.resumed).key(keys.settled());
        script.arg(run.as_ref());
        let control = self.control("cancel a run", &script).await?;
        if matches!(control, Control::Done | Control::Already) {
            self.remove_cancelled(run).await?;
            self.do_without_lost_batches(run).await?;
        }
        Ok(control)
    }

    async fn do_without_lost_batches(&self, run: &RunId) -> Result<(), QueueError> {
        let ledger = self.run(run).await?;
        if let Some(ledger) = ledger.filter(|ledger| ledger.state == RunState::Cancelling) {
            let lost = self.count_lost_batches(&ledger).await?;
            self.feed_again(run, lost).await?;
        }
        Ok(())
    }

    async fn control(
        &self,
        action: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> Result<Control, QueueError> {
        let answer: String = self.invoke(action, script).await?;
        if let Some(other) = answer.strip_prefix("under_way ").and_then(|run| run.parse().ok()) {
            return Ok(Control::UnderWay(other));
        }
        Ok(match answer.as_str() {
            "done" => Control::Done,
            "already" => Control::Already,
            state => RunState::of(state).map_or(Control::Unknown, Control::Refused),
        })
    }

    /// Settles what is queued of a cancelled run, so that it ends without a consumer.
    async fn remove_cancelled(&self, run: &RunId) -> Result<(), QueueError> {
        let parked = RunKeys::of(run).parked();
        for set in [&parked, &self.keys.scheduled, &self.keys.delayed, &self.keys.leases] {
            let mut cursor = "0".to_owned();
            loop {
                let page = self.take_cancelled(run, set, *set == parked, &cursor).await?;
                for claimed in page.taken {
                    claimed.leave_out().await?;
                }
                if page.is_last {
                    break;
                }
                cursor = page.next;
            }
        }
        Ok(())
    }

    async fn take_cancelled(
        &self,
        run: &RunId,
        set: &str,
        is_parked: bool,
        cursor: &str,
    ) -> Result<Page, QueueError> {
        let (token, keys) = (new_token(), &self.keys);
        let mut script = scripts::TAKE_CANCELLED.prepare_invoke();
        script.key(set).key(&keys.leases).key(&keys.tokens).key(&keys.data).key(&keys.depth);
        script.arg(run.as_ref()).arg(self.lease_ms()).arg(&token).arg(&keys.meta_prefix);
        script.arg(cursor).arg(TAKE_BYTES_MAX).arg(u8::from(is_parked));
        let (next, is_last, taken): (String, bool, Vec<Vec<u8>>) =
            self.invoke("hand out cancelled batches", &script).await?;
        let (jobs, _none_left) = taken.as_chunks::<2>();
        // What cannot be read stays under its lease, and goes to a consumer that can.
        let claimed = jobs.iter().filter_map(|[id, payload]| {
            let lease = Lease::new(String::from_utf8_lossy(id).into_owned(), token.clone());
            let claim = Claim::new(self.clone(), keys.clone(), lease.into(), 1);
            Claimed::read(claim, payload).ok()
        });
        Ok(Page { taken: claimed.collect(), next, is_last })
    }
}
