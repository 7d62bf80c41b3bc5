//! Names in Redis.
//!
//! All begin with a hash tag, so that everything a script touches lives on one shard of a
//! Redis Cluster. Scripts get the prefix only, and build the names themselves (`keys.lua`);
//! here are those that Rust reads without a script.

use apalis_redis::Config;
use ingest_core::RunId;
use sha2::{Digest, Sha256};

/// What every name begins with. Changing it leaves queued batches behind.
pub(crate) const PREFIX: &str = "{batch-sync}";

/// Newest runs: id by start time.
pub(crate) fn runs() -> String {
    format!("{PREFIX}:runs")
}

/// Ids of runs that have not ended.
pub(crate) fn unfinished_runs() -> String {
    format!("{PREFIX}:runs:unfinished")
}

/// Runs that wait for a target.
pub(crate) fn without_target() -> String {
    format!("{PREFIX}:round:")
}

/// Hash: how many calls the org has left, by Salesforce's last answer.
pub(crate) fn api_usage() -> String {
    format!("{PREFIX}:{API_USAGE}")
}

/// Hash: what the org has left today, as Salesforce's `/limits` says.
pub(crate) fn org_limits() -> String {
    format!("{PREFIX}:{ORG_LIMITS}")
}

pub(crate) const API_USAGE: &str = "api-usage";
pub(crate) const ORG_LIMITS: &str = "org-limits";

/// Hash: notes on the jobs of a queue.
pub(crate) fn notes(queue: &str) -> String {
    format!("{queue}:notes")
}

/// Hash: version and value of what all consumers know together.
pub(crate) fn shared() -> String {
    format!("{PREFIX}:shared")
}

/// Hash: why nothing can be delivered, and since when.
pub(crate) fn outage() -> String {
    format!("{PREFIX}:outage")
}

/// A start key may be long, or contain a secret: Redis gets its digest.
pub(crate) fn start_key(key: &str) -> String {
    digest(key, 16)
}

/// Hexadecimal digits of a SHA-256.
pub(crate) fn digest(text: &str, bytes: usize) -> String {
    Sha256::digest(text).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// The ledger's entry of a run, which is its queue's name too, and what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct RunKeys(String);

impl RunKeys {
    pub(crate) fn of(run: &RunId) -> Self {
        Self(format!("{PREFIX}:run:{run}"))
    }

    /// Hash: state, counts, checkpoint.
    pub(crate) fn entry(&self) -> &str {
        &self.0
    }

    /// Bitmap by sequence.
    pub(crate) fn settled(&self) -> String {
        format!("{}:settled", self.0)
    }

    /// Hash: rejected rows by code.
    pub(crate) fn codes(&self) -> String {
        format!("{}:codes", self.0)
    }

    /// Stream: the last settled batches.
    pub(crate) fn events(&self) -> String {
        format!("{}:events", self.0)
    }

    /// Hash: what happened over time, see `series.lua`.
    pub(crate) fn series(&self) -> String {
        format!("{}:series", self.0)
    }

    /// String: token of the producer that feeds the run.
    pub(crate) fn feeder(&self) -> String {
        format!("{}:feeder", self.0)
    }

    /// What `apalis-redis` is told of the run's queue.
    pub(crate) fn queue(&self) -> Config {
        Config::default().queue(&self.0).emit_events(false)
    }
}

/// What `apalis-redis` is told of the queue of runs that a server imports. The
/// specification names it.
pub(crate) fn imports() -> Config {
    Config::default().queue(format!("{PREFIX}:full-import").as_str()).emit_events(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that `apalis-redis` makes, and those that `keys.lua` does.
    #[test]
    fn what_is_pushed_is_found_by_the_scripts() {
        let run = RunKeys::of(&"nightly".parse().unwrap());

        assert_eq!(run.queue().job_data_hash(), "{batch-sync}:run:nightly:data");
        assert_eq!(run.queue().scheduled_jobs_set(), "{batch-sync}:run:nightly:scheduled");
        assert_eq!(run.queue().job_meta_hash(), "{batch-sync}:run:nightly:meta");
        assert_eq!(imports().job_data_hash(), "{batch-sync}:full-import:data");
    }
}
