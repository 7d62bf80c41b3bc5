//! Which API carries a batch, and what the org has left of Bulk's daily batches.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use job_queue::Queue;
use load::{Api, ApiChoice};
use salesforce::{Allowance, Client, OrgLimits};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::config::ApiReserve;

/// What came of the reservation of a Bulk batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reservation {
    Reserved,
    ByCalls,
}

/// What decides by which API a batch goes.
#[derive(Debug)]
pub(crate) struct BulkAccess {
    /// A run here may go by Bulk: else what is left of the day's batches is of no interest.
    is_asked_for: AtomicBool,
    /// Of the day's calls.
    reserve: ApiReserve,
    remaining: watch::Sender<Option<Remaining>>,
}

/// Bulk batches of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Remaining {
    /// Not used yet.
    batches: u64,
    /// So many of them are for others.
    kept: u64,
}

impl Remaining {
    /// What the org says of its batches. As large a part of them is kept as of the day's calls.
    fn of(limits: &OrgLimits, reserve: ApiReserve) -> Option<Self> {
        let Allowance { max, remaining } = limits.daily_bulk_api_batches?;
        let kept = reserve.share_of(max, limits.daily_api_requests.max);
        Some(Self { batches: remaining, kept })
    }
}

impl BulkAccess {
    pub(crate) fn new(reserve: ApiReserve) -> Self {
        Self { is_asked_for: AtomicBool::new(false), reserve, remaining: watch::Sender::default() }
    }

    /// By which API a batch of so many rows goes.
    pub(crate) fn api_for(&self, choice: ApiChoice, rows: usize) -> Api {
        self.is_asked_for.fetch_or(choice != ApiChoice::Collections, Relaxed);
        match choice {
            ApiChoice::Collections => Api::Collections,
            ApiChoice::Bulk => Api::Bulk,
            ApiChoice::Auto => Api::for_batch(rows, has_room(*self.remaining.borrow())),
        }
    }

    /// Reserves one of the Bulk batches that the org has to spare. With `auto` nobody waits for one:
    /// the batch goes by Collections instead.
    pub(crate) async fn reserve(&self, choice: ApiChoice) -> Reservation {
        let mut left = self.remaining.subscribe();
        loop {
            if self.reserve_now() {
                return Reservation::Reserved;
            }
            if choice == ApiChoice::Auto {
                return Reservation::ByCalls;
            }
            // The sender, which says it, lives in `self`.
            let _said = left.wait_for(|left| has_room(*left)).await;
        }
    }

    /// In one step: of two at the same time only one gets the last batch.
    fn reserve_now(&self) -> bool {
        let mut is_reserved = false;
        self.remaining.send_if_modified(|left| {
            is_reserved = has_room(*left);
            match left {
                Some(left) if is_reserved => left.batches = left.batches.saturating_sub(1),
                _ => return false,
            }
            true
        });
        is_reserved
    }

    /// Salesforce says that no batch is left.
    pub(crate) fn is_spent(&self) {
        self.remaining.send_replace(Some(Remaining { batches: 0, kept: 0 }));
    }

    /// Asks the org once what it has left, and publishes that through Redis.
    pub(crate) async fn update(&self, client: &Client, queue: &Queue) {
        let limits = match client.limits().await {
            Ok(Some(limits)) => limits,
            // A user who may not see the limits loads all the same. When the batches were used up,
            // only another try can tell whether some are free again.
            Ok(None) => {
                self.remaining.send_replace(None);
                return;
            }
            Err(refusal) => {
                warn!(error = %refusal, "could not read the org's limits");
                return;
            }
        };
        let left = Remaining::of(&limits, self.reserve);
        let had_room = has_room(self.remaining.send_replace(left));
        match (had_room, has_room(left), self.is_asked_for.load(Relaxed)) {
            (true, false, true) => warn!(
                reserve = %self.reserve,
                "the day's bulk batches are used up but for the reserve; nothing is lost"
            ),
            (false, true, true) => info!("daily bulk batches are available again"),
            _ => (),
        }
        if let Err(error) = queue.publish_org_limits(&as_queued(limits)).await {
            warn!(error = %error, "could not publish the org's limits");
        }
    }

    /// Asks again every `check`, for as long as this future lives.
    pub(crate) async fn keep_updating(&self, client: &Client, queue: &Queue, check: Duration) {
        loop {
            tokio::time::sleep(check).await;
            self.update(client, queue).await;
        }
    }
}

/// The same in the words of the queue.
fn as_queued(limits: OrgLimits) -> job_queue::OrgLimits {
    let allowance = |Allowance { max, remaining }| job_queue::Allowance { max, left: remaining };
    job_queue::OrgLimits {
        calls: allowance(limits.daily_api_requests),
        bulk_batches: limits.daily_bulk_api_batches.map(allowance),
    }
}

/// Where nothing is known, the next try shows.
fn has_room(left: Option<Remaining>) -> bool {
    left.is_none_or(|left| left.batches > left.kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(left: Option<u64>) -> BulkAccess {
        let access = BulkAccess::new(ApiReserve::Percent(10));
        access.remaining.send_replace(left.map(|batches| Remaining { batches, kept: 100 }));
        access
    }

    #[test]
    fn auto_looks_at_the_batch_and_at_what_is_left_beside_the_reserve() {
        for (choice, rows, left, expected) in [
            (ApiChoice::Auto, 10_000, None, Api::Bulk),
            (ApiChoice::Auto, 10_000, Some(101), Api::Bulk),
            (ApiChoice::Auto, 10_000, Some(100), Api::Collections),
            (ApiChoice::Auto, 2_000, Some(1_000), Api::Collections),
            (ApiChoice::Bulk, 1, Some(0), Api::Bulk),
            (ApiChoice::Collections, 10_000, None, Api::Collections),
        ] {
            assert_eq!(access(left).api_for(choice, rows), expected, "{choice:?} {rows} {left:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn with_bulk_alone_jobs_wait_for_batches_to_spare() {
        let access = access(Some(102));
        assert_eq!(access.reserve(ApiChoice::Bulk).await, Reservation::Reserved);
        assert_eq!(access.reserve(ApiChoice::Bulk).await, Reservation::Reserved);

        let waited = tokio::time::timeout(Duration::from_secs(60), access.reserve(ApiChoice::Bulk));
        assert!(waited.await.is_err(), "100 are the reserve");
        access.remaining.send_replace(Some(Remaining { batches: 500, kept: 100 }));
        access.reserve(ApiChoice::Bulk).await;
        assert_eq!(access.remaining.borrow().map(|left| left.batches), Some(499));
        access.is_spent();
        assert_eq!(access.api_for(ApiChoice::Bulk, 1), Api::Bulk);
        assert!(!has_room(*access.remaining.borrow()));
    }

    #[tokio::test]
    async fn with_auto_no_more_jobs_are_made_than_there_is_room_for_and_no_batch_waits() {
        let access = access(Some(103));
        assert_eq!(
            [access.api_for(ApiChoice::Auto, 10_000); 2],
            [Api::Bulk; 2],
            "all of them may ask first"
        );

        let mut reserved = Vec::new();
        for _ in 0..4 {
            reserved.push(access.reserve(ApiChoice::Auto).await);
        }

        use Reservation::{ByCalls, Reserved};
        assert_eq!(reserved, [Reserved, Reserved, Reserved, ByCalls]);
        assert_eq!(access.api_for(ApiChoice::Auto, 10_000), Api::Collections);
    }
}
