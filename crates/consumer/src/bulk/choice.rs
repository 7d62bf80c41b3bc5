//! Which API carries a batch, and what the org has left of Bulk's daily batches.

use std::time::Duration;

use job_queue::{Allowance, Api, OrgLimits, Queue};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::{
    reserve::ApiReserve,
    salesforce::{AssignmentRule, Client},
};

/// What `SALESFORCE_API` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ApiChoice {
    /// sObject Collections: up to 200 rows a call, each answered at once.
    Collections,
    /// Bulk API 2.0: each batch is one ingest job. Set `BATCH_ROWS=10000` as well: tiny jobs use up
    /// the org's daily Bulk batches.
    Bulk,
    /// Bulk for batches of more than 2,000 rows, while the org has Bulk batches to spare;
    /// Collections for all others.
    Auto,
}

/// What came of the wish for a Bulk batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taking {
    Taken,
    ByCalls,
}

/// What decides by which API a batch goes.
#[derive(Debug)]
pub(crate) struct BulkAccess {
    choice: ApiChoice,
    /// Of the day's calls.
    reserve: ApiReserve,
    left: watch::Sender<Option<Left>>,
}

/// Bulk batches of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    /// Not used yet.
    batches: u64,
    /// So many of them are for others.
    kept: u64,
}

impl Left {
    /// What the org says of its batches. As large a part of them is kept as of the day's calls.
    fn of(limits: &OrgLimits, reserve: ApiReserve) -> Option<Self> {
        let Allowance { max, left } = limits.bulk_batches?;
        let kept = reserve.share_of(max, limits.calls.max);
        Some(Self { batches: left, kept })
    }
}

impl BulkAccess {
    pub(crate) fn new(choice: ApiChoice, reserve: ApiReserve) -> Self {
        Self { choice, reserve, left: watch::Sender::default() }
    }

    /// By which API a batch of so many rows goes.
    pub(crate) fn api_for(&self, rows: usize) -> Api {
        match self.choice {
            ApiChoice::Collections => Api::Collections,
            ApiChoice::Bulk => Api::Bulk,
            ApiChoice::Auto => Api::for_batch(rows, has_room(*self.left.borrow())),
        }
    }

    /// Takes one of the Bulk batches that the org has to spare. With `auto` nobody waits for one:
    /// the batch goes by Collections instead.
    pub(crate) async fn take_one(&self) -> Taking {
        let mut left = self.left.subscribe();
        loop {
            if self.take_one_now() {
                return Taking::Taken;
            }
            if self.choice == ApiChoice::Auto {
                return Taking::ByCalls;
            }
            // The sender, which says it, lives in `self`.
            let _said = left.wait_for(|left| has_room(*left)).await;
        }
    }

    /// At once: of two that look at the same time only one gets the last one.
    fn take_one_now(&self) -> bool {
        let mut is_taken = false;
        self.left.send_if_modified(|left| {
            is_taken = has_room(*left);
            match left {
                Some(left) if is_taken => left.batches = left.batches.saturating_sub(1),
                _ => return false,
            }
            true
        });
        is_taken
    }

    /// Salesforce says that no batch is left.
    pub(crate) fn is_spent(&self) {
        self.left.send_replace(Some(Left { batches: 0, kept: 0 }));
    }

    /// Asks the org once what it has left, and tells everybody through Redis.
    pub(crate) async fn look(&self, client: &Client, queue: &Queue) {
        let limits = match client.org_limits().await {
            Ok(Some(limits)) => limits,
            // A user who may not see the limits loads all the same. When the batches were used up,
            // only another try can tell whether some are free again.
            Ok(None) => {
                self.left.send_replace(None);
                return;
            }
            Err(refusal) => {
                warn!(error = %refusal, "the org's limits could not be looked at");
                return;
            }
        };
        let left = Left::of(&limits, self.reserve);
        let had_room = has_room(self.left.send_replace(left));
        match (had_room, has_room(left), self.choice) {
            (_, _, ApiChoice::Collections) => (),
            (true, false, _) => warn!(
                reserve = %self.reserve,
                "the day's bulk batches are used up but for the reserve; nothing is lost"
            ),
            (false, true, _) => info!("bulk batches of the day are free again"),
            _ => (),
        }
        if let Err(error) = queue.publish_org_limits(&limits).await {
            warn!(error = %error, "the org's limits could not be noted");
        }
    }

    /// Asks again every `check`, for as long as this future lives.
    pub(crate) async fn keep_looking(&self, client: &Client, queue: &Queue, check: Duration) {
        loop {
            tokio::time::sleep(check).await;
            self.look(client, queue).await;
        }
    }
}

/// Where nothing is known, the next try tells.
fn has_room(left: Option<Left>) -> bool {
    left.is_none_or(|left| left.batches > left.kept)
}

/// Why rows cannot go by Bulk as they would by Collections.
pub(crate) fn not_by_bulk(
    rule: Option<&AssignmentRule>,
    allow_duplicates: bool,
) -> Option<&'static str> {
    match rule {
        Some(AssignmentRule::Active) => {
            Some("SALESFORCE_ASSIGNMENT_RULE=true (name the rule's id instead)")
        }
        _ if allow_duplicates => Some("SALESFORCE_ALLOW_DUPLICATES"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(choice: ApiChoice, left: Option<u64>) -> BulkAccess {
        let access = BulkAccess::new(choice, ApiReserve::Percent(10));
        access.left.send_replace(left.map(|batches| Left { batches, kept: 100 }));
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
            assert_eq!(access(choice, left).api_for(rows), expected, "{choice:?} {rows} {left:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn with_bulk_alone_jobs_wait_for_batches_to_spare() {
        let access = access(ApiChoice::Bulk, Some(102));
        assert_eq!(access.take_one().await, Taking::Taken);
        assert_eq!(access.take_one().await, Taking::Taken);

        let waited = tokio::time::timeout(Duration::from_secs(60), access.take_one());
        assert!(waited.await.is_err(), "100 are the reserve");
        access.left.send_replace(Some(Left { batches: 500, kept: 100 }));
        access.take_one().await;
        assert_eq!(access.left.borrow().map(|left| left.batches), Some(499));
        access.is_spent();
        assert_eq!(access.api_for(1), Api::Bulk);
        assert!(!has_room(*access.left.borrow()));
    }

    #[tokio::test]
    async fn with_auto_no_more_jobs_are_made_than_there_is_room_for_and_nobody_waits() {
        let access = access(ApiChoice::Auto, Some(103));
        assert_eq!([access.api_for(10_000); 2], [Api::Bulk; 2], "all of them may look first");

        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(access.take_one().await);
        }

        use Taking::{ByCalls, Taken};
        assert_eq!(taken, [Taken, Taken, Taken, ByCalls]);
        assert_eq!(access.api_for(10_000), Api::Collections);
    }

    #[test]
    fn what_bulk_cannot_do_as_collections_does_is_named() {
        let rule = AssignmentRule::Active;
        for (rule, duplicates, expected) in [
            (None, false, None),
            (Some(&AssignmentRule::None), false, None),
            (Some(&rule), false, Some("SALESFORCE_ASSIGNMENT_RULE")),
            (None, true, Some("SALESFORCE_ALLOW_DUPLICATES")),
        ] {
            let why = not_by_bulk(rule, duplicates);
            assert_eq!(why.is_some(), expected.is_some(), "{rule:?} {duplicates}");
            assert!(why.unwrap_or_default().starts_with(expected.unwrap_or_default()));
        }
    }
}
