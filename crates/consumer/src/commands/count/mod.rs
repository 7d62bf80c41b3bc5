//! `consumer count`: as many records in Salesforce as the ledger of a run says?

mod comparison;
mod subject;
mod together;

use std::{io::Write, ops::RangeInclusive, process::ExitCode, time::Duration};

use ingest_core::RunId;
use jiff::Timestamp;
use job_queue::{Queue, QueueError, RunState};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::preflight::{WaitLimit, away, sign_in};
use crate::{
    config::CountConfig,
    error::ConsumerError,
    retry::{CallVerdict, classify_call},
};

use self::{
    comparison::{Figures, Verdict},
    subject::Subject,
    together::{MARGIN_MS, Measure, Mixed, Together},
};
use load::Operation;
use salesforce::{Client, CountQuery, Counted, Recorded, Refusal, Usage};

/// So many other runs are named.
const NAMED_MAX: usize = 20;

/// A clock that differs by less is covered by the margin.
const CLOCKS_APART_MS: u64 = 3_000;

/// How long published usage of the day's calls is taken for true.
const USAGE_KEPT_MS: u64 = 10 * 60 * 1_000;

/// A count that is refused for the moment is asked for so often.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// How often the records are counted while other runs begin or continue.
const COUNTS: u32 = 3;

/// What was found, as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    run: RunId,
    state: RunState,
    object: String,
    operation: &'static str,
    verdict: Verdict,
    /// Each delivered row of a completed run is there.
    proven: bool,
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

/// Counts the records of a run, and prints what that proves.
pub(crate) async fn count(config: &CountConfig) -> anyhow::Result<ExitCode> {
    let queue = Queue::connect_for_a_person(&config.queue).await?;
    let asked_at = Instant::now();
    let mut subject = Subject::read(&queue, &config.run).await?;
    if let Err(mixed) = subject.sum() {
        return print(config, &subject.not_countable(mixed));
    }
    let client = Client::new(config.connection.clone())?;
    let user = sign_in_as_consumers(&client, config, &queue).await?;
    let mut asking = Asking {
        client,
        queue,
        config,
        object: subject.load.object.clone(),
        user,
        redis_ms: subject.ledger.now_ms,
        asked_at,
        clock_ahead_ms: 0,
    };
    for _ in 0..COUNTS {
        let sum = match subject.sum() {
            Ok(sum) => sum,
            Err(mixed) => return print(config, &subject.not_countable(mixed)),
        };
        let answer = asking.count(&sum, subject.measure()).await;
        asking.tell_usage().await?;
        let since = Subject::read(&asking.queue, &config.run).await?;
        if since.is_as(&subject.load, &sum) {
            return print(config, &subject.report(&sum, answer?, asking.clock_ahead_ms));
        }
        // Asked otherwise it would be another count.
        if since.load != subject.load {
            break;
        }
        subject = since;
    }
    print(config, &subject.not_countable(Mixed::changing()))
}

/// Signs in to the org of the queue, to which the run was delivered. The answer is the id of the user.
async fn sign_in_as_consumers(
    client: &Client,
    config: &CountConfig,
    queue: &Queue,
) -> anyhow::Result<String> {
    let signed_in = sign_in(client, WaitLimit::Seconds).await?.org;
    let of_queue = queue.org().await?;
    if let Some(of_run) = of_queue.filter(|org| *org != signed_in) {
        let run = config.run.clone();
        return Err(ConsumerError::OtherOrg { run, of_run, signed_in }.into());
    }
    let user = WaitLimit::Seconds.ask(|| client.user_id()).await?.map_err(away)?;
    Ok(user.ok_or(ConsumerError::NoUser)?)
}

/// What came of asking.
enum Answer {
    Counted { query: String, records: u64, in_recycle_bin: Option<u64> },
    None { why: String },
}

impl Subject {
    fn not_countable(&self, mixed: Mixed) -> Report {
        let Mixed { why, runs } = mixed;
        let says = format!("the load allows no count: {why}");
        Report { says, ..self.blank(runs) }
    }

    fn report(&self, sum: &Together, answer: Answer, clock_ahead_ms: i64) -> Report {
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

/// Asks Salesforce.
struct Asking<'a> {
    client: Client,
    queue: Queue,
    config: &'a CountConfig,
    object: String,
    user: String,
    /// Redis' clock at a moment.
    redis_ms: u64,
    asked_at: Instant,
    clock_ahead_ms: i64,
}

impl Asking<'_> {
    async fn count(&mut self, sum: &Together, measure: Measure) -> anyhow::Result<Answer> {
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

    async fn tell_usage(&self) -> Result<(), QueueError> {
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

fn print(config: &CountConfig, report: &Report) -> anyhow::Result<ExitCode> {
    let mut out = service::stdout();
    if config.json {
        serde_json::to_writer_pretty(&mut out, report)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", report.text())?;
    }
    out.flush()?;
    Ok(if report.proven { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Report {
    fn text(&self) -> String {
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
