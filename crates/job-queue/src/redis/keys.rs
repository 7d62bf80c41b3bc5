//! Names in Redis.
//!
//! All begin with a hash tag, so that everything a script touches lives on one shard of a
//! Redis Cluster. Scripts get the prefix only, and build the names themselves (`keys.lua`);
//! here are those that Rust reads without a script.

use std::sync::Arc;

use apalis_redis::Config;
use ingest_core::RunId;
use redis::{Script, ScriptInvocation};
use sha2::{Digest, Sha256};

/// The names of one deployment.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// What every name begins with: the deployment's name as a hash tag.
    prefix: Arc<str>,
}

impl Keys {
    /// Of the deployment of this name.
    pub(crate) fn of(name: &str) -> Self {
        Self { prefix: format!("{{{name}}}").into() }
    }

    /// A script about to be called; its arguments follow.
    ///
    /// It touches keys that it does not name, which is right only while one server has all of them. The
    /// key that it names never exists: so a node of a cluster that is losing the slot, and has some of
    /// its keys only, refuses the script (`ASK`) before it begins.
    pub(crate) fn script(&self, script: &'static Script) -> ScriptInvocation<'static> {
        script.key(self.never_there())
    }

    /// A key in the slot of all others.
    pub(crate) fn never_there(&self) -> String {
        self.named("")
    }

    fn named(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// Newest runs: id by start time.
    pub(crate) fn runs(&self) -> String {
        self.named("runs")
    }

    /// Ids of runs that have not ended.
    pub(crate) fn unfinished_runs(&self) -> String {
        self.named("runs:unfinished")
    }

    /// Runs that wait for a load.
    pub(crate) fn without_load(&self) -> String {
        self.named("round:")
    }

    /// The id of the org that all runs are for.
    pub(crate) fn org(&self) -> String {
        self.named("org")
    }

    /// Live workers of a kind.
    pub(crate) fn registry(&self, kind: &str) -> String {
        self.named(kind)
    }

    /// The run that a start key began.
    pub(crate) fn start(&self, key: &str) -> String {
        self.named(&format!("start:{}", start_key(key)))
    }

    /// Hash: how many calls the org has left, by Salesforce's last answer.
    pub(crate) fn api_usage(&self) -> String {
        self.named(API_USAGE)
    }

    /// Hash: what the org has left today, as Salesforce's `/limits` says.
    pub(crate) fn org_limits(&self) -> String {
        self.named(ORG_LIMITS)
    }

    /// Hash: version and value of what all consumers know together.
    pub(crate) fn shared(&self) -> String {
        self.named("shared")
    }

    /// Hash: why and since when there is an outage; by `outage_name`, or `REFUSED_SIGN_IN`.
    pub(crate) fn outage(&self, name: &str) -> String {
        self.named(name)
    }

    /// What belongs to a run.
    pub(crate) fn run(&self, run: &RunId) -> RunKeys {
        RunKeys(self.named(&format!("run:{run}")))
    }

    /// What `apalis-redis` is told of the queue of runs that a server imports. The
    /// specification names it.
    pub(crate) fn imports(&self) -> Config {
        Config::default().queue(self.named("full-import").as_str()).emit_events(false)
    }
}

pub(crate) const API_USAGE: &str = "api-usage";
pub(crate) const ORG_LIMITS: &str = "org-limits";
pub(crate) const REFUSED_SIGN_IN: &str = "sign-in-refused";

/// Each kind of outage has a name of its own.
pub(crate) fn outage_name(kind: &str) -> String {
    format!("outage:{kind}")
}

/// Hash: notes on the jobs of a queue.
pub(crate) fn notes(queue: &str) -> String {
    format!("{queue}:notes")
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
    /// Hash: state, counts, checkpoint.
    pub(crate) fn entry(&self) -> &str {
        &self.0
    }

    /// Bitmap by sequence.
    pub(crate) fn settled(&self) -> String {
        format!("{}:settled", self.0)
    }

    /// List: lines of a file of this name that are not in it yet.
    pub(crate) fn lines(&self, output: &str) -> String {
        format!("{}:{output}", self.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that `apalis-redis` makes, and those that `keys.lua` does.
    #[test]
    fn what_is_pushed_is_found_by_the_scripts() {
        let run = Keys::of("batch-sync").run(&"nightly".parse().unwrap());

        assert_eq!(run.queue().job_data_hash(), "{batch-sync}:run:nightly:data");
        assert_eq!(run.queue().scheduled_jobs_set(), "{batch-sync}:run:nightly:scheduled");
        assert_eq!(run.queue().job_meta_hash(), "{batch-sync}:run:nightly:meta");
        let imports = Keys::of("of-tests").imports();
        assert_eq!(imports.job_data_hash(), "{of-tests}:full-import:data");
    }
}
