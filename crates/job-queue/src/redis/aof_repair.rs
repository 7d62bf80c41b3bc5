//! Repairs a truncated append-only file before its damage can take effect.
//!
//! After a power cut the append-only file (AOF) may end inside a transaction. Redis 7.0 skips that
//! transaction when it loads the file, but leaves its first half *in the file*; at the next start
//! it executes this half before everything written since: a batch is counted that was counted
//! again later, or leaves the queue that left it later.
//!
//! A Redis that has started knows no script. So the first client that gets `NOSCRIPT` rewrites all
//! keys with the values they have, and only then makes the scripts known (`known.lua`); no client's
//! script can run before that. The values rewritten overwrite whatever half a transaction the file
//! has before them. Payloads are too large to be rewritten: a batch without one is found and fed
//! again, see `recovery.rs`.

use redis::{RedisError, aio::ConnectionManager};
use tracing::warn;

use crate::{
    redis::{keys::Keys, scripts},
    refusal::is_away,
};

/// Of the runs that have ended, so many may have been written to a moment ago.
const NEWEST_RUNS: usize = 20;

/// Rewrites all keys, and makes the scripts known.
pub(crate) async fn rewrite_state(
    connection: &mut ConnectionManager,
    keys: &Keys,
) -> Result<(), RedisError> {
    let mut script = keys.script(&scripts::REWRITE_STATE);
    script.arg(NEWEST_RUNS);
    match script.invoke_async::<String>(connection).await {
        Ok(answer) if answer == "ok" => {}
        Ok(refusal) => warn!("could not rewrite the keys after a restart of redis: {refusal}"),
        Err(error) if is_away(&error) => return Err(error),
        Err(error) => warn!(error = %error, "could not rewrite the keys after a restart of redis"),
    }
    let mut pipeline = redis::pipe();
    for text in scripts::texts() {
        pipeline.cmd("EVAL").arg(text).arg(0).ignore();
    }
    pipeline.query_async(connection).await
}
