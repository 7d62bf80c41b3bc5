//! Every Redis key of the product.
//!
//! The prefix is a hash tag, so that all keys of a script live on one shard of a
//! Redis Cluster. The queue's own keys have the names that `apalis-redis` gives
//! them (`:data`, `:meta:<id>`, `:scheduled`); the rest is ours.

use apalis_redis::Config;
use ingest_core::RunId;
use sha2::{Digest, Sha256};

const PREFIX: &str = "{batch-sync}";

/// Name of the queue of batches. Changing it leaves queued jobs behind.
const BATCHES: &str = "{batch-sync}:batches";

/// Name of the queue of runs that a server imports; the seed's name for the job.
const FULL_IMPORT: &str = "{batch-sync}:full-import";

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

/// Names of live servers by the time their word runs out.
pub(crate) fn servers() -> String {
    format!("{PREFIX}:servers")
}

/// Hash: how many calls the org has left, as Salesforce told last.
pub(crate) fn api_usage() -> String {
    format!("{PREFIX}:api-usage")
}

/// String: there once a Redis that started has heard what it must.
pub(crate) fn greeted() -> String {
    format!("{PREFIX}:greeted")
}

/// Hash: version and value of what all consumers know together.
pub(crate) fn shared() -> String {
    format!("{PREFIX}:shared")
}

/// Hash: why deliveries stand still, and since when.
pub(crate) fn delivery_pause() -> String {
    format!("{PREFIX}:delivery-pause")
}

/// Hash: what the org has left today, as Salesforce's `/limits` says.
pub(crate) fn org_limits() -> String {
    format!("{PREFIX}:org-limits")
}

/// String: id of the run that a start with this key began. A key may be long, or say
/// more than it should: only its digest is kept.
pub(crate) fn start_key(key: &str) -> String {
    let digest = Sha256::digest(key.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}:start:{hex}")
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

    /// Hash: what happened over time, see `series.lua`.
    pub(crate) fn series(&self) -> String {
        format!("{}:series", self.0)
    }

    /// Sorted set: jobs that wait for the end of a pause. `claim.lua` builds this name too.
    pub(crate) fn parked(&self) -> String {
        format!("{}:parked", self.0)
    }

    /// String: token of the producer that feeds the run.
    pub(crate) fn feeder(&self) -> String {
        format!("{}:feeder", self.0)
    }
}

/// Keys of one queue.
#[derive(Debug)]
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
    /// Runs whose parked jobs come back.
    pub(crate) resumed: String,
    /// Names of those who live to take jobs.
    pub(crate) living: String,
    /// A job's metadata is at this plus its id.
    pub(crate) meta_prefix: String,
}

impl QueueKeys {
    pub(crate) fn batches() -> Self {
        Self::of(BATCHES, consumers())
    }

    pub(crate) fn imports() -> Self {
        Self::of(FULL_IMPORT, servers())
    }

    fn of(queue: &str, living: String) -> Self {
        let config = Config::default().queue(queue).emit_events(false);
        Self {
            scheduled: config.scheduled_jobs_set(),
            data: config.job_data_hash(),
            meta_prefix: format!("{}:", config.job_meta_hash()),
            delayed: format!("{queue}:delayed"),
            leases: format!("{queue}:leases"),
            tokens: format!("{queue}:tokens"),
            deliveries: format!("{queue}:deliveries"),
            depth: format!("{queue}:depth"),
            resumed: format!("{queue}:resumed"),
            living,
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
