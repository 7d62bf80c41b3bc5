//! What this process measures of its requests to Salesforce.

use std::time::Duration;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use crate::{LoginError, Refusal};

/// In seconds. Salesforce gives up after ten minutes.
const BUCKETS: [f64; 13] =
    [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// Labels with their values.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Which of the APIs a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Collections,
    Bulk,
    Other,
}

impl Api {
    const ALL: [Self; 3] = [Self::Collections, Self::Bulk, Self::Other];

    /// That of a path below `/services/data/vXX.X/`.
    pub(crate) fn of(path: &str) -> Self {
        match path {
            path if path.starts_with("composite/sobjects") => Self::Collections,
            path if path.starts_with("jobs/ingest") => Self::Bulk,
            _ => Self::Other,
        }
    }

    fn label(self) -> (&'static str, &'static str) {
        let word = match self {
            Self::Collections => "collections",
            Self::Bulk => "bulk",
            Self::Other => "other",
        };
        ("api", word)
    }
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Throttled,
    Refused,
    Unauthorized,
    ServerError,
    NoAnswer,
}

impl Outcome {
    const ALL: [Self; 6] = [
        Self::Ok,
        Self::Throttled,
        Self::Refused,
        Self::Unauthorized,
        Self::ServerError,
        Self::NoAnswer,
    ];

    pub(crate) fn of_refusal(refusal: &Refusal) -> Self {
        let answer = match refusal {
            Refusal::NotSent { .. } | Refusal::OutcomeUnknown { .. } => return Self::NoAnswer,
            Refusal::Login(_) => return Self::Unauthorized,
            Refusal::Answered(answer) => answer,
        };
        match (answer.code.as_deref(), answer.status) {
            (Some("REQUEST_LIMIT_EXCEEDED"), _) | (_, 429) => Self::Throttled,
            (Some("INVALID_SESSION_ID" | "INVALID_AUTH_HEADER"), _) | (_, 401) => {
                Self::Unauthorized
            }
            (_, 500..) => Self::ServerError,
            _ => Self::Refused,
        }
    }

    fn label(self) -> (&'static str, &'static str) {
        let word = match self {
            Self::Ok => "ok",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
            Self::Unauthorized => "unauthorized",
            Self::ServerError => "server_error",
            Self::NoAnswer => "no_answer",
        };
        ("outcome", word)
    }
}

/// What came of asking for a token.
const TOKEN_OUTCOMES: [&str; 3] = ["ok", "refused", "unavailable"];

/// Counts of one client. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<Labels<2>, Histogram, fn() -> Histogram>,
    sent_bytes: Family<Labels<1>, Counter>,
    token_requests: Family<Labels<1>, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let requests: fn() -> Histogram = || Histogram::new(BUCKETS);
        let metrics = Self {
            requests: Family::new_with_constructor(requests),
            sent_bytes: Family::default(),
            token_requests: Family::default(),
        };
        // All series are there from the start: a rate of one that appears with its first count misses it.
        for api in Api::ALL {
            drop(metrics.sent_bytes.get_or_create(&[api.label()]));
            for outcome in Outcome::ALL {
                drop(metrics.requests.get_or_create(&[api.label(), outcome.label()]));
            }
        }
        for outcome in TOKEN_OUTCOMES {
            drop(metrics.token_requests.get_or_create(&[("outcome", outcome)]));
        }
        metrics
    }
}

impl Metrics {
    /// Adds them to a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "salesforce_request_duration_seconds",
            "Time from the sending of a request to Salesforce to the beginning of its answer, or to its \
             failure, by API and outcome",
            self.requests.clone(),
        );
        registry.register(
            "salesforce_sent_bytes",
            "Bytes of the bodies that were sent to Salesforce, compressed where they are, by API",
            self.sent_bytes.clone(),
        );
        registry.register(
            "salesforce_token_requests",
            "Requests for a token: given, refused for good, or not answered for now",
            self.token_requests.clone(),
        );
    }

    pub(crate) fn requested(&self, api: Api, outcome: Outcome, took: Duration) {
        let labels = [api.label(), outcome.label()];
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(crate) fn sent(&self, api: Api, bytes: usize) {
        self.sent_bytes.get_or_create(&[api.label()]).inc_by(bytes as u64);
    }

    pub(crate) fn asked_for_token(&self, refusal: Option<&LoginError>) {
        let outcome = match refusal {
            None => "ok",
            Some(error) if error.is_passing() => "unavailable",
            Some(_) => "refused",
        };
        self.token_requests.get_or_create(&[("outcome", outcome)]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorAnswer;

    #[test]
    fn each_refusal_has_one_outcome() {
        let answered = |status, code: &str| {
            let code = Some(code.to_owned()).filter(|code| !code.is_empty());
            let (message, retry_after) = (String::new(), None);
            Refusal::Answered(ErrorAnswer { status, code, message, retry_after })
        };
        for (refusal, outcome) in [
            (answered(403, "REQUEST_LIMIT_EXCEEDED"), Outcome::Throttled),
            (answered(429, ""), Outcome::Throttled),
            (answered(401, "INVALID_SESSION_ID"), Outcome::Unauthorized),
            (answered(403, "INVALID_SESSION_ID"), Outcome::Unauthorized),
            (answered(503, "SERVER_UNAVAILABLE"), Outcome::ServerError),
            (answered(400, "JSON_PARSER_ERROR"), Outcome::Refused),
            (Refusal::NotSent { cause: String::new() }, Outcome::NoAnswer),
        ] {
            assert_eq!(Outcome::of_refusal(&refusal), outcome, "{refusal:?}");
        }
    }
}
