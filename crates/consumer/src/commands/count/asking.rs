//! Asking Salesforce how many records there are.

use std::{ops::RangeInclusive, time::Duration};

use jiff::Timestamp;
use job_queue::{Queue, QueueError};
use load::Operation;
use salesforce::{Client, CountQuery, Counted, Recorded, Refusal, Usage};
use tokio::time::{Instant, sleep};

use super::together::{MARGIN_MS, Measure, Together};
use crate::{
    config::CountConfig,
    error::ConsumerError,
    retry::{CallVerdict, classify_call},
};

/// A clock that differs by less is covered by the margin.
const CLOCKS_APART_MS: u64 = 3_000;

/// How long published usage of the day's calls is taken for true.
const USAGE_KEPT_MS: u64 = 10 * 60 * 1_000;

/// A count that is refused for the moment is asked for so often.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// What came of asking.
pub(super) enum Answer {
    Counted { query: String, records: u64, in_recycle_bin: Option<u64> },
    None { why: String },
}

/// Asks Salesforce.
pub(super) struct Asking<'a> {
    pub(super) client: Client,
    pub(super) queue: Queue,
    pub(super) config: &'a CountConfig,
    pub(super) object: String,
    pub(super) user: String,
    /// Redis' clock at a moment.
    pub(super) redis_ms: u64,
    pub(super) asked_at: Instant,
    pub(super) clock_ahead_ms: i64,
}

impl Asking<'_> {
    pub(super) async fn count(
        &mut self,
        sum: &Together,
        measure: Measure,
    ) -> anyhow::Result<Answer> {
        if let Some(why) = self.reserve_is_reached().await? {
            return Ok(Answer::None { why });
        }
        let recorded = match measure {
            Measure::Created => Recorded::Created,
            Measure::Changed => Recorded::Changed,
            Measure::Deleted => Recorded::Deleted,
        };
        let mut query = self.query(sum, recorded);
        let sent_ms = self.now_ms();
        let mut counted = match self.ask(&query).await? {
            Ok(counted) => counted,
            Err(why) => return Ok(Answer::None { why }),
        };
        let asked = sent_ms..=self.now_ms();
        self.clock_ahead_ms = counted.at_ms.map_or(0, |at_ms| clock_ahead_ms(at_ms, &asked));
        if self.clock_ahead_ms != 0 {
            query = self.query(sum, recorded);
            counted = match self.ask(&query).await? {
                Ok(counted) => counted,
                Err(why) => return Ok(Answer::None { why }),
            };
        }
        let mut in_recycle_bin = None;
        if recorded == Recorded::Created && counted.records < sum.delivered {
            let deleted = self.ask(&self.query(sum, Recorded::CreatedAndDeleted)).await?;
            // Of an object that has no recycle bin, nothing is known.
            in_recycle_bin = deleted.ok().map(|deleted| deleted.records);
        }
        let Counted { records, .. } = counted;
        Ok(Answer::Counted { query: query.soql(), records, in_recycle_bin })
    }

    /// Redis' clock.
    fn now_ms(&self) -> u64 {
        self.redis_ms.saturating_add(millis(self.asked_at.elapsed()))
    }

    fn query(&self, sum: &Together, recorded: Recorded) -> CountQuery {
        let moment = |redis_ms: u64| {
            let ms = redis_ms.saturating_add_signed(self.clock_ahead_ms);
            Timestamp::from_millisecond(i64::try_from(ms).unwrap_or_default()).unwrap_or_default()
        };
        CountQuery {
            object: self.object.clone(),
            user: self.user.clone(),
            recorded,
            from: moment(sum.from_ms.saturating_sub(MARGIN_MS)),
            to: moment(sum.to_ms.saturating_add(MARGIN_MS)),
        }
    }

    /// The number, or why Salesforce does not count such records.
    async fn ask(&self, query: &CountQuery) -> Result<Result<Counted, String>, ConsumerError> {
        let mut tries = 1;
        loop {
            let refusal = match self.client.count(query).await {
                Ok(counted) => return Ok(Ok(counted)),
                Err(refusal) => refusal,
            };
            // A question changes nothing, so it may be repeated like an upsert.
            let may_pass = matches!(
                classify_call(&refusal, Operation::Upsert),
                CallVerdict::Backoff(_) | CallVerdict::Retry { .. }
            );
            match refusal {
                _ if may_pass && tries < TRIES => {}
                Refusal::Login(error) => return Err(ConsumerError::Login(error)),
                Refusal::Answered(answer) if !may_pass && answer.code.is_some() => {
                    return Ok(Err(format!(
                        "the load allows no count: salesforce refuses to count records of {} by user \
                         and time ({answer}); the object may lack these fields, or be too large",
                        self.object
                    )));
                }
                answer => {
                    return Err(ConsumerError::Count { object: self.object.clone(), answer });
                }
            }
            tries += 1;
            sleep(BETWEEN_TRIES).await;
        }
    }

    /// A count is a call of the day like all others.
    async fn reserve_is_reached(&self) -> Result<Option<String>, QueueError> {
        let Some(published) = self.queue.api_usage().await? else { return Ok(None) };
        let usage = Usage { used: published.used, max: published.max };
        let is_old = published.seen_at_ms.saturating_add(USAGE_KEPT_MS) < self.redis_ms;
        Ok((!is_old && self.config.reserve.is_reached(usage)).then(|| {
            format!(
                "there is no call for a count: {} of the day's {} api calls are used, and {} are kept \
                 for others (SALESFORCE_API_RESERVE)",
                published.used, published.max, self.config.reserve
            )
        }))
    }

    pub(super) async fn tell_usage(&self) -> Result<(), QueueError> {
        let usage = *self.client.usage().borrow();
        match usage {
            Some(Usage { used, max }) => self.queue.publish_api_usage(used, max).await,
            None => Ok(()),
        }
    }
}

/// How far Salesforce's clock is ahead of Redis', when that is more than the margin covers. Salesforce read its
/// clock at some time while it was asked: to count millions of records may take seconds.
fn clock_ahead_ms(salesforce_ms: i64, asked: &RangeInclusive<u64>) -> i64 {
    let [sent, answered] =
        [asked.start(), asked.end()].map(|ms| i64::try_from(*ms).unwrap_or(i64::MAX));
    let ahead = salesforce_ms.saturating_sub(salesforce_ms.clamp(sent, answered.max(sent)));
    if ahead.unsigned_abs() > CLOCKS_APART_MS { ahead } else { 0 }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_apart_when_the_margin_does_not_cover_it() {
        for (salesforce_ms, ahead) in [
            (100_000, 0),
            (97_000, 0),
            (103_000, 0),
            (96_000, -4_000),
            (104_000, 4_000),
            (3_700_000, 3_600_000),
        ] {
            let at_once = 100_000..=100_000;
            assert_eq!(clock_ahead_ms(salesforce_ms, &at_once), ahead, "{salesforce_ms}");
        }
    }

    #[test]
    fn clocks_may_be_the_same_when_salesforce_was_asked_for_long() {
        let asked = 100_000..=109_000;

        let ahead = [97_000, 100_000, 104_000, 109_000, 112_000, 113_000, 96_000]
            .map(|salesforce_ms| clock_ahead_ms(salesforce_ms, &asked));

        assert_eq!(ahead, [0, 0, 0, 0, 0, 4_000, -4_000]);
    }
}
