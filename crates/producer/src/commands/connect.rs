//! Connecting to Redis, for what goes on for as long as it takes.

use job_queue::{Queue, QueueArgs, QueueError};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Connects, and says what should be set differently. Gives nothing when `shutdown` came first: it may wait
/// for a failover.
pub(super) async fn connect(
    args: &QueueArgs,
    shutdown: &CancellationToken,
) -> Result<Option<Queue>, QueueError> {
    let connecting = async {
        let queue = Queue::connect(args).await?;
        for warning in queue.settings_warnings().await? {
            warn!("{warning}");
        }
        Ok(queue)
    };
    shutdown.run_until_cancelled(Box::pin(connecting)).await.transpose()
}
