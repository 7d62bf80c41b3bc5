//! What this process measures of its requests to the blob storage.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// One label with its value.
type Label = [(&'static str, &'static str); 1];

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    /// It is not there, is not as it should be, or may not be had.
    Refused,
    Throttled,
    ServerError,
    NoAnswer,
}

impl Outcome {
    const ALL: [Self; 5] =
        [Self::Ok, Self::Refused, Self::Throttled, Self::ServerError, Self::NoAnswer];

    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            // Azure says 503 where it is asked too often.
            429 | 503 => Self::Throttled,
            500.. => Self::ServerError,
            400.. => Self::Refused,
            _ => Self::Ok,
        }
    }

    fn label(self) -> Label {
        let word = match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::ServerError => "server_error",
            Self::NoAnswer => "no_answer",
        };
        [("outcome", word)]
    }
}

/// Counts of one store. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<Label, Counter>,
    read_bytes: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self { requests: Family::default(), read_bytes: Counter::default() };
        // All series are there from the start: a rate of one that appears with its first count misses it.
        for outcome in Outcome::ALL {
            drop(metrics.requests.get_or_create(&outcome.label()));
        }
        metrics
    }
}

impl Metrics {
    /// Adds them to a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "blob_requests",
            "Requests to the blob storage, each try by itself, by how they were answered",
            self.requests.clone(),
        );
        registry.register(
            "blob_read_bytes",
            "Bytes of files as they came from the blob storage, compressed where they are",
            self.read_bytes.clone(),
        );
    }

    pub(crate) fn requested(&self, outcome: Outcome) {
        self.requests.get_or_create(&outcome.label()).inc();
    }

    pub(crate) fn read(&self, bytes: usize) {
        self.read_bytes.inc_by(bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_one_outcome() {
        for (status, outcome) in [
            (200, Outcome::Ok),
            (206, Outcome::Ok),
            (304, Outcome::Ok),
            (404, Outcome::Refused),
            (412, Outcome::Refused),
            (429, Outcome::Throttled),
            (503, Outcome::Throttled),
            (500, Outcome::ServerError),
        ] {
            assert_eq!(Outcome::of_status(status), outcome, "{status}");
        }
    }
}
