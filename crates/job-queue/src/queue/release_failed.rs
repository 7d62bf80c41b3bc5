//! Releases jobs whose handler fails or panics.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use apalis_core::{error::BoxDynError, task::Task};
use futures::FutureExt;
use tower::{Layer, Service};
use tracing::warn;

use crate::queue::claim::{Job, log_failure};

/// A job whose handler failed or panicked is retried after this long.
const FAILED_DELAY: Duration = Duration::from_secs(2);

/// Releases a job when its handler fails or panics; the delivery counts as failed.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseFailedLayer;

impl<S> Layer<S> for ReleaseFailedLayer {
    type Service = ReleaseFailed<S>;

    fn layer(&self, handler: S) -> ReleaseFailed<S> {
        ReleaseFailed { handler }
    }
}

/// A handler of claimed jobs that may fail. See [`ReleaseFailedLayer`].
#[derive(Clone, Debug)]
pub struct ReleaseFailed<S> {
    handler: S,
}

impl<S, J: Job> Service<Task<J>> for ReleaseFailed<S>
where
    S: Service<Task<J>>,
    S::Error: Into<BoxDynError>,
    S::Future: Send + 'static,
    S::Response: Send,
{
    type Response = S::Response;
    type Error = BoxDynError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxDynError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.handler.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, task: Task<J>) -> Self::Future {
        let claimed = task.args.clone();
        let delivery = AssertUnwindSafe(self.handler.call(task)).catch_unwind();
        Box::pin(async move {
            let outcome = match delivery.await {
                Ok(outcome) => outcome.map_err(Into::into),
                Err(_panic) => Err("the delivery panicked".into()),
            };
            if let Err(error) = &outcome {
                warn!(job = claimed.name(), error = %error, "job {} failed; releasing it", claimed.name());
                log_failure(claimed.claim().release_failed(FAILED_DELAY).await);
            }
            outcome
        })
    }
}
