//! Every Redis key of the product.
//!
//! The prefix is a hash tag, so that all keys of a script live on one shard of a
//! Redis Cluster. The queue's own keys have the names that `apalis-redis` gives
//! them (`:data`, `:meta:<id>`, `:scheduled`); the rest is ours.

use apalis_redis::Config;
use ingest_core::RunId;

const PREFIX: &str = "{batch-sync}";

/// Name of the queue of batches. Changing it leaves queued jobs behind.
pub(crate) const BATCHES: &str = "{batch-sync}:batches";

/// Newest runs: id by start time.
pub(crate) fn runs() -> String {
    format!("{PREFIX}:runs")
}

/// Ids of runs that have not ended.
pub(crate) fn unfinished_runs() -> String {
    format!("{PREFIX}:runs:unfinished")
}

/// Names of live consumers by the time their word runs out.
pub(crate) fn consumers() -> String {
    format!("{PREFIX}:consumers")
}

/// What a run key starts with; the run's id follows.
pub(crate) fn run_prefix() -> String {
    format!("{PREFIX}:run:")
}

/// The ledger's entry of a run, and its companions.
pub(crate) struct RunKeys(String);

impl RunKeys {
    pub(crate) fn of(run: &RunId) -> Self {
        Self(format!("{}{run}", run_prefix()))
    }

    /// Hash: state, counts, checkpoint.
    pub(crate) fn entry(&self) -> &str {
        &self.0
    }

    /// Bitmap by sequence. `claim.lua` builds this name too.
    pub(crate) fn settled(&self) -> String {
        format!("{}:settled", self.0)
    }

    /// Hash: rejected rows by code.
    pub(crate) fn codes(&self) -> String {
        format!("{}:codes", self.0)
    }

    /// List: lines that are not in the rejects file yet.
    pub(crate) fn rejects(&self) -> String {
        format!("{}:rejects", self.0)
    }

    /// Stream: the last settled batches.
    pub(crate) fn events(&self) -> String {
        format!("{}:events", self.0)
    }

    /// String: token of the producer that feeds the run.
    pub(crate) fn feeder(&self) -> String {
        format!("{}:feeder", self.0)
    }
}

/// Keys of the queue of batches.
pub(crate) struct QueueKeys {
    /// What `apalis-redis` is told.
    pub(crate) config: Config,
    pub(crate) scheduled: String,
    pub(crate) delayed: String,
    pub(crate) leases: String,
    pub(crate) tokens: String,
    pub(crate) deliveries: String,
    pub(crate) data: String,
    pub(crate) depth: String,
    /// A job's metadata is at this plus its id.
    pub(crate) meta_prefix: String,
}

impl QueueKeys {
    pub(crate) fn batches() -> Self {
        let config = Config::default().queue(BATCHES).emit_events(false);
        Self {
            scheduled: config.scheduled_jobs_set(),
            data: config.job_data_hash(),
            meta_prefix: format!("{}:", config.job_meta_hash()),
            delayed: format!("{BATCHES}:delayed"),
            leases: format!("{BATCHES}:leases"),
            tokens: format!("{BATCHES}:tokens"),
            deliveries: format!("{BATCHES}:deliveries"),
            depth: format!("{BATCHES}:depth"),
            config,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queued_job_is_still_found_after_an_upgrade() {
        let keys = QueueKeys::batches();

        assert_eq!(
            [keys.scheduled, keys.data, keys.meta_prefix, runs()],
            [
                "{batch-sync}:batches:scheduled",
                "{batch-sync}:batches:data",
                "{batch-sync}:batches:meta:",
                "{batch-sync}:runs"
            ]
        );
    }
}
