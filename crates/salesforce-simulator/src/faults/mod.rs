//! What goes wrong, how often, and how to make it go wrong again.

mod draw;
mod parents;
mod plan;

pub(crate) use draw::{FaultSource, JobFate, Target, Work};
use serde::{Deserialize, Serialize};

pub use plan::{LoginError, PlannedFault, PlannedRefusal, RowErrorRule};

/// One way in which a call can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// The connection is reset before anything is done.
    Reset,
    /// 503 `SERVER_UNAVAILABLE`, before anything is done.
    Unavailable,
    /// 500 `UNKNOWN_EXCEPTION`, before anything is done.
    ServerError,
    /// 502 with a page of HTML, before anything is done.
    BadGateway,
    /// 429 with `Retry-After`, before anything is done.
    Throttled,
    /// 403 `REQUEST_LIMIT_EXCEEDED` for too many calls at once.
    ConcurrentLimit,
    /// 403 `REQUEST_LIMIT_EXCEEDED` for too many calls a day.
    TotalLimit,
    /// 401: the token ends here.
    SessionExpired,
    /// All is done and stored, then the connection closes without an answer.
    AnswerLost,
    /// All is done and stored, then the answer breaks off in its middle.
    AnswerCut,
    /// All is done and stored, then the answer comes in ten slow pieces.
    SlowDrip,
    /// All is done and stored, then the answer has one result too few.
    WrongCount,
    /// The call is refused in the words of its plan, before anything is done.
    /// Happens by plan only.
    Refused,
    /// A row was refused with `UNABLE_TO_LOCK_ROW`. Counted by row; cannot be
    /// planned.
    RowLocked,
    /// A row was refused by a rule on its key. Counted by row; cannot be
    /// planned.
    RowRule,
    /// The token endpoint refused to answer.
    Login,
    /// An ingest job fails before any of its rows is processed.
    JobFailed,
    /// An ingest job fails after about half of its rows.
    JobHalfDone,
    /// An ingest job is gone before any of its rows is processed.
    JobLost,
    /// An ingest job waits before it is processed.
    JobSlow,
}

/// What goes wrong. Rates are per thousand calls of the data API, or rows.
///
/// All chances come out of one generator with a seed: the same calls in the
/// same order meet the same faults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, clap::Args)]
#[command(next_help_heading = "Faults (rates are per thousand)")]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Faults {
    /// Wait this many milliseconds before each answer.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency_ms: u64,
    /// And up to this many more, by chance.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency_jitter_ms: u64,
    /// Calls that are answered with 503.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub unavailable_permille: u16,
    /// Calls that are answered with 500.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub server_error_permille: u16,
    /// Calls that are answered with 502 and a page of HTML.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub bad_gateway_permille: u16,
    /// Calls that are answered with 429 and Retry-After.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub throttled_permille: u16,
    /// What Retry-After says, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    pub retry_after_seconds: u64,
    /// Calls that are answered with 403, too many at once.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub concurrent_limit_permille: u16,
    /// Calls that are answered with 403, too many a day.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub total_limit_permille: u16,
    /// Refuse calls with 403 when more than this many are in flight.
    #[arg(long, value_name = "CALLS")]
    pub concurrency_max: Option<usize>,
    /// A token ends after this many calls.
    #[arg(long, value_name = "CALLS")]
    pub token_calls_max: Option<u64>,
    /// A token ends after this many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub token_seconds_max: Option<u64>,
    /// Rows that are refused as locked and taken later.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub row_lock_permille: u16,
    /// How often such a row is refused before it is taken.
    #[arg(long, value_name = "TIMES", default_value_t = 1)]
    pub row_lock_times: u32,
    /// Lock the parents of a call's rows for this many milliseconds: rows of other calls that name
    /// the same parent are refused meanwhile. Of collections only.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub parent_lock_ms: u64,
    /// Calls whose rows are stored and whose connection then closes.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub answer_lost_permille: u16,
    /// Calls whose rows are stored and whose answer then breaks off.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub answer_cut_permille: u16,
    /// Calls whose connection is reset before anything is done.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub reset_permille: u16,
    /// Calls whose answer has one result too few.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub wrong_count_permille: u16,
    /// Calls whose answer comes in ten slow pieces.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub slow_drip_permille: u16,
    /// Pause between those pieces, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 200)]
    pub drip_pause_ms: u64,
    /// Logins that are answered with 503.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub login_unavailable_permille: u16,
    /// Refuse every login with this error.
    #[arg(long, value_name = "ERROR", value_enum)]
    pub login_error: Option<LoginError>,
    /// Reject rows whose external id starts with this (may be repeated).
    #[arg(long, value_name = "PREFIX")]
    pub fail_keys: Vec<String>,
    /// Refuse rows by the start of their external id, with any error; only
    /// through the control API.
    #[arg(skip)]
    pub row_errors: Vec<RowErrorRule>,
    /// How long an ingest job waits until its rows are processed, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub job_delay_ms: u64,
    /// How long each 10,000 rows of it take besides, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub job_batch_ms: u64,
    /// Ingest jobs that fail before any row is processed.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub job_failed_permille: u16,
    /// Ingest jobs that fail after half of their rows.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub job_half_done_permille: u16,
    /// What such a job says.
    #[arg(long, value_name = "TEXT", default_value = Self::JOB_ERROR)]
    pub job_error: String,
    /// Ingest jobs that are gone before any row is processed.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub job_lost_permille: u16,
    /// Ingest jobs that wait longer.
    #[arg(long, value_name = "RATE", default_value_t = 0, value_parser = permille())]
    pub job_slow_permille: u16,
    /// How much longer such a job waits, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    pub job_slow_ms: u64,
    /// Faults for calls and jobs to come; only through the control API.
    #[arg(skip)]
    pub planned: Vec<PlannedFault>,
}

fn permille() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(0..=1000)
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            latency_jitter_ms: 0,
            unavailable_permille: 0,
            server_error_permille: 0,
            bad_gateway_permille: 0,
            throttled_permille: 0,
            retry_after_seconds: 1,
            concurrent_limit_permille: 0,
            total_limit_permille: 0,
            concurrency_max: None,
            token_calls_max: None,
            token_seconds_max: None,
            row_lock_permille: 0,
            row_lock_times: 1,
            parent_lock_ms: 0,
            answer_lost_permille: 0,
            answer_cut_permille: 0,
            reset_permille: 0,
            wrong_count_permille: 0,
            slow_drip_permille: 0,
            drip_pause_ms: 200,
            login_unavailable_permille: 0,
            login_error: None,
            fail_keys: Vec::new(),
            job_delay_ms: 0,
            job_batch_ms: 0,
            job_failed_permille: 0,
            job_half_done_permille: 0,
            job_error: Self::JOB_ERROR.to_owned(),
            job_lost_permille: 0,
            job_slow_permille: 0,
            job_slow_ms: 5000,
            row_errors: Vec::new(),
            planned: Vec::new(),
        }
    }
}

impl Faults {
    /// A reason that the reference names, for jobs that are told to fail.
    pub const JOB_ERROR: &str = "TooManyLockFailure : too many rows could not be locked";

    /// The faults that come by chance, with their rates, in the order in which
    /// the dice are thrown.
    pub(crate) fn rates(&self) -> [(Fault, u16); 11] {
        [
            (Fault::Reset, self.reset_permille),
            (Fault::Unavailable, self.unavailable_permille),
            (Fault::ServerError, self.server_error_permille),
            (Fault::BadGateway, self.bad_gateway_permille),
            (Fault::Throttled, self.throttled_permille),
            (Fault::ConcurrentLimit, self.concurrent_limit_permille),
            (Fault::TotalLimit, self.total_limit_permille),
            (Fault::AnswerLost, self.answer_lost_permille),
            (Fault::AnswerCut, self.answer_cut_permille),
            (Fault::WrongCount, self.wrong_count_permille),
            (Fault::SlowDrip, self.slow_drip_permille),
        ]
    }

    /// Those of ingest jobs.
    pub(crate) fn job_rates(&self) -> [(Fault, u16); 4] {
        [
            (Fault::JobFailed, self.job_failed_permille),
            (Fault::JobHalfDone, self.job_half_done_permille),
            (Fault::JobLost, self.job_lost_permille),
            (Fault::JobSlow, self.job_slow_permille),
        ]
    }

    /// Replaces what a JSON object names and keeps the rest.
    ///
    /// # Errors
    ///
    /// When it names an unknown setting, or a value that does not fit.
    pub fn changed_by(&self, change: &serde_json::Value) -> Result<Self, InvalidFaults> {
        let mut settings = serde_json::to_value(self)?;
        let known = settings.as_object_mut().zip(change.as_object());
        let (known, change) = known.ok_or(InvalidFaults::NoObject)?;
        known.extend(change.clone());
        let faults: Self = serde_json::from_value(settings)?;
        let lock_rates = [faults.row_lock_permille, faults.login_unavailable_permille];
        let struck = faults.rates().into_iter().chain(faults.job_rates());
        let mut rates = struck.map(|(_, rate)| rate).chain(lock_rates);
        if rates.any(|rate| rate > 1000) {
            return Err(InvalidFaults::Rate);
        }
        Ok(faults)
    }
}

/// Why a change of faults was not taken.
#[derive(Debug, thiserror::Error)]
pub enum InvalidFaults {
    /// The change is not a JSON object.
    #[error("faults are a JSON object such as {{\"latencyMs\": 20}}")]
    NoObject,
    /// A rate above 1000.
    #[error("a permille rate is at most 1000")]
    Rate,
    /// An unknown name or a value of a wrong type.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        faults: Faults,
    }

    #[test]
    fn flags_and_library_have_the_same_defaults() {
        assert_eq!(Program::parse_from(["program"]).faults, Faults::default());
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let before = Faults { latency_ms: 20, ..Faults::default() };

        let after = before
            .changed_by(&json!({"unavailablePermille": 5, "planned": [{"fault": "reset"}]}))
            .unwrap();

        assert_eq!(after.latency_ms, 20);
        assert_eq!(after.unavailable_permille, 5);
        assert_eq!(after.planned, [PlannedFault::once(Fault::Reset)]);
    }

    #[test]
    fn a_change_that_makes_no_sense_is_refused() {
        for change in [
            json!([]),
            json!({"latency": 20}),
            json!({"resetPermille": 1001}),
            json!({"rowLockPermille": 1001}),
            json!({"planned": [{"fault": "nonsense"}]}),
        ] {
            assert!(Faults::default().changed_by(&change).is_err(), "{change}");
        }
    }
}
