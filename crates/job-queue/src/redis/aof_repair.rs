//! What a Redis that has just started hears first.
//!
//! After a power cut the append-only file may end inside a transaction. Redis 7.0 leaves that
//! transaction out when it loads the file, but leaves its first half *in the file*, and at the
//! start after that one it executes this half before all that was written since: a batch is
//! counted that was counted again later, or taken off the queue that was taken off later.
//!
//! A Redis that has started knows no script. So who hears that first writes all structures anew,
//! as they are, and makes the scripts known then (`known.lua`); nobody's script can run before
//! that. Whatever half stands in the file before it is overwritten when it is executed. Payloads
//! are too large to be written again: a batch without one is found and fed again, see
//! `mending.rs`.

use redis::RedisError;
use tracing::warn;

use crate::{Queue, redis::queue::is_away, redis::scripts};

/// Of the runs that have ended, so many may have been written to a moment ago.
const NEWEST_RUNS: usize = 20;

impl Queue {
    /// Writes everything anew, and makes the scripts known.
    pub(crate) async fn greet(&self) -> Result<(), RedisError> {
        let mut connection = self.connection();
        let mut script = scripts::call(&scripts::REWRITE_STATE);
        script.arg(NEWEST_RUNS);
        match script.invoke_async::<String>(&mut connection).await {
            Ok(answer) if answer == "ok" => {}
            Ok(refusal) => warn!("redis cannot be made safe against a torn file: {refusal}"),
            Err(error) if is_away(&error) => return Err(error),
            Err(error) => warn!(error = %error, "redis cannot be made safe against a torn file"),
        }
        let mut pipeline = redis::pipe();
        for text in scripts::texts() {
            pipeline.cmd("EVAL").arg(text).arg(0).ignore();
        }
        pipeline.query_async(&mut connection).await
    }
}
